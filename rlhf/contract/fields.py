"""What a config field is: a default, a help text, bounds, written once as the metadata of a dataclass field."""

import dataclasses
import math
import typing
from dataclasses import dataclass, field
from typing import Any  # JSON from outside really is anything, until parse() has looked at it

CHECKPOINT_HELP = "Write what a run needs to go on every so many steps; 0 every ten minutes."
"""Of the stages that stand on the Hugging Face trainer."""


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
    group: str = "Settings",
) -> Any:
    """Declare a config field with its default, help text, inclusive bounds and the heading it stands under."""
    metadata = {"help": help, "minimum": minimum, "maximum": maximum, "choices": choices, "group": group}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """What every stage has. Constructing one checks types and bounds and raises ConfigError."""

    seed: int = option(1, help="Seed of every random choice.", minimum=0, maximum=2**31 - 1)

    def __post_init__(self) -> None:
        errors = {f.name: problem for f in dataclasses.fields(self) if (problem := _problem(f, getattr(self, f.name)))}
        if errors:
            raise ConfigError(errors)


def type_of(f: "dataclasses.Field[Any]") -> type:
    """Return the type of a config field: int, float, bool or str."""
    kinds = {"int": int, "float": float, "bool": bool, "str": str}
    return f.type if isinstance(f.type, type) else kinds[typing.cast(str, f.type)]


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
