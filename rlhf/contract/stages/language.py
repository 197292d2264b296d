"""Configs of the stages that learn from text as it is: SFT."""

from dataclasses import dataclass

from rlhf.contract.fields import StageConfig, option


@dataclass(frozen=True, kw_only=True)
class SftConfig(StageConfig):
    """Supervised fine-tuning on demonstrations; the loss is on the completion only."""

    epochs: int = option(3, help="Passes over the demonstrations.", minimum=1, maximum=100)
    learning_rate: float = option(2e-4, help="Peak learning rate (AdamW).", minimum=1e-8, maximum=1.0)
    batch_size: int = option(8, help="Demonstrations an optimiser step.", minimum=1, maximum=1024)
    max_length: int = option(
        512, help="Tokens of prompt and completion; longer ones are left out and counted.", minimum=16, maximum=32768
    )
    lora_rank: int = option(
        16, help="Rank of the LoRA adapters, merged at the end; 0 trains every weight.", minimum=0, maximum=512
    )
    max_grad_norm: float = option(1.0, help="Gradient clipping.", minimum=0.01, maximum=1000.0)
