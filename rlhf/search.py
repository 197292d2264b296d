"""What a sweep tries: fields of a config with values or spans, as a person writes them, and the settings that follow.

    learning_rate: 1e-4, 3e-4, 1e-3        these values
    kl_coef: 0.01 .. 0.3 log               a span, evenly in the logarithm; without «log», evenly

Values alone may be combined each with each (a grid) or drawn; a span can only be drawn from.
"""

import dataclasses
import itertools
import math
import random
from dataclasses import dataclass

from rlhf.contract import config as configs
from rlhf.contract.config import ConfigError

MOST_RUNS = 64
LARGEST = 1e15
Value = int | float | bool | str
FIELD = "search"


@dataclass(frozen=True)
class Span:
    """Numbers between two ends, both included."""

    low: float
    high: float
    is_log: bool
    is_whole: bool

    def drawn(self, rng: random.Random) -> int | float:
        if self.is_log:
            value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = rng.uniform(self.low, self.high)
        return round(value) if self.is_whole else float(f"{value:.4g}")


Search = dict[str, tuple[Value, ...] | Span]


def parse(stage: str, text: str) -> Search:
    """Return what a person wrote, a field a line. Raises ConfigError (of `search`) naming the line and the fix."""
    known = {one.name: configs.type_of(one) for one in dataclasses.fields(configs.STAGES[stage])}
    found: Search = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, said = (part.strip() for part in line.partition(":"))
        if not colon or not said:
            raise _refusal(f"«{line}» is not «field: value, value» or «field: low .. high».")
        if name not in known:
            raise _refusal(f"{stage} has no field «{name}»; it has {', '.join(known)}.")
        if name in found:
            raise _refusal(f"«{name}» stands there twice. Put all its values on one line.")
        found[name] = _span(name, said, known[name]) if ".." in said else _values(name, said, known[name])
    if not found:
        raise _refusal("names no field; write one a line, as in «learning_rate: 1e-4, 3e-4».")
    return found


def settings(found: Search, *, draws: int, seed: int) -> list[dict[str, Value]]:
    """Return the settings to try: every combination, or `draws` at random. Raises ConfigError (of `search`)."""
    spans = [name for name, one in found.items() if isinstance(one, Span)]
    if draws:
        if draws > MOST_RUNS:
            raise _refusal(f"a sweep has at most {MOST_RUNS} runs; {draws} were asked for.")
        rng = random.Random(seed)  # noqa: S311  reproducible, not secret
        drawn = [{name: _drawn(one, rng) for name, one in found.items()} for _ in range(draws)]
        return [dict(row) for row in dict.fromkeys(tuple(row.items()) for row in drawn)]
    if spans:
        raise _refusal(f"«{spans[0]}» is a span, of which there is no grid. List its values, or say how many to draw.")
    count = math.prod(len(one) for one in found.values())
    if count > MOST_RUNS:
        raise _refusal(f"the grid has {count} runs, more than {MOST_RUNS}. Take values out, or draw some at random.")
    return [dict(zip(found, combination, strict=True)) for combination in itertools.product(*found.values())]


def _refusal(sentence: str) -> ConfigError:
    return ConfigError({FIELD: sentence})


def _values(name: str, said: str, kind: type) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(_value(name, one.strip(), kind) for one in said.split(",") if one.strip()))


def _value(name: str, said: str, kind: type) -> Value:
    if kind is bool:
        if said not in ("true", "false"):
            raise _refusal(f"«{name}» is true or false; got «{said}».")
        return said == "true"
    if kind is str:
        return said
    try:
        value: int | float = kind(said)
    except ValueError:
        raise _refusal(f"«{name}» takes {'whole numbers' if kind is int else 'numbers'}; got «{said}».") from None
    if not abs(value) < LARGEST:
        raise _refusal(f"«{name}» is too large: {said[:40]}.")
    return value


def _span(name: str, said: str, kind: type) -> Span:
    if kind not in (int, float):
        raise _refusal(f"«{name}» is no number, so it has no span. List its values.")
    ends, is_log = said.removesuffix("log").strip(), said.endswith("log")
    low, _, high = (part.strip() for part in ends.partition(".."))
    first, last = _value(name, low, kind), _value(name, high, kind)
    if not float(first) < float(last) or (is_log and float(first) <= 0):
        raise _refusal(f"the span of «{name}» must rise{', from above 0' if is_log else ''}; got {low} .. {high}.")
    return Span(float(first), float(last), is_log, kind is int)


def _drawn(one: tuple[Value, ...] | Span, rng: random.Random) -> Value:
    return one.drawn(rng) if isinstance(one, Span) else rng.choice(one)
