"""The headline figures of the consistency page: what each means, what is usual, and where it stands on a line.

Published crowds agree on 63-77 % of the pairs on which both chose (InstructGPT 72.6 %, Stiennon et al. 72 %, Anthropic
HH 63 %), which is a pair alpha of 0.26-0.54. The limits 0.67 and 0.80 of content analysis are for facts, not for taste.
"""

from dataclasses import dataclass

from annotate.quality.estimate import Estimate
from annotate.quality.intervals import BothIntervals
from annotate.reports import ConsistencyReport

LENGTH = 200.0


@dataclass(frozen=True)
class Scale:
    """The line that a figure is laid on, in its own units; `usual` is the span of published figures, if it has one."""

    low: float
    high: float
    chance: float
    usual: tuple[float, float] | None = None


RATE = Scale(0.0, 1.0, chance=0.5)
AGREEMENT = Scale(0.0, 1.0, chance=0.5, usual=(0.63, 0.77))
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

    @property
    def ruler(self) -> Ruler | None:
        return ruler(self.estimate, wide=self.wide, scale=self.scale)


def tiles(report: ConsistencyReport) -> list[Tile]:
    """Return the three figures of agreement, the one to compare with published figures first."""
    decisive, with_ties, alpha = report.decisive, report.agreement, report.alpha
    return [
        _tile(
            "Agreement where both chose",
            decisive,
            scale=AGREEMENT,
            meaning="Of two annotators who each preferred one of two completions, how often it was the same one.",
            reading=reading(decisive.same_annotators),
        ),
        _tile(
            "Agreement with ties",
            with_ties,
            scale=RATE,
            meaning="The same over all pairs: a tie half agrees with a choice, so it falls where some tie what others "
            "order.",
        ),
        _tile(
            "Pair alpha",
            alpha,
            scale=ALPHA,
            kind="number",
            meaning="Krippendorff's alpha on pairs, ties by half: agreement beyond chance, 1 being full agreement. The "
            "limits 0.67 and 0.80 of the textbooks are for facts, not for taste.",
        ),
    ]


def reading(agreement: Estimate) -> str:
    """Say where decisive agreement lies beside published figures; nothing where it is not known."""
    if agreement.value is None or AGREEMENT.usual is None:
        return ""
    low, high = AGREEMENT.usual
    if agreement.value < low:
        return "Below what is usual: read the disputed comparisons and sharpen the guidelines."
    if agreement.value > high:
        return "Above what is usual: they agree well, or the pairs are easy."
    return "In the usual span of open-ended text."


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


def _tile(
    label: str, both: BothIntervals, *, scale: Scale, meaning: str, reading: str = "", kind: str = "percent"
) -> Tile:
    return Tile(label, kind, scale, both.same_annotators, both.new_annotators, meaning, reading)
