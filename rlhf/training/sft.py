"""Supervised fine-tuning on demonstrations by TRL's SFTTrainer; the loss is on the completion only.

accelerate launch -m rlhf.training.sft RUN_DIR
"""

import tempfile
from pathlib import Path

from datasets import Dataset
from transformers import PrinterCallback
from trl import SFTConfig as TrlSftConfig
from trl import SFTTrainer

from rlhf.contract.config import SftConfig
from rlhf.training import data, models
from rlhf.training.data import TokenisedDemonstration
from rlhf.training.run import RunContext, StageOutcome, main
from rlhf.training.watching import Watcher

IGNORED = -100
"""The label of a token that the loss leaves out."""


def train(context: RunContext) -> StageOutcome:
    """Fine-tune the base model on the snapshot's training demonstrations."""
    config, inputs = context.spec.config, context.spec.inputs
    assert isinstance(config, SftConfig)  # noqa: S101  read_spec parsed it for this stage
    base = Path(inputs.base)
    tokenizer = models.load_tokenizer(base)
    shown, left_out = data.demonstrations(Path(inputs.snapshot), tokenizer, split="train", max_length=config.max_length)
    data.require(shown, what="demonstrations", left_out=left_out)
    print(f"sft: {len(shown)} demonstrations, {left_out} left out as too long", flush=True)

    model = models.load_causal_lm(base)
    if config.lora_rank:
        model = models.add_lora(model, rank=config.lora_rank)
    watcher = Watcher(context.directory)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model=model,
            args=_arguments(config, scratch),
            train_dataset=Dataset.from_list([row_of(one) for one in shown]),
            processing_class=tokenizer,
            callbacks=[watcher],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    if watcher.is_cancelled:
        return StageOutcome(is_cancelled=True)
    models.save_checkpoint(context.directory.checkpoint, model=trainer.model, tokenizer=tokenizer, kind="sft")
    losses = {"loss_first": watcher.losses[0], "loss_last": watcher.losses[-1]}
    return StageOutcome({**losses, "n_demonstrations": len(shown), "n_left_out": left_out}, checkpoint_kind="sft")


def row_of(shown: TokenisedDemonstration) -> dict[str, list[int]]:
    """Return the tokens of a demonstration and their labels: the prompt's are ignored."""
    return {
        "input_ids": shown.prompt + shown.completion,
        "labels": [IGNORED] * len(shown.prompt) + shown.completion,
    }


def _arguments(config: SftConfig, scratch: str) -> TrlSftConfig:
    return TrlSftConfig(
        output_dir=scratch,
        per_device_train_batch_size=config.batch_size,
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=3,
        max_grad_norm=config.max_grad_norm,
        max_length=None,
        seed=config.seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        gradient_checkpointing=False,
        bf16=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
    )


if __name__ == "__main__":
    main("sft", train)
