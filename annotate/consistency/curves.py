"""A figure over time as a small drawing: a line with its interval, what is usual behind it, and marks for events.

Only places on the paper are reckoned here, in units of WIDTH × HEIGHT; the table beside a drawing has the numbers.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from annotate.quality.estimate import Estimate

WIDTH, HEIGHT = 720.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 30.0, 26.0, 28.0
MAX_DATES = 7


@dataclass(frozen=True)
class Dot:
    """A measured value."""

    x: float
    y: float


@dataclass(frozen=True)
class Tick:
    """A place on an axis, or an event."""

    at: float
    label: str


@dataclass(frozen=True)
class Stretch:
    """Neighbouring weeks that have values: their line, and their interval as a polygon, as SVG points."""

    line: str
    band: str
    dots: list[Dot]


@dataclass(frozen=True)
class Curve:
    """What is drawn; `usual` is the top and the height of the usual span, `events` stand above the paper."""

    stretches: list[Stretch]
    values: list[Tick]
    dates: list[Tick]
    events: list[Tick]
    usual: tuple[float, float] | None

    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM
    inner_width: float = WIDTH - LEFT - RIGHT


def curve(
    weeks: Sequence[tuple[date, Estimate]],
    *,
    events: Sequence[tuple[date, str]],
    usual: tuple[float, float] | None = None,
) -> Curve | None:
    """Return the drawing of rates (0..1) by week; None where fewer than two weeks have a value."""
    if sum(estimate.value is not None for _, estimate in weeks) < 2:
        return None
    first, last = weeks[0][0].toordinal(), weeks[-1][0].toordinal()
    low, high = _span([estimate for _, estimate in weeks], usual)

    def x(day: date) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (day.toordinal() - first) / max(last - first, 1), 1)

    def y(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (high - min(max(value, low), high)) / (high - low), 1)

    placed = [(x(day), estimate) for day, estimate in weeks]
    known = groupby(placed, key=lambda one: one[1].value is not None)
    tenths = range(round(10 * low), round(10 * high) + 1)
    return Curve(
        stretches=[_stretch(list(run), y) for has_value, run in known if has_value],
        values=[Tick(y(k / 10), f"{10 * k}") for k in tenths],
        dates=[Tick(x(day), f"{day:%-d %b}") for day, _ in weeks[:: -(-len(weeks) // MAX_DATES)]],
        events=[Tick(x(day), label) for day, label in events if first <= day.toordinal() <= last],
        usual=None if usual is None else (y(usual[1]), round(y(usual[0]) - y(usual[1]), 1)),
    )


def _stretch(run: Sequence[tuple[float, Estimate]], y: Callable[[float], float]) -> Stretch:
    values = [(x, y(estimate.value)) for x, estimate in run]
    ends = [(x, estimate.low, estimate.high) for x, estimate in run if estimate.low is not None]
    upper, lower = [(x, y(high)) for x, _, high in ends], [(x, y(low)) for x, low, _ in reversed(ends)]
    return Stretch(line=_points(values), band=_points([*upper, *lower]), dots=[Dot(*one) for one in values])


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)


def _span(estimates: Sequence[Estimate], usual: tuple[float, float] | None) -> tuple[float, float]:
    """The part of 0..1 that holds all that is drawn, in whole tenths."""
    shown = [value for one in estimates for value in (one.value, one.low, one.high) if value is not None]
    shown += usual or ()
    low, high = math.floor(min(shown) * 10) / 10, math.ceil(max(shown) * 10) / 10
    return (low, high) if high > low else (max(0.0, low - 0.1), min(1.0, high + 0.1))
