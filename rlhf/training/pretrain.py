"""Pretraining: a base model from plain text, from scratch or a model taken further, by the Hugging Face trainer.

    accelerate launch -m rlhf.training.pretrain RUN_DIR

Documents are tokenised, an end token after each, and cut into blocks of equal length; every token of a block is learned
from those before it. What is reported is the perplexity of held-out documents, which no block was made of.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from transformers import (
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    TrainingArguments,
)

from rlhf.contract.config import ConfigError, PretrainConfig
from rlhf.training import corpus, language_loss, models, new_models, precision, resuming, sharding, trainers
from rlhf.training.corpus import Stream
from rlhf.training.language_loss import LanguageTrainer
from rlhf.training.resuming import Keeper
from rlhf.training.run import RunContext, StageOutcome, main
from rlhf.training.watching import Watcher

TOKENIZER_CHARS = 200_000_000
"""Characters of the corpus that a new tokenizer is trained on, at most."""
SIZE = ("hidden_size", "layers", "heads", "key_value_heads", "context")


def train(context: RunContext) -> StageOutcome:
    """Train a base model on the training documents of a corpus and measure it on the held-out ones."""
    config, directory, text = context.spec.config, context.directory, Path(context.spec.inputs.corpus)
    assert isinstance(config, PretrainConfig)  # noqa: S101  read_spec parsed it for this stage
    corpus.verify(text)
    model, tokenizer = _start(context, text)
    model = language_loss.without_logits(models.placed(model))
    print(f"pretrain: {model.num_parameters() / 1e6:.1f} M parameters, {len(tokenizer)} tokens", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        learned = corpus.stream(text, tokenizer, split="train", scratch=Path(scratch))
        held_out = corpus.stream(text, tokenizer, split="test", scratch=Path(scratch))
        blocks = corpus.blocks(learned, size=config.block_size)
        print(
            f"pretrain: {len(learned.tokens)} training tokens in {len(blocks)} blocks, "
            f"{len(held_out.tokens)} tokens held out",
            flush=True,
        )
        watcher = HeldOutWatcher(context, model, held_out)
        before = watcher.measure()
        trainer = LanguageTrainer(
            model=model,
            args=_arguments(config, context),
            train_dataset=blocks,
            callbacks=[watcher, Keeper(every=config.checkpoint_every)],
            use_bfloat16=watcher.use_bfloat16,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=resuming.newest(directory))
        if watcher.is_cancelled:
            return StageOutcome(is_cancelled=True)
        after = watcher.measure()
    models.save_checkpoint(directory.checkpoint, model=model.eval(), tokenizer=tokenizer, kind="base")
    resuming.forget(directory)
    seen = int(trainer.state.num_input_tokens_seen)
    counts = {
        "n_parameters": model.num_parameters(),
        "vocabulary": len(tokenizer),
        "n_tokens": len(learned.tokens),
        "n_tokens_seen": seen,
        "epochs": seen / len(learned.tokens),
        "n_held_out_tokens": len(held_out.tokens),
    }
    return StageOutcome({"perplexity_before": before["perplexity"], **after, **counts}, checkpoint_kind="base")


class HeldOutWatcher(Watcher):
    """Watches the training and, every so many steps, measures the held-out documents."""

    def __init__(self, context: RunContext, model: PreTrainedModel, held_out: Stream) -> None:
        super().__init__(context.directory)
        assert isinstance(context.spec.config, PretrainConfig)  # noqa: S101
        self.config, self.model, self.held_out = context.spec.config, model, held_out
        self.use_bfloat16 = precision.choose_bfloat16(models.device())

    def measure(self) -> dict[str, float]:
        """Return perplexity and bits per byte of the held-out documents, and print the first."""
        found = language_loss.perplexity(
            self.model,
            self.held_out,
            block_size=self.config.block_size,
            batch_size=self.config.microbatch_size or self.config.batch_size,
            use_bfloat16=self.use_bfloat16,
            on_batch=self.directory.beat,
        )
        print(f"held out: perplexity {found['perplexity']:.4g}", flush=True)
        return found

    def more_values(self, step: int) -> dict[str, float]:
        every = self.config.evaluate_every
        if not every or step % every:
            return {}
        return {f"held_out_{name}": value for name, value in self.measure().items()}


def _start(context: RunContext, text: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the model before its first step, and its tokenizer."""
    config, base = context.spec.config, context.spec.inputs.base
    assert isinstance(config, PretrainConfig)  # noqa: S101
    if config.weights == "model":
        return _taken_further(config, base)
    if base:
        tokenizer = models.load_tokenizer(Path(base))
    else:
        tokenizer = new_models.make_tokenizer(_beginning(text), vocabulary=config.vocabulary)
    size = {name: getattr(config, name) for name in SIZE}
    model = new_models.make_llama(tokenizer, **size)
    if sharding.is_wanted():
        model = models.in_shards(model, AutoModelForCausalLM, model.config)
    return model, tokenizer


def _taken_further(config: PretrainConfig, base: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if not base:
        raise ConfigError(
            {"weights": "«model» takes a model further, and none is given. Choose one, or set it to new."}
        )
    model, tokenizer = models.load_causal_lm(Path(base)), models.load_tokenizer(Path(base))
    longest = model.config.max_position_embeddings
    if config.block_size > longest:
        raise ConfigError({"block_size": f"must not exceed the model's context of {longest}; got {config.block_size}."})
    return model, tokenizer


def _beginning(text: Path) -> Iterator[str]:
    """Yield training documents for a new tokenizer; of a large corpus, the first."""
    left = TOKENIZER_CHARS
    for document in corpus.texts(text, split="train"):
        yield document
        left -= len(document)
        if left < 0:
            return


def _arguments(config: PretrainConfig, context: RunContext) -> TrainingArguments:
    microbatch = config.microbatch_size or config.batch_size
    return TrainingArguments(
        **trainers.common_arguments(context.directory, seed=config.seed, checkpoint_every=config.checkpoint_every),
        per_device_train_batch_size=microbatch,
        gradient_accumulation_steps=config.batch_size // microbatch,
        max_steps=config.steps,
        learning_rate=config.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=config.warmup_steps,
        weight_decay=config.weight_decay,
        adam_beta2=0.95,
        max_grad_norm=config.max_grad_norm,
        include_num_input_tokens_seen="all",
        gradient_checkpointing=config.gradient_checkpointing,
    )


if __name__ == "__main__":
    main("pretrain", train)
