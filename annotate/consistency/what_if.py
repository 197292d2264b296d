"""«What if»: agreement without some of the rankings, beside what it is. Reckoned on a copy; nothing is stored."""

from dataclasses import dataclass

import numpy as np

from annotate.consistency.ballots import Ballots
from annotate.quality.agreement import DECISIVE, HALF_CREDIT
from annotate.quality.arrays import Flags, tally
from annotate.quality.evidence import Measure
from annotate.quality.intervals import agreement_with, alpha_with
from annotate.quality.slices import Change, change
from annotate.reports import SEED

MEASURES: dict[str, tuple[Measure, str]] = {
    "Agreement where both chose": (agreement_with(DECISIVE), "percent"),
    "Agreement with ties": (agreement_with(HALF_CREDIT), "percent"),
    "Pair alpha": (alpha_with(HALF_CREDIT), "number"),
}


@dataclass(frozen=True)
class Conditions:
    """Which rankings stay: those that meet every condition that is set."""

    without: tuple[int, ...] = ()  # annotator ids
    overlap: int | None = None  # the first so many rankings of a comparison
    guideline: int | None = None
    category: str | None = None
    without_ties: bool = False
    without_simulated: bool = False


@dataclass(frozen=True)
class Row:
    """A measure on both sides; `kind` is percent or number."""

    label: str
    kind: str
    change: Change


@dataclass(frozen=True)
class Outcome:
    """What would change, and at what price: the rankings and second opinions that would be lost."""

    rows: list[Row]
    ranking_count: int
    kept_ranking_count: int
    compared_count: int
    kept_compared_count: int
    share: float


def outcome(ballots: Ballots, conditions: Conditions) -> Outcome:
    """Return every measure with and without what the conditions leave out."""
    votes, kept = ballots.votes, kept_votes(ballots, conditions)
    everything = np.ones_like(kept)
    return Outcome(
        rows=[
            Row(label, kind, change(votes, before=everything, after=kept, measure=measure, seed=SEED))
            for label, (measure, kind) in MEASURES.items()
        ],
        ranking_count=len(np.unique(votes.ranking)),
        kept_ranking_count=len(np.unique(votes.ranking[kept])),
        compared_count=_compared(ballots, everything),
        kept_compared_count=_compared(ballots, kept),
        share=ballots.share,
    )


def kept_votes(ballots: Ballots, conditions: Conditions) -> Flags:
    """Say of each vote whether it stays. (V,)"""
    stays = np.ones(len(ballots.annotator), dtype=np.bool_)
    if conditions.without:
        stays &= ~np.isin(ballots.annotator, conditions.without)
    if conditions.guideline is not None:
        stays &= ballots.guideline == conditions.guideline
    if conditions.category is not None:
        stays &= np.array([one == conditions.category for one in ballots.category], dtype=np.bool_)
    if conditions.without_simulated:
        stays &= ~ballots.is_simulated
    if conditions.overlap is not None:
        stays &= ballots.turn < conditions.overlap
    votes = ballots.votes
    kept: Flags = stays[votes.ranking_ids[votes.ranking]]
    return kept & (votes.relation != 0) if conditions.without_ties else kept


def _compared(ballots: Ballots, kept: Flags) -> int:
    """How many comparisons keep a pair that two annotators judged."""
    votes = ballots.votes
    has_second = tally(votes.unit[kept], n=len(votes.units.i)) >= 2
    return len(np.unique(votes.units.comparison[has_second]))
