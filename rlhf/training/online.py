"""What RLOO and GRPO share: TRL's trainer samples groups of completions, our reward model scores them.

Prompts, tokens and scores are those of PPO: the chat template with its generation prompt, an end after completions that
did not end, the normalised score cut at plus and minus `score_clip`, less a penalty where the end is missing.
"""

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PrinterCallback, Trainer

from rlhf.contract.config import GroupConfig
from rlhf.contract.records import FailureReason
from rlhf.training import data, models, ppo_math, precision, resuming, scoring, trainers
from rlhf.training.data import TokenisedPrompt
from rlhf.training.held_out import HeldOut
from rlhf.training.run import RunContext, StageError, StageOutcome
from rlhf.training.watching import Watcher

SCORING_BATCH = 64
MOST_EQUAL_STEPS = 5
"""Steps in a row whose rewards say nothing, before a run gives up."""
MEASURED = ("score", "entropy", "length", "eos_rate", "distinct_2", "self_bleu")
LOGGED = {
    "score": "score",
    "kl": "kl_per_token",
    "entropy": "entropy",
    "completions/mean_length": "length",
    "clip_ratio/region_mean": "clip_fraction",
    "frac_reward_zero_std": "equal_rate",
}
"""What TRL's trainers log, and our names (docs/training.md)."""


class InOurPrecision(trainers.InOurPrecision):
    """Sampling and old log-probs in our precision, too: the ratios of new and old begin at 1."""

    def _generate_single_turn(self, *args: Any, **kwargs: Any) -> Any:
        with precision.autocast(self.accelerator.device, use_bfloat16=self.use_bfloat16):
            return super()._generate_single_turn(*args, **kwargs)

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        with precision.autocast(self.accelerator.device, use_bfloat16=self.use_bfloat16):
            return super()._get_per_token_logps_and_entropies(*args, **kwargs)


class Scorer:
    """The reward model as TRL's trainers call one."""

    __name__ = "reward_model"

    def __init__(
        self, config: GroupConfig, directory: Path, tokenizer: PreTrainedTokenizerBase, *, use_bfloat16: bool
    ) -> None:
        manifest = models.manifest_of(directory)
        self.config, self.tokenizer, self.use_bfloat16 = config, tokenizer, use_bfloat16
        self.scale = {"mean": float(manifest["score_mean"]), "std": float(manifest["score_std"])}
        self.model = models.load_reward_model(directory).to(models.device())

    def __call__(
        self, *, completion_ids: list[list[int]], tokens: list[list[int]], log_metric: Any, **others: Any
    ) -> list[float]:
        """Return the reward of each completion, given its prompt's tokens; log the mean raw score."""
        eos = self.tokenizer.eos_token_id
        is_finished = torch.tensor([bool(ids) and ids[-1] == eos for ids in completion_ids])
        whole = [
            prompt + ids + ([] if ended else [eos])
            for prompt, ids, ended in zip(tokens, completion_ids, is_finished.tolist(), strict=True)
        ]
        scores = scoring.score(
            self.model,
            whole,
            pad_id=self.tokenizer.pad_token_id,
            batch_size=SCORING_BATCH,
            use_bfloat16=self.use_bfloat16,
        )
        log_metric("score", scores.mean().item())
        return ppo_math.normalised_scores(
            scores,
            is_finished,
            **self.scale,
            clip=self.config.score_clip,
            missing_eos_penalty=self.config.missing_eos_penalty,
        ).tolist()


class OnlineWatcher(Watcher):
    """Keeps what TRL logs of its rollouts and, every so many steps, measures the held-out prompts."""

    def __init__(self, held_out: HeldOut, model: nn.Module, *, every: int) -> None:
        super().__init__(held_out.directory)
        self.held_out, self.model, self.every = held_out, model, every
        self.equal_steps = 0

    def values_of(self, logs: dict[str, float]) -> dict[str, float]:
        found = super().values_of(logs)
        found |= {ours: float(logs[theirs]) for theirs, ours in LOGGED.items() if logs.get(theirs) is not None}
        if "completions/clipped_ratio" in logs:
            found["eos_rate"] = 1.0 - float(logs["completions/clipped_ratio"])
        return found

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        super().on_log(args, state, control, logs, **kwargs)
        self.equal_steps = self.equal_steps + 1 if (logs or {}).get("frac_reward_zero_std") == 1.0 else 0
        if self.equal_steps == MOST_EQUAL_STEPS:
            raise StageError(
                FailureReason.NO_SIGNAL,
                f"all completions of each prompt had the same reward for {MOST_EQUAL_STEPS} steps, so there is nothing "
                "to learn. Raise score_clip, the temperature or completions_per_prompt, or look at the reward model.",
            )

    def more_values(self, step: int) -> dict[str, float]:
        if not self.every or step % self.every:
            return {}
        return {f"held_out_{name}": value for name, value in self.held_out.measure(self.model, step=step).items()}


def train(context: RunContext, trainer_class: type[Trainer], arguments: Any) -> StageOutcome:
    """Tune the base policy by one of TRL's trainers, measured on held-out prompts before and after."""
    config, inputs, directory = context.spec.config, context.spec.inputs, context.directory
    assert isinstance(config, GroupConfig)  # noqa: S101  read_spec parsed it for this stage
    base, rewarding = Path(inputs.base), Path(inputs.reward_model)
    models.check_same_tokenizer(base, rewarding)
    tokenizer, use_bfloat16 = models.load_tokenizer(base), precision.choose_bfloat16(models.device())
    prompts, kept_apart = _prompts(Path(inputs.snapshot), tokenizer, config, context.spec.stage)
    scorer = Scorer(config, rewarding, tokenizer, use_bfloat16=use_bfloat16)
    held_out = HeldOut(
        prompts=kept_apart,
        tokenizer=tokenizer,
        reward_model=scorer.model,
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        batch_size=config.batch_size,
        seed=config.seed,
        use_bfloat16=use_bfloat16,
        directory=directory,
    )
    model = _writer(base, tokenizer)
    adapters = models.lora_config(model, rank=config.lora_rank, first_layer=0) if config.lora_rank else None
    trainer = trainer_class(
        model=model,
        reward_funcs=scorer,
        args=arguments,
        train_dataset=_rows(prompts, at_once=config.batch_size // config.completions_per_prompt),
        processing_class=tokenizer,
        peft_config=adapters,
        use_bfloat16=use_bfloat16,
    )
    trainer.remove_callback(PrinterCallback)
    before = held_out.measure(trainer.model, step=0)
    watcher = OnlineWatcher(held_out, trainer.model, every=config.evaluate_every)
    trainer.add_callback(watcher)
    trainer.train()
    if watcher.is_cancelled:
        return StageOutcome(is_cancelled=True)
    tuned = trainer.model.eval()
    after = held_out.measure(tuned, step=config.steps + 1)
    kl = held_out.kl(tuned, trainers.reference_of(tuned, base))
    models.save_checkpoint(directory.checkpoint, model=tuned, tokenizer=tokenizer, kind="policy")
    figures = {f"{name}_before": before[name] for name in MEASURED} | {
        f"{name}_after": after[name] for name in MEASURED
    }
    return StageOutcome(figures | {"kl": kl, "n_prompts": len(prompts)}, checkpoint_kind="policy")


def common_arguments(config: GroupConfig, context: RunContext) -> dict[str, Any]:
    """Return what both trainers are told."""
    microbatch = config.microbatch_size or config.batch_size
    return {
        **trainers.common_arguments(context.directory, seed=config.seed, checkpoint_every=resuming.NEVER),
        "max_steps": config.steps,
        "per_device_train_batch_size": microbatch,
        "gradient_accumulation_steps": config.batch_size // microbatch,
        "num_generations": config.completions_per_prompt,
        "num_iterations": config.passes,
        "max_completion_length": config.max_new_tokens,
        "temperature": config.temperature,
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": "constant_with_warmup",
        "warmup_steps": config.warmup_steps,
        "max_grad_norm": config.max_grad_norm,
        "epsilon": config.clip_range,
        "gradient_checkpointing": False,
    }


def _prompts(
    snapshot: Path, tokenizer: PreTrainedTokenizerBase, config: GroupConfig, stage: str
) -> tuple[list[TokenisedPrompt], list[TokenisedPrompt]]:
    limit = {"max_tokens": config.max_prompt_tokens}
    prompts, left_out = data.prompts(snapshot, tokenizer, split="train", **limit)
    data.require(prompts, what="training prompts", left_out=left_out)
    held_out, _ = data.prompts(snapshot, tokenizer, split="test", **limit)
    print(f"{stage}: {len(prompts)} prompts, {len(held_out)} held out, {left_out} left out as too long", flush=True)
    if not held_out:
        print("no held-out prompts: the scores before and after are measured on training prompts", flush=True)
    return prompts, held_out or prompts


def _rows(prompts: list[TokenisedPrompt], *, at_once: int) -> Dataset:
    """Return prompts as TRL's trainers read them; as often as it takes to fill a step, or it would train on nothing."""
    rows = [{"prompt": one.record.messages, "tokens": one.ids} for one in prompts]
    return Dataset.from_list(rows * -(-at_once // len(rows)))


def _writer(base: Path, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """Load the policy; what ends its completions is the tokenizer's end, whatever its generation config says."""
    model = models.load_causal_lm(base).to(models.device())
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model
