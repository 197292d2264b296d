"""The heat map of annotators: for each two of a page of people, how far they agree, and where to look.

A cell is coloured by its distance to what is usual for preferences, and says so with a sign, too: colour alone tells
nothing. Below the minimum of shared comparisons it has their number and no rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from annotate import statistics
from annotate.consistency.judged import Judgements
from annotate.consistency.ordering import Column
from annotate.consistency.people import Person
from annotate.label_value import ModelRow
from annotate.models import Annotator, Project
from annotate.quality import reading
from annotate.quality.contribution import MetSums
from annotate.quality.estimate import Estimate
from annotate.quality.minimum import ANNOTATOR_PAIR

FAR = 0.1
"""This much outside the usual span counts as far."""
BANDS = {
    "far-below": ("▾▾", "far below what is usual"),
    "below": ("▾", "below"),
    "usual": ("·", "usual for preferences"),
    "above": ("▴", "above"),
    "far-above": ("▴▴", "far above: easy prompts, or one copies"),
    "unknown": ("", "too few shared"),
}
LEGEND = [(band, sign, words) for band, (sign, words) in BANDS.items() if sign]


@dataclass(frozen=True)
class Cell:
    """Two people: their agreement on the pairs that both judged, how many comparisons those are of, and the band."""

    first: int
    second: int
    comparison_count: int
    agreement: Estimate
    band: str

    @property
    def sign(self) -> str:
        return BANDS[self.band][0]

    @property
    def words(self) -> str:
        return BANDS[self.band][1]


@dataclass(frozen=True)
class Row:
    """One person against each of the page; None on the diagonal and where two never met."""

    person: Person
    cells: list[Cell | None]


@dataclass(frozen=True)
class Alike:
    """People who answer alike more often than their quality explains, as (id, pseudonym)."""

    sentence: str
    people: list[tuple[int, str]]


COLUMNS: dict[str, Column[Person]] = {
    "agreement": Column("agreement with the others", lambda one: one.agreement),
    "rankings": Column("rankings", lambda one: one.ranking_count, starts_high=True),
    "name": Column("name", lambda one: one.pseudonym, is_number=False),
}


def rows(project: Project, shown: Sequence[Person]) -> list[Row]:
    """Lay out some people against each other, in one query."""
    met = statistics.met(project, annotators=[one.annotator_id for one in shown])
    return [Row(one, [_cell(one, other, met) for other in shown]) for one in shown]


def model_cells(row: ModelRow | None, shown: Sequence[Person]) -> list[tuple[Estimate, str] | None]:
    """Return a reward model's agreement with each of some people, and its band; empty where there is no model."""
    if row is None:
        return []
    known = {annotator.pk: agreement for annotator, agreement in row.annotators}
    return [
        (known[one.annotator_id], band_of(known[one.annotator_id])) if one.annotator_id in known else None
        for one in shown
    ]


def rings(judgements: Judgements | None) -> list[Alike]:
    """Return who answers alike, in one query."""
    found = judgements.rings if judgements else []
    names = dict(
        Annotator.objects.filter(pk__in={pk for ring in found for pk in ring.annotators}).values_list("pk", "pseudonym")
    )
    return [Alike(ring.sentence, [(pk, names[pk]) for pk in ring.annotators]) for ring in found]


def estimate(sums: MetSums) -> Estimate:
    """Return how far two people agree, a tie by half; n counts the comparisons on which they met."""
    return ANNOTATOR_PAIR.of_estimate(Estimate(sums.agreed_halves / (2 * sums.pairs), n=sums.comparisons))


def band_of(agreement: Estimate) -> str:
    """Return where an agreement stands beside what is usual: a key of BANDS."""
    read = reading.read(agreement, scale=reading.PREFERENCES)
    if read is None:
        return "unknown"
    side = "above" if read.distance > 0 else "below"
    if abs(read.distance) >= FAR:
        return f"far-{side}"
    return side if read.distance else "usual"


def _cell(one: Person, other: Person, met: Mapping[tuple[int, int], MetSums]) -> Cell | None:
    pair = (min(one.annotator_id, other.annotator_id), max(one.annotator_id, other.annotator_id))
    if pair not in met:
        return None
    agreement = estimate(met[pair])
    return Cell(*pair, met[pair].comparisons, agreement, band_of(agreement))
