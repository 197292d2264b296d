"""The heat map of annotators: for each two of a page of people, how far they agree, and where to look.

A cell is coloured by its distance to what is usual for preferences, and says so with a sign, too: colour alone tells
nothing. Below the minimum of shared prompts it has a number of prompts and no rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from annotate.quality import reading
from annotate.quality.estimate import Estimate

FAR = 0.1
"""This much outside the usual span counts as far."""
SIGNS = {"far-below": "▾▾", "below": "▾", "usual": "·", "above": "▴", "far-above": "▴▴", "unknown": ""}
WORDS = {
    "far-below": "far below what is usual",
    "below": "below what is usual",
    "usual": "usual",
    "above": "above what is usual",
    "far-above": "far above what is usual",
    "unknown": "not enough shared prompts",
}


@dataclass(frozen=True)
class Cell:
    """Two people: their agreement, the prompts that both judged, and the band it falls in."""

    first: int
    second: int
    prompt_count: int
    agreement: Estimate
    band: str

    @property
    def sign(self) -> str:
        return SIGNS[self.band]

    @property
    def words(self) -> str:
        return WORDS[self.band]


@dataclass(frozen=True)
class Row:
    """One person against each of the page; None on the diagonal and where two never met."""

    annotator_id: int
    pseudonym: str
    cells: list[Cell | None]


def band_of(agreement: Estimate) -> str:
    """Return where an agreement stands beside what is usual: a key of SIGNS and WORDS."""
    read = reading.read(agreement, scale=reading.PREFERENCES)
    if read is None:
        return "unknown"
    side = "above" if read.distance > 0 else "below"
    if abs(read.distance) >= FAR:
        return f"far-{side}"
    return side if read.distance else "usual"


def rows(people: Sequence[tuple[int, str]], met: Mapping[tuple[int, int], tuple[int, Estimate]]) -> list[Row]:
    """Lay out people (id, pseudonym) against each other; `met` has prompts and agreement by (lower id, higher id)."""
    return [Row(one, name, [_cell(one, other, met) for other, _ in people]) for one, name in people]


def _cell(one: int, other: int, met: Mapping[tuple[int, int], tuple[int, Estimate]]) -> Cell | None:
    pair = (min(one, other), max(one, other))
    if one == other or pair not in met:
        return None
    prompt_count, agreement = met[pair]
    return Cell(*pair, prompt_count, agreement, band_of(agreement))
