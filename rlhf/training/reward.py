"""Reward model: Bradley-Terry with soft labels on consensus pairs, by TRL's RewardTrainer.

    accelerate launch -m rlhf.training.reward RUN_DIR

A training row is a prompt with up to nine of its completions and every pair between them, so each completion is encoded
once per ranking and not once per pair: K forwards give K(K-1)/2 pairs (Ouyang et al. 2022, section 3.5), and the prompt
is encoded once for all of them. With LoRA what the frozen layers make of a text is worked out once (trunk_cache.py).
Where the head alone is trained, no trainer is needed (head_alone.py).
"""

import random
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from torch import Tensor, nn
from transformers import PrinterCallback
from trl import RewardConfig as TrlRewardConfig
from trl import RewardTrainer

from rlhf.contract import rundir
from rlhf.contract.config import RewardConfig
from rlhf.contract.records import FailureReason
from rlhf.contract.rundir import RunDirectory
from rlhf.training import (
    data,
    dense,
    ensemble,
    head_alone,
    judge,
    learning_curve,
    models,
    parallel,
    precision,
    probe,
    rankings,
    resuming,
    reward_report,
    scores,
    scoring,
    sharding,
    trainers,
    trunk,
    trunk_cache,
    trust,
)
from rlhf.training.bradley_terry import soft_loss
from rlhf.training.data import TokenisedPair
from rlhf.training.ensemble import Ensemble
from rlhf.training.learning_curve import QuietWatcher
from rlhf.training.rankings import Rankings, States
from rlhf.training.resuming import NEVER, Keeper
from rlhf.training.run import RunContext, StageError, StageOutcome, main
from rlhf.training.trunk_cache import Texts, TrunkCache
from rlhf.training.watching import Watcher, check_finite

MAX_SEQUENCES = 9
COLUMNS = ("q", "weight", "margin")
"""What the loss knows of a pair besides its two sequences."""
EVALUATION_BATCH = 32


def train(context: RunContext) -> StageOutcome:
    """Train on the snapshot's training pairs and measure accuracy on the held-out ones."""
    parallel.start()
    config, inputs = context.spec.config, context.spec.inputs
    assert isinstance(config, RewardConfig)  # noqa: S101  read_spec parsed it for this stage
    if config.trained == "head" and sharding.is_wanted():
        what = "trained: expected model where it is in shards; got head. Start it as one process."
        raise StageError(FailureReason.BAD_CONFIG, what)
    snapshot = Path(inputs.snapshot)
    tokenizer = models.load_tokenizer(Path(inputs.base))
    fitting, left_out = data.pairs(snapshot, tokenizer, split="train", max_length=config.max_length)
    fitting = data.of_half(fitting, config.half)
    pairs = data.labelled(fitting, config.labels)
    data.require(pairs, what="training pairs", left_out=left_out)
    held_out, _ = data.pairs(snapshot, tokenizer, split="test", max_length=config.max_length)
    print(
        f"reward: {len(pairs)} training pairs, {len(held_out)} held out, {left_out} left out as too long, "
        f"{len(fitting) - len(pairs)} as undecided",
        flush=True,
    )

    curve: list[dict[str, float]] = []
    least = probe.LEAST_PROMPTS if config.trained == "head" else 1
    for subset in learning_curve.subsets(pairs, halvings=config.learning_curve, least=least) if held_out else []:
        quiet = QuietWatcher(context.directory, minutes=config.minutes * len(subset) / len(pairs))
        model = _fit(context, tokenizer, subset, quiet, is_kept=False)
        if quiet.is_cancelled:
            return StageOutcome(is_cancelled=True)
        found = scoring.pair_accuracy(model, held_out, **_scoring_options(context, tokenizer))
        curve.append(learning_curve.point(subset, found))
    watcher = Watcher(context.directory, minutes=config.minutes)
    model = _fit(context, tokenizer, pairs, watcher, is_kept=True)
    if watcher.is_cancelled:
        return StageOutcome(is_cancelled=True)
    options = _scoring_options(context, tokenizer)
    scores.write(context.directory.scores, model, fitting + held_out, **options)
    outcome = _finish(context, model, tokenizer, pairs, held_out, left_out)
    if "accuracy" in outcome.metrics:
        outcome.metrics["learning_curve"] = [*curve, learning_curve.point(pairs, outcome.metrics)]
    return outcome


class Collator:
    """Batches rows: each text once, the pairs as indices into them, and what the frozen layers made of them."""

    def __init__(self, pad_id: int, cache: TrunkCache | None = None) -> None:
        self.pad_id, self.cache = pad_id, cache

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        pairs: list[tuple[int, int]] = []
        count = 0
        for row in rows:
            pairs += [(count + i, count + j) for i, j in row["pairs"]]
            count += len(row["completions"])
        texts = [Texts(row["prompt"], row["completions"]) for row in rows]
        laid = rankings.laid_out([one.prompt for one in texts], [one.completions for one in texts], pad_id=self.pad_id)
        lower = self.cache.states(texts)._asdict() if self.cache else {}
        return {
            **laid._asdict(),
            **{f"lower_{name}": states for name, states in lower.items()},
            "pairs": torch.tensor(pairs),  # (N, 2)
            **{name: torch.tensor([x for row in rows for x in row[name]]) for name in COLUMNS},
        }


class SoftRewardTrainer(RewardTrainer):
    """TRL's trainer on rows of ours: the loss knows soft labels, weights and pairs that share a completion."""

    def __init__(self, *args: Any, use_bfloat16: bool, first_layer: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self.use_bfloat16, self.first_layer = use_bfloat16, first_layer

    def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        return dataset  # tokenised already, the same way in every stage

    def training_step(self, *args: Any, **options: Any) -> Tensor:
        loss = super().training_step(*args, **options)
        if not sharding.is_wanted():  # then they are averaged already; here compute_loss has gone past DDP
            parallel.average_gradients([p for p in self.model.parameters() if p.requires_grad])
        return loss

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool = False, **kwargs: Any
    ) -> Tensor:
        laid = Rankings(*(inputs[name] for name in Rankings._fields))
        lower = States(*(inputs[f"lower_{name}"] for name in States._fields)) if "lower_prompts" in inputs else None
        with precision.autocast(laid.prompt_ids.device, use_bfloat16=self.use_bfloat16):
            scores = self._scores(self.accelerator.unwrap_model(model), laid, lower)
        chosen, rejected = scores[inputs["pairs"][:, 0]], scores[inputs["pairs"][:, 1]]
        center = self.args.center_rewards_coefficient
        loss = soft_loss(chosen, rejected, inputs["q"], inputs["weight"], margin=inputs["margin"], center=center)
        if parallel.count() > 1:  # the mean of these is that over the pairs of all processes
            n = torch.tensor(float(len(chosen)), device=chosen.device)
            loss = loss * n * parallel.count() / parallel.summed(n)
        check_finite(self.state.global_step + 1, {"loss": loss.item()})
        self._metrics["train"]["accuracy"].append((chosen > rejected).float().mean().item())
        return loss

    def _scores(self, model: nn.Module, laid: Rankings, lower: States | None) -> Tensor:
        if sharding.is_wanted():
            return rankings.scores_apart(model, laid, pad_id=self.processing_class.pad_token_id)
        return rankings.scores(model, laid, lower=lower, first_layer=self.first_layer)


def rows_of(pairs: list[TokenisedPair], *, seed: int) -> list[dict[str, Any]]:
    """Gather pairs into rows of one prompt with at most nine distinct sequences; the mean weight of a pair is 1."""
    scale = len(pairs) / sum(pair.record.weight for pair in pairs)
    by_prompt: dict[str, list[TokenisedPair]] = {}
    for pair in pairs:
        by_prompt.setdefault(pair.record.prompt_id, []).append(pair)
    rows = [row for of_prompt in by_prompt.values() for row in _rows_of_prompt(of_prompt, scale)]
    random.Random(seed).shuffle(rows)  # noqa: S311  reproducible, not secret
    return rows


def _rows_of_prompt(pairs: list[TokenisedPair], scale: float) -> Iterable[dict[str, Any]]:
    prompt = pairs[0].chosen[: -pairs[0].chosen_length]
    sides = [(tuple(pair.chosen[len(prompt) :]), tuple(pair.rejected[len(prompt) :])) for pair in pairs]
    for group in dense.groups(sides, most=MAX_SEQUENCES):
        index: dict[tuple[int, ...], int] = {}
        yield {
            "prompt": prompt,
            "pairs": [[index.setdefault(completion, len(index)) for completion in sides[at]] for at in group],
            "q": [pairs[at].record.q for at in group],
            "margin": [pairs[at].record.margin for at in group],
            "weight": [pairs[at].record.weight * scale for at in group],
            "completions": [list(completion) for completion in index],
        }


def _fit(
    context: RunContext, tokenizer: Any, pairs: list[TokenisedPair], watcher: Watcher, *, is_kept: bool
) -> nn.Module:
    """Train a new reward model on pairs, from the run's base; one that is kept goes on where it was interrupted."""
    config, device = context.spec.config, models.device()
    assert isinstance(config, RewardConfig)  # noqa: S101
    model = models.placed(models.new_reward_model(Path(context.spec.inputs.base), seed=config.seed))
    if config.trained == "head":
        return head_alone.fitted(model, pairs, config, watcher, **_scoring_options(context, tokenizer))
    first_layer, use_bfloat16 = 0, parallel.agreed(precision.choose_bfloat16(device))
    if config.lora_rank:
        first_layer = trunk.first_trained_layer(model, frozen_share=config.frozen_share)
        model = models.add_lora(model, rank=config.lora_rank, first_layer=first_layer)
    rows = rows_of(pairs, seed=config.seed)
    with tempfile.TemporaryDirectory(dir=context.directory.path) as scratch:
        cache = trunk_cache.filled(
            Path(scratch),
            model.eval(),
            [Texts(row["prompt"], row["completions"]) for row in rows] * config.epochs,
            first_layer=0 if sharding.is_wanted() else first_layer,  # in shards nothing is kept
            pad_id=tokenizer.pad_token_id,
            use_bfloat16=use_bfloat16,
            on_batch=context.directory.beat,
        )
        checkpoint_every = config.checkpoint_every if is_kept else NEVER
        trainer = SoftRewardTrainer(
            model=model,
            args=_arguments(config, context.directory, checkpoint_every=checkpoint_every),
            data_collator=Collator(tokenizer.pad_token_id, cache),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            callbacks=[watcher, Keeper(every=checkpoint_every)],
            use_bfloat16=use_bfloat16,
            first_layer=first_layer,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=resuming.newest(context.directory) if is_kept else None)
    fitted: nn.Module = trainer.model.eval()
    return fitted


def _scoring_options(context: RunContext, tokenizer: Any) -> dict[str, Any]:
    return {"pad_id": tokenizer.pad_token_id, "batch_size": EVALUATION_BATCH, "on_batch": context.directory.beat}


def _arguments(config: RewardConfig, directory: RunDirectory, *, checkpoint_every: int) -> TrlRewardConfig:
    return TrlRewardConfig(
        **trainers.common_arguments(directory, seed=config.seed, checkpoint_every=checkpoint_every),
        per_device_train_batch_size=config.batch_size,
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant_with_warmup" if config.minutes else "linear",
        warmup_steps=3,
        max_grad_norm=config.max_grad_norm,
        center_rewards_coefficient=config.center_coefficient,
        max_length=None,
        gradient_checkpointing=False,
        remove_unused_columns=False,
    )


def _finish(
    context: RunContext,
    model: nn.Module,
    tokenizer: Any,
    pairs: list[TokenisedPair],
    held_out: list[TokenisedPair],
    left_out: int,
) -> StageOutcome:
    """Measure, save and report."""
    config = context.spec.config
    assert isinstance(config, RewardConfig)  # noqa: S101
    options = _scoring_options(context, tokenizer)
    seen = scoring.score(model, [s for pair in pairs for s in (pair.chosen, pair.rejected)], **options)
    facts = {"score_mean": seen.mean().item(), "score_std": seen.std().item()}
    found = scoring.pair_accuracy(model, held_out, **options) | reward_report.of_held_out(model, held_out, **options)
    trusted = reward_report.range_of_trust(model, pairs, held_out, seed=config.seed, **options)
    if trusted is None:
        print("range of trust: too few distinct texts to tell it", flush=True)
    heads = _ensemble(context, model, pairs, options)
    found |= reward_report.of_ensemble(heads, model, held_out, **options)
    with tempfile.TemporaryDirectory() as scratch:
        beside = [trust.write(trusted, Path(scratch))] if trusted else []
        beside += [ensemble.write(heads, Path(scratch))] if heads else []
        if isinstance(model, PeftModel) or config.trained == "head":  # PPO from the same base shares its trunk with it
            save = judge.save_adapter if isinstance(model, PeftModel) else judge.save_head
            beside.append(file := Path(scratch) / judge.ADAPTER_FILE)
            base = rundir.sha256_of(Path(context.spec.inputs.base) / rundir.MANIFEST)
            facts |= {"adapter": {"base_sha256": base, **save(model, file)}}
        models.save_checkpoint(
            context.directory.checkpoint, model=model, tokenizer=tokenizer, kind="reward", facts=facts, beside=beside
        )
    resuming.forget(context.directory)
    figures = {name: facts[name] for name in ("score_mean", "score_std")} | reward_report.of_trust(trusted)
    return StageOutcome({**found, **figures, "n_train": len(pairs), "n_left_out": left_out}, checkpoint_kind="reward")


def _ensemble(
    context: RunContext, model: nn.Module, pairs: list[TokenisedPair], options: dict[str, Any]
) -> Ensemble | None:
    config = context.spec.config
    assert isinstance(config, RewardConfig)  # noqa: S101
    return reward_report.ensemble_of(model, pairs, count=config.ensemble, seed=config.seed, **options)


if __name__ == "__main__":
    main("reward", train)
