"""Configs of the stages that learn from text as it is: pretraining and SFT."""

from dataclasses import dataclass

from rlhf.contract.fields import CHECKPOINT_HELP, ConfigError, StageConfig, option

MODEL, OPTIMISATION, MONITORING = "The model", "Optimisation", "Monitoring"


@dataclass(frozen=True, kw_only=True)
class PretrainConfig(StageConfig):
    """A language model from plain text: from scratch, or a model taken further. A small Llama here; nothing but the
    size is small about it.
    """

    weights: str = option(
        "new",
        help="New weights of the size below, or those of the chosen model, taken further. The tokenizer is the chosen "
        "model's in both cases; without a model, one is made from the corpus.",
        choices=("new", "model"),
        group=MODEL,
    )
    vocabulary: int = option(
        4096, help="Tokens of a tokenizer made from the corpus.", minimum=300, maximum=500_000, group=MODEL
    )
    layers: int = option(4, help="Blocks of the transformer.", minimum=1, maximum=200, group=MODEL)
    hidden_size: int = option(
        128,
        help="Width of the states; it must be a multiple of twice the heads.",
        minimum=8,
        maximum=32768,
        group=MODEL,
    )
    heads: int = option(4, help="Attention heads.", minimum=1, maximum=512, group=MODEL)
    key_value_heads: int = option(
        4,
        help="Heads of keys and values; heads must be a multiple of it. Fewer: a smaller cache when it writes.",
        minimum=1,
        maximum=512,
        group=MODEL,
    )
    context: int = option(
        512, help="Tokens that the model can look back on, at most.", minimum=16, maximum=1_048_576, group=MODEL
    )

    steps: int = option(500, help="Optimiser steps.", minimum=1, maximum=10_000_000, group=OPTIMISATION)
    batch_size: int = option(16, help="Blocks an optimiser step.", minimum=1, maximum=65536, group=OPTIMISATION)
    microbatch_size: int = option(
        0,
        help="Blocks in one forward pass; the batch size must be a multiple of it. 0 takes a batch whole.",
        minimum=0,
        maximum=65536,
        group=OPTIMISATION,
    )
    block_size: int = option(
        256,
        help="Tokens of a block: the documents, an end token after each, are cut into blocks of this length.",
        minimum=8,
        maximum=1_048_576,
        group=OPTIMISATION,
    )
    learning_rate: float = option(
        1e-3,
        help="Peak learning rate (AdamW), falling to 0 by a cosine.",
        minimum=1e-8,
        maximum=1.0,
        group=OPTIMISATION,
    )
    warmup_steps: int = option(
        20, help="Steps in which the learning rate rises.", minimum=0, maximum=1_000_000, group=OPTIMISATION
    )
    weight_decay: float = option(
        0.1, help="Decay of the weights; norms are left out.", minimum=0.0, maximum=10.0, group=OPTIMISATION
    )
    max_grad_norm: float = option(1.0, help="Gradient clipping.", minimum=0.01, maximum=1000.0, group=OPTIMISATION)
    gradient_checkpointing: bool = option(
        False, help="Recompute activations in the backward pass: less memory, a third more time.", group=OPTIMISATION
    )

    evaluate_every: int = option(
        100,
        help="Measure on the held-out documents every so many steps; 0 only at both ends.",
        minimum=0,
        maximum=10_000_000,
        group=MONITORING,
    )
    checkpoint_every: int = option(
        0,
        help=CHECKPOINT_HELP,
        minimum=0,
        maximum=10_000_000,
        group=MONITORING,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        errors: dict[str, str] = {}
        if self.hidden_size % (2 * self.heads):
            errors["hidden_size"] = (
                f"must be a multiple of twice the heads; got {self.hidden_size} and {self.heads} heads. "
                f"Set it to {max(1, round(self.hidden_size / (2 * self.heads))) * 2 * self.heads}."
            )
        if self.heads % self.key_value_heads:
            errors["key_value_heads"] = f"must divide heads; got {self.key_value_heads} and {self.heads}."
        if self.block_size > self.context:
            errors["block_size"] = (
                f"must not exceed context; got {self.block_size} and {self.context}. Raise context or lower it."
            )
        if self.microbatch_size and self.batch_size % self.microbatch_size:
            errors["batch_size"] = (
                f"must be a multiple of microbatch_size; got {self.batch_size} and {self.microbatch_size}."
            )
        if self.warmup_steps > self.steps:
            errors["warmup_steps"] = f"must not exceed steps; got {self.warmup_steps} and {self.steps}."
        if errors:
            raise ConfigError(errors)


@dataclass(frozen=True, kw_only=True)
class SftConfig(StageConfig):
    """Supervised fine-tuning on demonstrations; the loss is on the completion only."""

    epochs: int = option(3, help="Passes over the demonstrations.", minimum=1, maximum=100)
    learning_rate: float = option(2e-4, help="Peak learning rate (AdamW).", minimum=1e-8, maximum=1.0)
    batch_size: int = option(8, help="Demonstrations an optimiser step.", minimum=1, maximum=1024)
    max_length: int = option(
        512, help="Tokens of prompt and completion; longer ones are left out and counted.", minimum=16, maximum=32768
    )
    packing: bool = option(
        False,
        help="Put several demonstrations into a row of max_length tokens, apart from each other: less padding. A batch "
        "is then so many rows.",
    )
    lora_rank: int = option(
        16, help="Rank of the LoRA adapters, merged at the end; 0 trains every weight.", minimum=0, maximum=512
    )
    max_grad_norm: float = option(1.0, help="Gradient clipping.", minimum=0.01, maximum=1000.0)
    checkpoint_every: int = option(0, help=CHECKPOINT_HELP, minimum=0, maximum=100_000)
