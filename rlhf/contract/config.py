"""The config of each stage: a field is written once, here.

JSON, the start form and the docs derive from `dataclasses.fields`; help and bounds are field metadata. An unknown key,
a wrong type or a value out of bounds is a ConfigError that names each field. Nothing is filled in at run time.
"""

import dataclasses
import difflib
from dataclasses import dataclass
from typing import Any  # JSON from outside really is anything, until parse() has looked at it

from rlhf.contract.fields import ConfigError, StageConfig, option, type_of

__all__ = ["ConfigError", "StageConfig", "parse", "to_json", "type_of"]

EXACT_FLOAT = 2**53
"""Whole numbers up to this are the same as floats."""


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


@dataclass(frozen=True, kw_only=True)
class RewardConfig(StageConfig):
    """Reward model: Bradley-Terry on consensus pairs, by TRL's RewardTrainer."""

    epochs: int = option(
        2, help="Passes over the pairs. The pairs of a ranking are correlated: more over-fits.", minimum=1, maximum=50
    )
    learning_rate: float = option(2e-4, help="Peak learning rate (AdamW).", minimum=1e-8, maximum=1.0)
    batch_size: int = option(
        4,
        help="Prompts an optimiser step; all pairs of a prompt (at most 9 completions) stay together.",
        minimum=1,
        maximum=1024,
    )
    max_length: int = option(
        512, help="Tokens of prompt and completion; longer pairs are left out and counted.", minimum=16, maximum=32768
    )
    lora_rank: int = option(
        16, help="Rank of the LoRA adapters, merged at the end; 0 trains every weight.", minimum=0, maximum=512
    )
    max_grad_norm: float = option(1.0, help="Gradient clipping.", minimum=0.01, maximum=1000.0)
    labels: str = option(
        "soft",
        help="What is learned of a pair: its probability; the better one, without ties or doubts; or that by a margin.",
        choices=("soft", "hard", "margin"),
    )
    center_coefficient: float = option(0.01, help="Pulls scores towards mean 0.", minimum=0.0, maximum=1.0)
    minutes: float = option(
        0.0, help="Stop after so many minutes of training; 0 trains to the end.", minimum=0.0, maximum=100_000.0
    )
    learning_curve: int = option(
        0,
        help="Train on 1/2, 1/4, … of the prompts first, so many times, to see what more preferences would buy: 3 "
        "give the label budget the points it needs; the run takes twice as long.",
        minimum=0,
        maximum=8,
    )


ROLLOUT, REWARD, OPTIMISATION = "Rollout", "Reward and KL", "Optimisation"
LOSSES, MONITORING = "Advantages and losses", "Monitoring"


@dataclass(frozen=True, kw_only=True)
class PpoConfig(StageConfig):
    """PPO with a per-token KL penalty to the starting policy; the loop is ours (rlhf/training/ppo.py)."""

    steps: int = option(
        24, help="Rollouts, each followed by passes of optimisation.", minimum=1, maximum=100_000, group=ROLLOUT
    )
    batch_size: int = option(24, help="Completions a rollout.", minimum=2, maximum=65536, group=ROLLOUT)
    max_new_tokens: int = option(48, help="Tokens of a completion.", minimum=1, maximum=8192, group=ROLLOUT)
    max_prompt_tokens: int = option(
        256, help="Prompts longer than this are left out and counted.", minimum=8, maximum=32768, group=ROLLOUT
    )
    temperature: float = option(1.0, help="Sampling temperature.", minimum=0.05, maximum=5.0, group=ROLLOUT)

    score_clip: float = option(
        4.0, help="Normalised scores are cut at plus and minus this.", minimum=0.1, maximum=100.0, group=REWARD
    )
    missing_eos_penalty: float = option(
        1.0, help="Taken from the score of a completion that does not end.", minimum=0.0, maximum=100.0, group=REWARD
    )
    kl_coef: float = option(
        0.03,
        help="Weight of the per-token KL penalty; where there is a target, the first one.",
        minimum=0.0,
        maximum=10.0,
        group=REWARD,
    )
    kl_estimator: str = option(
        "k1",
        help="What is penalised: k1 is the log ratio, k3 is never negative and less noisy, but biases the gradient.",
        choices=("k1", "k3"),
        group=REWARD,
    )
    kl_target: float = option(
        0.0,
        help="Mean KL (nats per completion) that the coefficient is steered to; 0 keeps it fixed.",
        minimum=0.0,
        maximum=1e6,
        group=REWARD,
    )
    kl_horizon: float = option(
        2000.0,
        help="Completions in which the coefficient may change by a fifth.",
        minimum=1.0,
        maximum=1e9,
        group=REWARD,
    )
    kl_stop: float = option(
        8.0,
        help="Stop training when the mean KL of a rollout (nats per completion) passes this; 0 never stops.",
        minimum=0.0,
        maximum=1e6,
        group=REWARD,
    )

    epochs: int = option(2, help="Passes over a rollout.", minimum=1, maximum=20, group=OPTIMISATION)
    minibatches: int = option(
        3,
        help="Optimiser steps an epoch; the batch size must be a multiple of it.",
        minimum=1,
        maximum=1024,
        group=OPTIMISATION,
    )
    microbatch_size: int = option(
        0,
        help="Completions in one forward pass; 0 takes a minibatch whole. Less needs less memory, for the same result.",
        minimum=0,
        maximum=65536,
        group=OPTIMISATION,
    )
    learning_rate: float = option(
        2e-4, help="Peak learning rate (AdamW).", minimum=1e-8, maximum=1.0, group=OPTIMISATION
    )
    schedule: str = option(
        "constant",
        help="The learning rate after the warm-up: constant, or falling to 0.",
        choices=("constant", "linear"),
        group=OPTIMISATION,
    )
    warmup_steps: int = option(
        0, help="Steps in which the learning rate rises.", minimum=0, maximum=100_000, group=OPTIMISATION
    )
    clip_range: float = option(
        0.2, help="Clip of the policy ratio and of the value step.", minimum=0.01, maximum=1.0, group=OPTIMISATION
    )
    epoch_kl_stop: float = option(
        0.1,
        help="End the passes over a rollout when the new policy is so far from the old (nats per token); 0 never.",
        minimum=0.0,
        maximum=100.0,
        group=OPTIMISATION,
    )
    critic: str = option(
        "ridge",
        help="What estimates values: least squares on the states of reference and reward model, or a trained head.",
        choices=("ridge", "head"),
        group=LOSSES,
    )
    value_coef: float = option(
        0.1, help="Weight of the value loss, where the critic is a head.", minimum=0.0, maximum=10.0, group=LOSSES
    )
    gae_lambda: float = option(
        0.95, help="Lambda of generalised advantage estimation (gamma is 1).", minimum=0.0, maximum=1.0, group=LOSSES
    )
    lm_coef: float = option(
        0.0,
        help="Weight of the language-modelling loss on demonstrations (PPO-ptx); 0 leaves it out.",
        minimum=0.0,
        maximum=1000.0,
        group=LOSSES,
    )
    lora_rank: int = option(
        16,
        help="Rank of the LoRA adapters, merged at the end; 0 trains every weight.",
        minimum=0,
        maximum=512,
        group=OPTIMISATION,
    )
    max_grad_norm: float = option(1.0, help="Gradient clipping.", minimum=0.01, maximum=1000.0, group=OPTIMISATION)
    gradient_checkpointing: bool = option(
        False, help="Recompute activations in the backward pass: less memory, a third more time.", group=OPTIMISATION
    )

    alarms: str = option(
        "warn",
        help="What happens when a monitor finds the policy degenerating: a warning, or the end of the run.",
        choices=("warn", "stop", "off"),
        group=MONITORING,
    )
    evaluate_every: int = option(
        0,
        help="Measure on the held-out prompts every so many steps; 0 only at both ends.",
        minimum=0,
        maximum=100_000,
        group=MONITORING,
    )
    checkpoint_every: int = option(
        8,
        help="Write what a run needs to go on every so many steps; 0 never.",
        minimum=0,
        maximum=100_000,
        group=MONITORING,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size % self.minibatches:
            raise ConfigError(
                {"batch_size": f"must be a multiple of minibatches; got {self.batch_size} and {self.minibatches}."}
            )
        if self.kl_target and self.kl_stop and self.kl_target >= self.kl_stop:
            raise ConfigError(
                {"kl_target": f"must lie below kl_stop; got {self.kl_target:g} and {self.kl_stop:g}. Raise kl_stop."}
            )
        if self.warmup_steps > self.steps:
            raise ConfigError({"warmup_steps": f"must not exceed steps; got {self.warmup_steps} and {self.steps}."})


@dataclass(frozen=True, kw_only=True)
class SampleConfig(StageConfig):
    """Completions for the snapshot's prompts, returned as comparisons to rank."""

    completions_per_prompt: int = option(
        4, help="Completions a prompt and model: with a baseline, each model gives so many.", minimum=1, maximum=9
    )
    max_new_tokens: int = option(64, help="Tokens of a completion.", minimum=1, maximum=8192)
    max_prompt_tokens: int = option(
        256, help="Prompts longer than this are left out and counted.", minimum=8, maximum=32768
    )
    temperature: float = option(1.0, help="Sampling temperature.", minimum=0.05, maximum=5.0)
    top_p: float = option(1.0, help="Nucleus sampling; 1 keeps every token.", minimum=0.01, maximum=1.0)
    batch_size: int = option(32, help="Completions decoded together.", minimum=1, maximum=4096)
    prompts: str = option("all", help="Which prompts of the snapshot.", choices=("all", "train", "test"))
    max_prompts: int = option(0, help="At most so many prompts; 0 takes all.", minimum=0, maximum=10_000_000)


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(StageConfig):
    """Held-out accuracy of a reward model; mean score, KL and diversity of a policy on held-out prompts."""

    completions_per_prompt: int = option(
        4, help="Completions a held-out prompt (policies only).", minimum=1, maximum=64
    )
    max_new_tokens: int = option(64, help="Tokens of a completion.", minimum=1, maximum=8192)
    max_prompt_tokens: int = option(
        256, help="Prompts longer than this are left out and counted.", minimum=8, maximum=32768
    )
    temperature: float = option(1.0, help="Sampling temperature.", minimum=0.05, maximum=5.0)
    max_length: int = option(
        512, help="Tokens of prompt and completion; longer pairs are left out and counted.", minimum=16, maximum=32768
    )
    batch_size: int = option(32, help="Sequences handled together.", minimum=1, maximum=4096)


STAGES: dict[str, type[StageConfig]] = {
    "sft": SftConfig,
    "reward": RewardConfig,
    "ppo": PpoConfig,
    "sample": SampleConfig,
    "evaluate": EvaluateConfig,
}


def parse(stage: str, values: dict[str, Any]) -> StageConfig:
    """Return the config of `stage` from a JSON object; missing keys take the default.

    >>> parse("sft", {"epochs": 1}).epochs
    1
    """
    if stage not in STAGES:
        raise ConfigError({"stage": f"expected one of {', '.join(STAGES)}; got {stage!r}."})
    known = {f.name: f for f in dataclasses.fields(STAGES[stage])}
    unknown = {key: _unknown_key(str(key), list(known)) for key in values if key not in known}
    if unknown:
        raise ConfigError(unknown)
    return STAGES[stage](**{key: _as_float_where_asked(known[key], value) for key, value in values.items()})


def to_json(config: StageConfig) -> dict[str, int | float | bool | str]:
    """Return every field of a config, ready for JSON; parse() of it gives an equal config."""
    return dataclasses.asdict(config)


def _unknown_key(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return "unknown key" + (f"; did you mean {close[0]!r}?" if close else f"; known keys: {', '.join(known)}.")


def _as_float_where_asked(f: "dataclasses.Field[Any]", value: Any) -> Any:
    """JSON writes 1.0 as 1: a whole number is a fine float. Nothing else is converted."""
    is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= EXACT_FLOAT
    return float(value) if type_of(f) is float and is_whole else value
