"""The config of each stage: a field is written once, in rlhf/contract/stages/.

JSON, the start form and the docs derive from `dataclasses.fields`; help and bounds are field metadata. An unknown key,
a wrong type or a value out of bounds is a ConfigError that names each field. Nothing is filled in at run time.
"""

import dataclasses
import difflib
from typing import Any  # JSON from outside really is anything, until parse() has looked at it

from rlhf.contract.fields import ConfigError, StageConfig, type_of
from rlhf.contract.stages.groups import GroupConfig, GrpoConfig, RlooConfig
from rlhf.contract.stages.handing_on import ExportConfig
from rlhf.contract.stages.language import PretrainConfig, SftConfig
from rlhf.contract.stages.looking import EvaluateConfig, SampleConfig
from rlhf.contract.stages.preferences import DpoConfig, RewardConfig
from rlhf.contract.stages.reinforcement import PpoConfig

__all__ = [
    "OPTIONAL",
    "REQUIRED",
    "STAGES",
    "ConfigError",
    "DpoConfig",
    "EvaluateConfig",
    "ExportConfig",
    "GroupConfig",
    "GrpoConfig",
    "PpoConfig",
    "PretrainConfig",
    "RewardConfig",
    "RlooConfig",
    "SampleConfig",
    "SftConfig",
    "StageConfig",
    "parse",
    "to_json",
    "type_of",
]

MOST_ERRORS = 20
"""So many unknown keys are named, and the others counted."""
EXACT_FLOAT = 2**53
"""Whole numbers up to this are the same as floats."""

STAGES: dict[str, type[StageConfig]] = {
    "pretrain": PretrainConfig,
    "sft": SftConfig,
    "reward": RewardConfig,
    "ppo": PpoConfig,
    "dpo": DpoConfig,
    "rloo": RlooConfig,
    "grpo": GrpoConfig,
    "sample": SampleConfig,
    "evaluate": EvaluateConfig,
    "export": ExportConfig,
}

REQUIRED: dict[str, tuple[str, ...]] = {
    "pretrain": ("corpus",),
    "sft": ("snapshot", "base"),
    "reward": ("snapshot", "base"),
    "ppo": ("snapshot", "base", "reward_model"),
    "dpo": ("snapshot", "base"),
    "rloo": ("snapshot", "base", "reward_model"),
    "grpo": ("snapshot", "base", "reward_model"),
    "sample": ("snapshot", "base"),
    "evaluate": ("snapshot", "base"),
    "export": ("base",),
}
"""What a stage reads, by the names of rundir.Inputs."""

OPTIONAL: dict[str, tuple[str, ...]] = {
    "pretrain": ("base",),
    "sft": (),
    "reward": (),
    "ppo": ("corpus", "watcher"),
    "dpo": (),
    "rloo": (),
    "grpo": (),
    "sample": ("baseline", "reward_model"),
    "evaluate": ("reward_model", "baseline"),
    "export": (),
}
"""What it may read besides."""


def parse(stage: str, values: dict[str, Any]) -> StageConfig:
    """Return the config of `stage` from a JSON object; missing keys take the default.

    >>> parse("sft", {"epochs": 1}).epochs
    1
    """
    if stage not in STAGES:
        raise ConfigError({"stage": f"expected one of {', '.join(STAGES)}; got {stage!r}."})
    known = {f.name: f for f in dataclasses.fields(STAGES[stage])}
    if unknown := [key for key in values if key not in known]:
        said = {key: _unknown_key(str(key), list(known)) for key in unknown[:MOST_ERRORS]}
        if len(unknown) > MOST_ERRORS:
            said[unknown[MOST_ERRORS]] = f"and {len(unknown) - MOST_ERRORS} more unknown keys."
        raise ConfigError(said)
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
