"""The config of each stage: a field is written once, here.

JSON, the start form and the docs derive from `dataclasses.fields`; help and bounds are field metadata. An unknown key,
a wrong type or a value out of bounds is a ConfigError that names each field. Nothing is filled in at run time.
"""

import dataclasses
import difflib
import math
import typing
from dataclasses import dataclass, field
from typing import Any  # JSON from outside really is anything, until parse() has looked at it

EXACT_FLOAT = 2**53
"""Whole numbers up to this are the same as floats."""


class ConfigError(ValueError):
    """A config that cannot be used. `errors` maps a field's name to what was expected and what came."""

    def __init__(self, errors: dict[str, str]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{name}: {message}" for name, message in errors.items()))


def option(
    default: int | float | bool | str,
    *,
    help: str,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Declare a config field with its default, help text and inclusive bounds."""
    metadata = {"help": help, "minimum": minimum, "maximum": maximum, "choices": choices}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """What every stage has. Constructing one checks types and bounds and raises ConfigError."""

    seed: int = option(1, help="Seed of every random choice.", minimum=0, maximum=2**31 - 1)

    def __post_init__(self) -> None:
        errors = {f.name: problem for f in dataclasses.fields(self) if (problem := _problem(f, getattr(self, f.name)))}
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


@dataclass(frozen=True, kw_only=True)
class PpoConfig(StageConfig):
    """PPO with a per-token KL penalty to the starting policy; the loop is ours (rlhf/training/ppo.py)."""

    steps: int = option(24, help="Rollouts, each followed by passes of optimisation.", minimum=1, maximum=100_000)
    batch_size: int = option(24, help="Completions a rollout.", minimum=2, maximum=65536)
    minibatches: int = option(
        3, help="Optimiser steps an epoch; the batch size must be a multiple of it.", minimum=1, maximum=1024
    )
    epochs: int = option(2, help="Passes over a rollout.", minimum=1, maximum=20)
    learning_rate: float = option(2e-4, help="Learning rate (AdamW).", minimum=1e-8, maximum=1.0)
    max_new_tokens: int = option(48, help="Tokens of a completion.", minimum=1, maximum=8192)
    max_prompt_tokens: int = option(
        256, help="Prompts longer than this are left out and counted.", minimum=8, maximum=32768
    )
    temperature: float = option(1.0, help="Sampling temperature.", minimum=0.05, maximum=5.0)
    kl_coef: float = option(0.03, help="Weight of the per-token KL penalty.", minimum=0.0, maximum=10.0)
    kl_stop: float = option(
        8.0,
        help="Stop training when the mean KL of a rollout (nats per completion) passes this; 0 never stops.",
        minimum=0.0,
        maximum=1e6,
    )
    clip_range: float = option(0.2, help="Clip of the policy ratio and of the value step.", minimum=0.01, maximum=1.0)
    value_coef: float = option(0.1, help="Weight of the value loss.", minimum=0.0, maximum=10.0)
    gae_lambda: float = option(
        0.95, help="Lambda of generalised advantage estimation (gamma is 1).", minimum=0.0, maximum=1.0
    )
    score_clip: float = option(
        4.0, help="Normalised scores are cut at plus and minus this.", minimum=0.1, maximum=100.0
    )
    missing_eos_penalty: float = option(
        1.0, help="Taken from the score of a completion that does not end.", minimum=0.0, maximum=100.0
    )
    lm_coef: float = option(
        0.0,
        help="Weight of the language-modelling loss on demonstrations (PPO-ptx); 0 leaves it out.",
        minimum=0.0,
        maximum=1000.0,
    )
    lora_rank: int = option(
        16, help="Rank of the LoRA adapters, merged at the end; 0 trains every weight.", minimum=0, maximum=512
    )
    max_grad_norm: float = option(1.0, help="Gradient clipping.", minimum=0.01, maximum=1000.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size % self.minibatches:
            raise ConfigError(
                {"batch_size": f"must be a multiple of minibatches; got {self.batch_size} and {self.minibatches}."}
            )


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


def type_of(f: "dataclasses.Field[Any]") -> type:
    """Return the type of a config field: int, float, bool or str."""
    kinds = {"int": int, "float": float, "bool": bool, "str": str}
    return f.type if isinstance(f.type, type) else kinds[typing.cast(str, f.type)]


def _unknown_key(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return "unknown key" + (f"; did you mean {close[0]!r}?" if close else f"; known keys: {', '.join(known)}.")


def _as_float_where_asked(f: "dataclasses.Field[Any]", value: Any) -> Any:
    """JSON writes 1.0 as 1: a whole number is a fine float. Nothing else is converted."""
    is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= EXACT_FLOAT
    return float(value) if type_of(f) is float and is_whole else value


def _problem(f: "dataclasses.Field[Any]", value: Any) -> str:
    """Return what is wrong with a field's value, or an empty string."""
    wanted = type_of(f)
    if type(value) is not wanted:
        return f"expected {wanted.__name__}; got {type(value).__name__} {str(value)[:40]!r}."
    if f.metadata["choices"] and value not in f.metadata["choices"]:
        return f"expected one of {', '.join(f.metadata['choices'])}; got {value!r}."
    if isinstance(value, float) and not math.isfinite(value):
        return f"expected a finite number; got {value}."
    low, high = f.metadata["minimum"], f.metadata["maximum"]
    if (low is not None and value < low) or (high is not None and value > high):
        return f"expected {low:g} to {high:g}; got {str(value)[:40]}."
    return ""
