"""Direct preference optimisation (Rafailov et al. 2023) on consensus pairs, by TRL's DPOTrainer.

    accelerate launch -m rlhf.training.dpo RUN_DIR

It learns from pairs that are decided (data.labelled, «hard»), each counted once: TRL's loss knows neither the
probability of a label nor its weight.
"""

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase, PrinterCallback
from trl import DPOConfig as TrlDpoConfig
from trl import DPOTrainer

from rlhf.contract.config import DpoConfig
from rlhf.contract.shares import wilson
from rlhf.training import data, models, precision, resuming, rollout, trainers
from rlhf.training.data import TokenisedPair
from rlhf.training.resuming import Keeper
from rlhf.training.run import RunContext, StageOutcome, main
from rlhf.training.trainers import InOurPrecision
from rlhf.training.watching import Watcher

EVALUATION_BATCH = 32
LOGGED = {"rewards/accuracies": "accuracy", "rewards/margins": "margin", "entropy": "entropy"}
"""What TRL's trainer logs, and our names (docs/training.md)."""


class Dpo(InOurPrecision, DPOTrainer):
    """TRL's trainer in our precision, on pairs that are tokenised already, the same way in every stage."""

    def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        return dataset


class PairWatcher(Watcher):
    """Keeps what TRL logs of its pairs."""

    def values_of(self, logs: dict[str, float]) -> dict[str, float]:
        return super().values_of(logs) | {ours: float(logs[x]) for x, ours in LOGGED.items() if x in logs}


def train(context: RunContext) -> StageOutcome:
    """Tune the base policy on the snapshot's training pairs and measure it on the held-out ones."""
    config, inputs, directory = context.spec.config, context.spec.inputs, context.directory
    assert isinstance(config, DpoConfig)  # noqa: S101  read_spec parsed it for this stage
    base, snapshot = Path(inputs.base), Path(inputs.snapshot)
    tokenizer, use_bfloat16 = models.load_tokenizer(base), precision.choose_bfloat16(models.device())
    fitting, left_out = data.pairs(snapshot, tokenizer, split="train", max_length=config.max_length)
    pairs = data.labelled(fitting, "hard")
    data.require(pairs, what="decided training pairs", left_out=left_out)
    held_out, _ = data.pairs(snapshot, tokenizer, split="test", max_length=config.max_length)
    print(
        f"dpo: {len(pairs)} training pairs, {len(held_out)} held out, {left_out} left out as too long, "
        f"{len(fitting) - len(pairs)} as undecided",
        flush=True,
    )
    model, watcher = models.load_causal_lm(base), PairWatcher(directory)
    trainer = Dpo(
        model=model,
        args=_arguments(config, context),
        train_dataset=Dataset.from_list([row_of(pair) for pair in pairs]),
        processing_class=tokenizer,
        peft_config=models.lora_config(model, rank=config.lora_rank, first_layer=0) if config.lora_rank else None,
        callbacks=[watcher, Keeper(every=config.checkpoint_every)],
        use_bfloat16=use_bfloat16,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=resuming.newest(directory))
    if watcher.is_cancelled:
        return StageOutcome(is_cancelled=True)
    found = _on_held_out(context, trainer.model.eval(), tokenizer, held_out, use_bfloat16=use_bfloat16)
    losses = {"loss_first": watcher.losses[0], "loss_last": watcher.losses[-1]}
    models.save_checkpoint(directory.checkpoint, model=trainer.model, tokenizer=tokenizer, kind="policy")
    resuming.forget(directory)
    counts = {"n_train": len(pairs), "n_left_out": left_out, "n_undecided": len(fitting) - len(pairs)}
    return StageOutcome(losses | found | counts, checkpoint_kind="policy")


def row_of(pair: TokenisedPair) -> dict[str, list[int]]:
    """Return a pair as TRL's collator takes it."""
    prompt, chosen, rejected = parts_of(pair)
    return {"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected}


def parts_of(pair: TokenisedPair) -> tuple[list[int], list[int], list[int]]:
    """Return the tokens of the prompt, of the chosen completion and of the rejected one."""
    at = len(pair.chosen) - pair.chosen_length
    return pair.chosen[:at], pair.chosen[at:], pair.rejected[at:]


@torch.no_grad()
def _on_held_out(
    context: RunContext,
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    pairs: list[TokenisedPair],
    *,
    use_bfloat16: bool,
) -> dict[str, float]:
    """Return how often the implicit reward, the log ratio to the start, is higher for the better completion."""
    decided = [pair for pair in pairs if data.is_decided(pair)]
    if not decided:
        return {"n": 0}
    options = {"tokenizer": tokenizer, "use_bfloat16": use_bfloat16, "on_batch": context.directory.beat}
    mine = _gaps(model, decided, **options)
    with trainers.reference_of(model, Path(context.spec.inputs.base)) as start:
        gaps = mine - _gaps(start, decided, **options)
    right = (gaps > 0).float() + 0.5 * (gaps == 0).float()
    low, high = wilson(right.sum().item(), len(decided))
    return {"accuracy": right.mean().item(), "accuracy_low": low, "accuracy_high": high, "n": len(decided)}


def _gaps(
    model: nn.Module,
    pairs: list[TokenisedPair],
    *,
    tokenizer: PreTrainedTokenizerBase,
    use_bfloat16: bool,
    on_batch: Any,
) -> Tensor:
    """Return log p(chosen) - log p(rejected) of each pair under a model. (N,)"""
    found = []
    for start in range(0, len(pairs), EVALUATION_BATCH):
        prompts, chosen, rejected = zip(*map(parts_of, pairs[start : start + EVALUATION_BATCH]), strict=True)
        batch = rollout.batch_of(
            [*prompts, *prompts], [*chosen, *rejected], pad_id=tokenizer.pad_token_id, device=models.device()
        )
        logprobs = rollout.response_statistics(model, batch, temperature=1.0, use_bfloat16=use_bfloat16).logprobs
        better, worse = logprobs.sum(1).chunk(2)
        found.append(better - worse)
        on_batch()
    return torch.cat(found)


def _arguments(config: DpoConfig, context: RunContext) -> TrlDpoConfig:
    microbatch = config.microbatch_size or config.batch_size
    return TrlDpoConfig(
        **trainers.common_arguments(context.directory, seed=config.seed, checkpoint_every=config.checkpoint_every),
        per_device_train_batch_size=microbatch,
        gradient_accumulation_steps=config.batch_size // microbatch,
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=3,
        max_grad_norm=config.max_grad_norm,
        beta=config.beta,
        loss_type=[config.loss],
        max_length=None,
        gradient_checkpointing=False,
    )


if __name__ == "__main__":
    main("dpo", train)
