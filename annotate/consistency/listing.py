"""Ranked comparisons for a page of a list, from their tallies: what they are about, where they stand, what most say."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.db.models import Exists, OuterRef

from annotate import statistics
from annotate.models import Comparison, Origin, Ranking, Tally
from annotate.quality.ranking import PairCounts, PairUnits
from annotate.quality.tiers import sentence
from annotate.verdicts import Status, excerpt_of, labels_of, majority_orders


@dataclass(frozen=True)
class Listed:
    """A comparison in a list; `agreement` is None where there is one ranking only."""

    comparison: Comparison
    excerpt: str
    status: Status
    ranking_count: int
    agreement: float | None
    majority: str
    has_simulated: bool


def listed(tallies: Iterable[Tally]) -> list[Listed]:
    """Return tallies with their comparisons, in one query."""
    wanted = list(tallies)
    simulated = Ranking.objects.filter(comparison=OuterRef("pk"), annotator__origin=Origin.SIMULATED)
    comparisons = Comparison.objects.select_related("prompt").annotate(has_simulated=Exists(simulated))
    found = comparisons.in_bulk([one.pk for one in wanted])
    return [_listed(one, found[one.pk]) for one in wanted]


def majority(tally: Tally) -> str:
    """Return what more than half of the rankings say of each pair, as «A > B = C»."""
    rows = np.array(tally.pairs, dtype=np.int64).reshape(-1, 5)
    none = np.zeros(len(rows), dtype=np.int64)
    home = np.array([tally.pk], dtype=np.int64)
    units = PairUnits(none, none, rows[:, 0], rows[:, 1], comparison_ids=home, prompt_ids=home)
    order = majority_orders(PairCounts(*rows[:, 2:].T, units=units)).get(tally.pk, [])
    return sentence(order, labels=labels_of(pk for tier in order for pk in tier))


def _listed(tally: Tally, comparison: Comparison) -> Listed:
    return Listed(
        comparison=comparison,
        excerpt=excerpt_of(comparison),
        status=statistics.word_of(tally),
        ranking_count=tally.ranking_count,
        agreement=tally.agreement,
        majority=majority(tally),
        has_simulated=comparison.has_simulated,
    )
