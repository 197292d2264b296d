"""Parallel coordinates: an axis for each setting and one for what came out, a line for each run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rlhf.drawings import Tick

WIDTH, HEIGHT = 720.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 70.0, 70.0, 40.0, 24.0
LOG_FROM = 20.0
"""Numbers above 0 whose largest is so many times the smallest are spread by their logarithm."""
Value = int | float | bool | str


@dataclass(frozen=True)
class Upright:
    """One axis: where it stands, what it is of, and its marks."""

    x: float
    title: str
    ticks: list[Tick]


@dataclass(frozen=True)
class Thread:
    """One run as SVG points."""

    points: str
    name: str
    is_best: bool


@dataclass(frozen=True)
class Parallel:
    """What the template draws; the best runs come last, on top of the others."""

    axes: list[Upright]
    threads: list[Thread]
    width: float = WIDTH
    height: float = HEIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def parallel(titles: Sequence[str], lines: Sequence[tuple[Sequence[Value], str, bool]]) -> Parallel:
    """Put rows of (values, name, is best) on paper; numbers are spread by size, words and truths evenly."""
    columns = [[row[0][at] for row in lines] for at in range(len(titles))]
    shares = [_shares(column) for column in columns]
    step = (WIDTH - LEFT - RIGHT) / (len(titles) - 1)
    xs = [round(LEFT + step * at, 1) for at in range(len(titles))]
    threads = [
        Thread(
            " ".join(f"{x:g},{_y(share[value]):g}" for x, share, value in zip(xs, shares, values, strict=True)),
            name,
            is_best,
        )
        for values, name, is_best in lines
    ]
    uprights = [
        Upright(x, title, [Tick(_y(share[value]), _said(value)) for value in _marked(share)])
        for x, title, share in zip(xs, titles, shares, strict=True)
    ]
    return Parallel(uprights, sorted(threads, key=lambda one: one.is_best))


def _shares(column: Sequence[Value]) -> dict[Value, float]:
    """Return where each value stands on its axis, 0 (foot) to 1 (top)."""
    if any(isinstance(one, str | bool) for one in column):
        named = sorted(set(column), key=str)
        return {one: at / max(len(named) - 1, 1) for at, one in enumerate(named)}
    low, high = min(column), max(column)
    is_log = low > 0 and high / low >= LOG_FROM
    ends = [math.log(one) if is_log else float(one) for one in (low, high)]
    span = ends[1] - ends[0]
    return {one: ((math.log(one) if is_log else one) - ends[0]) / span if span else 0.5 for one in column}


def _marked(share: dict[Value, float]) -> list[Value]:
    """The values that are written on an axis: all where they are few, else both ends."""
    ordered = sorted(share, key=lambda one: share[one])
    return ordered if len(ordered) <= 6 else [ordered[0], ordered[-1]]


def _y(share: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - share), 1)


def _said(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
