"""Small pictures as places on paper: points with intervals, lines and bands between two axes, and bars from 0 to 1.

Only geometry, in units of WIDTH × HEIGHT; templates/training/_drawing.html makes SVG of it. A table beside each drawing
has the numbers.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 16.0, 30.0, 46.0
TICKS = 5
BAR = 200.0
"""The length of a bar from 0 to 1."""

Place = tuple[float, float]


@dataclass(frozen=True)
class Point:
    """A measured value; `low` and `high` are its interval along y; `name` is said when the pointer rests on it."""

    x: float
    y: float
    name: str
    low: float | None = None
    high: float | None = None
    series: int = 1
    label: str = ""  # written beside it


@dataclass(frozen=True)
class Line:
    """Places joined by a line; dashed where it is a guide rather than something measured."""

    places: Sequence[Place]
    series: int = 1
    is_dashed: bool = False


@dataclass(frozen=True)
class Band:
    """A span of y behind everything, with its name."""

    low: float
    high: float
    name: str


@dataclass(frozen=True)
class Axis:
    """What lies between two ends, and where it is marked; on a logarithmic axis both ends are above 0."""

    low: float
    high: float
    title: str
    ticks: tuple[float, ...]
    is_log: bool = False

    def share(self, value: float) -> float:
        """Return how far along the axis a value lies, 0..1; what lies beyond an end is put on it."""
        low, high, at = (math.log(x) if self.is_log else x for x in (self.low, self.high, value))
        return min(max((at - low) / (high - low), 0.0), 1.0)


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class PlacedPoint:
    """A point on the paper; `top` and `foot` are the ends of its interval."""

    x: float
    y: float
    name: str
    series: int
    label: str
    is_left: bool  # whether its label stands on its left
    top: float | None
    foot: float | None


@dataclass(frozen=True)
class PlacedLine:
    """A line as SVG points."""

    points: str
    series: int
    is_dashed: bool


@dataclass(frozen=True)
class PlacedBand:
    """A band on the paper."""

    y: float
    height: float
    name: str


@dataclass(frozen=True)
class Drawing:
    """What the template draws."""

    points: list[PlacedPoint]
    lines: list[PlacedLine]
    bands: list[PlacedBand]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    x_title: str
    y_title: str
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM
    inner_width: float = WIDTH - LEFT - RIGHT
    x_middle: float = (LEFT + WIDTH - RIGHT) / 2


@dataclass(frozen=True)
class Bar:
    """A share from 0 to 1 with its interval, and a band of what is usual behind it, on a line of 200 units."""

    at: float
    start: float
    length: float
    usual_start: float | None
    usual_length: float | None


def axis(values: Iterable[float], title: str, *, is_log: bool = False) -> Axis:
    """Return an axis that holds the values with a little room, marked at round numbers (values above 0 where log).

    >>> axis([0.13, 0.88], "share").ticks
    (0.2, 0.4, 0.6, 0.8)
    """
    known = sorted(values)
    if is_log:
        low, high = known[0] / 1.15, known[-1] * 1.15
        return Axis(low, high, title, tuple(dict.fromkeys(known)), is_log=True)
    room = 0.06 * (known[-1] - known[0]) or abs(known[0]) / 10 or 1.0
    low, high = known[0] - room, known[-1] + room
    return Axis(low, high, title, _round_numbers(low, high))


def drawing(
    points: Sequence[Point], *, x: Axis, y: Axis, lines: Sequence[Line] = (), bands: Sequence[Band] = ()
) -> Drawing:
    """Put everything on paper."""
    across, down = _across(x), _down(y)
    return Drawing(
        points=[_placed(point, across, down) for point in points],
        lines=[
            PlacedLine(" ".join(f"{across(a):g},{down(b):g}" for a, b in one.places), one.series, one.is_dashed)
            for one in lines
        ],
        bands=[PlacedBand(down(one.high), round(down(one.low) - down(one.high), 1), one.name) for one in bands],
        x_ticks=[Tick(across(tick), _label(tick)) for tick in x.ticks],
        y_ticks=[Tick(down(tick), _label(tick)) for tick in y.ticks],
        x_title=x.title,
        y_title=y.title,
    )


def bar(value: float, low: float, high: float, *, usual: tuple[float, float] | None = None) -> Bar:
    """Return a share with its interval as a bar; `usual` is a span behind it.

    >>> bar(0.5, 0.4, 0.6)
    Bar(at=100.0, start=80.0, length=40.0, usual_start=None, usual_length=None)
    """
    at, start, end = (round(BAR * min(max(one, 0.0), 1.0), 1) for one in (value, low, high))
    if usual is None:
        return Bar(at, start, round(end - start, 1), None, None)
    behind = bar(usual[0], *usual)
    return Bar(at, start, round(end - start, 1), behind.start, behind.length)


def _placed(point: Point, across: Callable[[float], float], down: Callable[[float], float]) -> PlacedPoint:
    x = across(point.x)
    return PlacedPoint(
        x=x,
        y=down(point.y),
        name=point.name,
        series=point.series,
        label=point.label,
        is_left=x > WIDTH / 2,
        top=None if point.high is None else down(point.high),
        foot=None if point.low is None else down(point.low),
    )


def _across(x: Axis) -> Callable[[float], float]:
    return lambda value: round(LEFT + (WIDTH - LEFT - RIGHT) * x.share(value), 1)


def _down(y: Axis) -> Callable[[float], float]:
    return lambda value: round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - y.share(value)), 1)


def _round_numbers(low: float, high: float) -> tuple[float, ...]:
    """Return the multiples of 1, 2 or 5 times a power of ten between two numbers, five to seven of them mostly."""
    rough = 0.7 * (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= rough)
    return tuple(round(k * step, 10) for k in range(math.ceil(low / step), math.floor(high / step) + 1))


def _label(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
