"""Supervised fine-tuning on demonstrations by TRL's SFTTrainer; the loss is on the completion only.

accelerate launch -m rlhf.training.sft RUN_DIR
"""

from pathlib import Path

from datasets import Dataset
from transformers import PreTrainedTokenizerBase, PrinterCallback
from trl import SFTConfig as TrlSftConfig
from trl import SFTTrainer

from rlhf.contract.config import SftConfig
from rlhf.training import data, models, packing, precision, resuming, trainers
from rlhf.training.data import TokenisedDemonstration
from rlhf.training.packing import IGNORED, PackedCollator
from rlhf.training.resuming import Keeper
from rlhf.training.run import RunContext, StageOutcome, main
from rlhf.training.trainers import InOurPrecision
from rlhf.training.watching import Watcher


def train(context: RunContext) -> StageOutcome:
    """Fine-tune the base model on the snapshot's training demonstrations."""
    config, inputs, directory = context.spec.config, context.spec.inputs, context.directory
    assert isinstance(config, SftConfig)  # noqa: S101  read_spec parsed it for this stage
    base = Path(inputs.base)
    tokenizer = models.load_tokenizer(base)
    shown, left_out = data.demonstrations(Path(inputs.snapshot), tokenizer, split="train", max_length=config.max_length)
    data.require(shown, what="demonstrations", left_out=left_out)
    rows = Dataset.from_list([row_of(one) for one in shown])
    if config.packing:
        rows = packing.packed(rows.shuffle(seed=config.seed), length=config.max_length)
    in_rows = f" in {len(rows)} rows" if config.packing else ""
    print(f"sft: {len(shown)} demonstrations{in_rows}, {left_out} left out as too long", flush=True)

    watcher = Watcher(directory)
    trainer = _trainer(context, config, rows, tokenizer, watcher)
    trainer.train(resume_from_checkpoint=resuming.newest(directory))
    if watcher.is_cancelled:
        return StageOutcome(is_cancelled=True)
    models.save_checkpoint(directory.checkpoint, model=trainer.model, tokenizer=tokenizer, kind="sft")
    resuming.forget(directory)
    losses = {"loss_first": watcher.losses[0], "loss_last": watcher.losses[-1]}
    counts = {"n_demonstrations": len(shown), "n_rows": len(rows), "n_left_out": left_out}
    return StageOutcome(losses | counts, checkpoint_kind="sft")


class FineTuner(InOurPrecision, SFTTrainer):
    """TRL's trainer in our precision."""


def row_of(shown: TokenisedDemonstration) -> dict[str, list[int]]:
    """Return the tokens of a demonstration and their labels: the prompt's are ignored."""
    return {
        "input_ids": shown.prompt + shown.completion,
        "labels": [IGNORED] * len(shown.prompt) + shown.completion,
    }


def _trainer(
    context: RunContext, config: SftConfig, rows: Dataset, tokenizer: PreTrainedTokenizerBase, watcher: Watcher
) -> FineTuner:
    model = models.load_causal_lm(Path(context.spec.inputs.base))
    if config.lora_rank:
        model = models.add_lora(model, rank=config.lora_rank)
    trainer = FineTuner(
        model=model,
        args=_arguments(config, context),
        train_dataset=rows,
        processing_class=tokenizer,
        data_collator=PackedCollator(tokenizer.pad_token_id) if config.packing else None,
        callbacks=[watcher, Keeper(every=config.checkpoint_every)],
        use_bfloat16=precision.choose_bfloat16(models.device()),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _arguments(config: SftConfig, context: RunContext) -> TrlSftConfig:
    return TrlSftConfig(
        **trainers.common_arguments(context.directory, seed=config.seed, checkpoint_every=config.checkpoint_every),
        per_device_train_batch_size=config.batch_size,
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=3,
        max_grad_norm=config.max_grad_norm,
        max_length=None,
        gradient_checkpointing=False,
    )


if __name__ == "__main__":
    main("sft", train)
