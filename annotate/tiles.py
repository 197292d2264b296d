"""A figure on a line: its intervals, what is usual, and what chance reaches.

Published crowds agree on 63-77 % of the pairs on which both chose (InstructGPT 72.6 %, Stiennon et al. 72 %, Anthropic
HH 63 %), which is a pair alpha of 0.26-0.54. The limits 0.67 and 0.80 of content analysis are for facts, not for taste.
"""

from dataclasses import dataclass

from annotate.quality.estimate import Estimate
from annotate.quality.reading import PREFERENCES

LENGTH = 200.0


@dataclass(frozen=True)
class Scale:
    """The line that a figure is laid on, in its own units; `usual` is the span of published figures, if it has one."""

    low: float
    high: float
    chance: float
    usual: tuple[float, float] | None = None


RATE = Scale(0.0, 1.0, chance=0.5)
AGREEMENT = Scale(0.0, 1.0, chance=0.5, usual=PREFERENCES.usual)
ALPHA = Scale(-0.25, 1.0, chance=0.0, usual=(0.26, 0.54))


@dataclass(frozen=True)
class Span:
    """A stretch of the line."""

    start: float
    length: float


@dataclass(frozen=True)
class Ruler:
    """A line of LENGTH units with what is drawn on it; `narrow` and `wide` are intervals, `chance` is a mark."""

    dot: float
    narrow: Span | None
    wide: Span | None
    usual: Span | None
    chance: float


@dataclass(frozen=True)
class Tile:
    """One figure: for these annotators and new prompts, `wide` for new annotators too; `kind` is percent or number."""

    label: str
    kind: str
    scale: Scale
    estimate: Estimate
    wide: Estimate
    meaning: str
    reading: str = ""
    section: str = ""  # its title in docs/quality.md

    @property
    def ruler(self) -> Ruler | None:
        return ruler(self.estimate, wide=self.wide, scale=self.scale)


def ruler(estimate: Estimate, *, wide: Estimate | None = None, scale: Scale = RATE) -> Ruler | None:
    """Lay a figure with its interval, and a wider one, on a line; None where it is undefined."""
    if estimate.value is None:
        return None

    def at(x: float) -> float:
        return round(LENGTH * (min(max(x, scale.low), scale.high) - scale.low) / (scale.high - scale.low), 1)

    def span(start: float | None, end: float | None) -> Span | None:
        return None if start is None or end is None else Span(at(start), round(at(end) - at(start), 1))

    return Ruler(
        dot=at(estimate.value),
        narrow=span(estimate.low, estimate.high),
        wide=span(wide.low, wide.high) if wide else None,
        usual=span(*scale.usual) if scale.usual else None,
        chance=at(scale.chance),
    )
