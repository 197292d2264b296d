"""Rows → arrays → annotate.quality → the dataclasses that pages show. Reads only, a fixed number of queries.

What counts is each annotator's current ranking: one that was revised or withdrawn is in no figure. «Not enough data» is
a result: such a figure is an Estimate with a reason instead of a value.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from django.db.models import Exists, OuterRef

from annotate.current import Current, people_of, rankings_of, read, read_by_project
from annotate.models import Adjudication, Annotator, Assignment, Comparison, Origin, Project, Ranking
from annotate.quality import agreement, alpha
from annotate.quality.agreement import DECISIVE, HALF_CREDIT, STRICT
from annotate.quality.arrays import Floats, tally
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.intervals import BothIntervals, agreement_with, alpha_with, both_intervals
from annotate.quality.reliability import AnnotatorReliability, annotator_reliability
from annotate.quality.shares import clustered_shares, share_estimate
from annotate.quality.tiers import sentence
from annotate.verdicts import Status, excerpt_of, labels_of, majority_orders, status_of, value_or_none
from annotate.win_rates import WinRate, win_rates, win_rates_in

__all__ = [
    "AnnotatorRow",
    "ComparisonRow",
    "ConsistencyReport",
    "Headline",
    "ListedComparison",
    "WinRate",
    "annotator",
    "comparisons",
    "consistency",
    "headline",
    "listed",
    "win_rates",
]

SEED = 20
"""Of the bootstrap: the same rankings give the same intervals."""

CHANCE = 0.5
WEAK_AGREEMENT = 0.6
STRONG_PULL = 0.1
"""The whole interval must lie this far from one half before a remark speaks of position."""


@dataclass(frozen=True)
class Headline:
    """A project in a few figures, without intervals; n of the agreement figures counts pairs with two votes.

    `pair_agreement` and `alpha` give a tie half credit and count each vote once: the figures of the consistency page.
    The `raw_` ones count each pair of votes once, as most papers do: `raw_strict` and `alpha_strict` take a tie as a
    third answer, `raw_decisive` and `alpha_decisive` leave ties out.
    """

    comparison_count: int
    ranking_count: int
    annotator_count: int
    has_simulated: bool
    pair_agreement: Estimate
    decisive_agreement: Estimate
    alpha: Estimate
    raw_strict: Estimate
    raw_decisive: Estimate
    alpha_strict: Estimate
    alpha_decisive: Estimate
    tie_rate: Estimate
    median_seconds: Estimate

    @property
    def sentence(self) -> str:
        """The figures as papers give them, for a terminal."""
        strict, decisive = _said(self.raw_strict), _said(self.raw_decisive)
        alpha_strict, alpha_decisive = _said(self.alpha_strict), _said(self.alpha_decisive)
        return (
            f"{self.ranking_count:,} rankings of {self.comparison_count:,} comparisons by {self.annotator_count:,} "
            f"annotators; pair agreement {strict} with ties, {decisive} without; alpha {alpha_strict} with ties, "
            f"{alpha_decisive} without."
        )


@dataclass(frozen=True)
class AnnotatorRow:
    """How one annotator ranks in one project."""

    annotator_id: int
    pseudonym: str
    origin: str
    is_paused: bool
    reliability: AnnotatorReliability
    median_seconds: Estimate

    @property
    def remarks(self) -> list[str]:
        """What stands out, as a reason to look at their rankings; it never decides anything."""
        agreed, first = self.reliability.agreement, self.reliability.first_shown_rate
        found = {
            "contrary to the others": _lies(agreed, below=CHANCE),
            "not told apart from coin tosses": _holds(agreed, CHANCE) and (agreed.value or 0.0) < WEAK_AGREEMENT,
            "chooses what is shown first": _lies(first, above=CHANCE + STRONG_PULL),
            "chooses what is shown last": _lies(first, below=CHANCE - STRONG_PULL),
        }
        return [remark for remark, is_so in found.items() if is_so]


@dataclass(frozen=True)
class ComparisonRow:
    """How far the rankings of one comparison agree; `agreement` is None where there is one ranking only."""

    comparison_id: int
    vote_count: int
    agreement: float | None
    majority: str
    status: Status


@dataclass(frozen=True)
class ListedComparison:
    """A row of the list with what it is about."""

    row: ComparisonRow
    comparison: Comparison
    excerpt: str
    has_simulated: bool


@dataclass(frozen=True)
class ConsistencyReport:
    """What the consistency page shows: least agreement first, in both lists."""

    headline: Headline
    agreement: BothIntervals
    decisive: BothIntervals
    alpha: BothIntervals
    annotators: list[AnnotatorRow]
    comparisons: list[ComparisonRow]
    win_rates: list[WinRate]

    @property
    def status_counts(self) -> list[tuple[Status, int]]:
        """How many comparisons stand where, in the order of the list."""
        counted = Counter(row.status for row in self.comparisons)
        return [(status, counted[status]) for status in Status if counted[status]]


def headline(project: Project, *, origins: Collection[str] | None = None) -> Headline:
    """Return a project's figures, over all current rankings or those of some origins (see models.Origin)."""
    rankings = rankings_of(project, origins=origins)
    return _headline(read(rankings), people_of(rankings))


def consistency(project: Project) -> ConsistencyReport:
    """Return the consistency report: a pure function of the project's current rankings and rulings."""
    rankings = rankings_of(project)
    current, people = read(rankings), people_of(rankings)
    return ConsistencyReport(
        headline=_headline(current, people),
        agreement=both_intervals(current.votes, measure=agreement_with(HALF_CREDIT), seed=SEED),
        decisive=both_intervals(current.votes, measure=agreement_with(DECISIVE), seed=SEED),
        alpha=both_intervals(current.votes, measure=alpha_with(HALF_CREDIT), seed=SEED),
        annotators=_annotator_rows(current, people),
        comparisons=_comparison_rows(current, ruled=_ruled_ids(project)),
        win_rates=win_rates_in(current.votes, project=project),
    )


def comparisons(project: Project) -> list[ComparisonRow]:
    """Return how far the rankings of each comparison agree: the list of the consistency report, without the rest."""
    return _comparison_rows(read(rankings_of(project)), ruled=_ruled_ids(project))


def annotator(person: Annotator) -> list[tuple[Project, AnnotatorRow]]:
    """Return an annotator's figures in each project that they ranked in.

    Only the comparisons they ranked are read: agreement with the others needs no more.
    """
    counting = Ranking.objects.filter(superseded_at__isnull=True, assignment__purpose=Assignment.Purpose.WORK)
    own = counting.filter(annotator=person, unrankable="")
    by_project = read_by_project(counting.filter(unrankable="", comparison__in=own.values("comparison")))
    found = Project.objects.filter(pk__in=by_project).order_by("name")
    return [(project, _row_of(person, by_project[project.pk])) for project in found]


def listed(rows: Iterable[ComparisonRow]) -> list[ListedComparison]:
    """Return rows with their comparisons, for one page of the list, in one query."""
    wanted = list(rows)
    simulated = Ranking.objects.filter(comparison=OuterRef("pk"), annotator__origin=Origin.SIMULATED)
    comparisons = Comparison.objects.select_related("prompt").annotate(has_simulated=Exists(simulated))
    found = comparisons.in_bulk([row.comparison_id for row in wanted])
    return [_listed(row, found[row.comparison_id]) for row in wanted]


def _listed(row: ComparisonRow, comparison: Comparison) -> ListedComparison:
    return ListedComparison(row, comparison, excerpt_of(comparison), comparison.has_simulated)


def _headline(current: Current, people: list[Annotator]) -> Headline:
    votes, counts = current.votes, current.counts
    is_tie = (votes.relation == 0).astype(np.float64)
    everyone = np.zeros(len(votes.unit), dtype=np.int64)
    ties = clustered_shares(is_tie, group=everyone, cluster=votes.prompt, n_groups=1)
    return Headline(
        comparison_count=len(votes.units.comparison_ids),
        ranking_count=len(votes.ranking_ids),
        annotator_count=len(people),
        has_simulated=any(person.origin == Origin.SIMULATED for person in people),
        pair_agreement=agreement.half_credit(counts),
        decisive_agreement=agreement.decisive(counts),
        alpha=alpha.pair_alpha(counts, ties=HALF_CREDIT),
        raw_strict=agreement.raw_agreement(counts, ties=STRICT),
        raw_decisive=agreement.raw_agreement(counts, ties=DECISIVE),
        alpha_strict=alpha.pair_alpha(counts, ties=STRICT),
        alpha_decisive=alpha.pair_alpha(counts, ties=DECISIVE),
        tie_rate=share_estimate(ties, 0, min_votes=1, min_clusters=1, of="pairs"),
        median_seconds=_median(current.seconds),
    )


def _annotator_rows(current: Current, people: list[Annotator]) -> list[AnnotatorRow]:
    by_annotator = np.argsort(current.annotator, kind="stable")
    starts = np.searchsorted(current.annotator[by_annotator], np.arange(1, len(people)))
    seconds = np.split(current.seconds[by_annotator], starts)
    measured = zip(people, annotator_reliability(current.votes), seconds, strict=True) if people else []
    rows = [_annotator_row(*one) for one in measured]
    return sorted(rows, key=_least_agreement_first)


def _annotator_row(person: Annotator, reliability: AnnotatorReliability, seconds: Floats) -> AnnotatorRow:
    return AnnotatorRow(
        annotator_id=person.pk,
        pseudonym=person.pseudonym,
        origin=person.origin,
        is_paused=person.is_paused,
        reliability=reliability,
        median_seconds=_median(seconds),
    )


def _least_agreement_first(row: AnnotatorRow) -> tuple[bool, float, str]:
    agreement_or_none = row.reliability.agreement.value
    return agreement_or_none is None, agreement_or_none or 0.0, row.pseudonym


def _row_of(person: Annotator, current: Current) -> AnnotatorRow:
    code = int(np.searchsorted(current.votes.annotator_ids, person.pk))
    reliability = annotator_reliability(current.votes)[code]
    return _annotator_row(person, reliability, current.seconds[current.annotator == code])


def _comparison_rows(current: Current, *, ruled: set[int]) -> list[ComparisonRow]:
    units, votes = current.counts.units, current.votes
    orders = majority_orders(current.counts)
    comparison_of = np.zeros(len(votes.ranking_ids), dtype=np.int64)
    comparison_of[votes.ranking] = votes.comparison
    made = tally(comparison_of, n=len(units.comparison_ids)).tolist()
    shares = agreement.agreement_by_comparison(current.counts, ties=HALF_CREDIT)
    rows = []
    for pk, vote_count, share in zip(units.comparison_ids.tolist(), made, shares.tolist(), strict=True):
        agreed = value_or_none(share)
        majority = sentence(orders[pk], labels=labels_of(i for tier in orders[pk] for i in tier))
        status = status_of(vote_count, agreed, is_ruled=pk in ruled)
        rows.append(ComparisonRow(pk, vote_count, agreed, majority, status))
    order = list(Status)
    return sorted(rows, key=lambda row: (order.index(row.status), row.agreement or 0.0, row.comparison_id))


def _ruled_ids(project: Project) -> set[int]:
    current = Adjudication.objects.filter(comparison__project=project, superseded_at__isnull=True)
    return set(current.values_list("comparison_id", flat=True))


def _lies(estimate: Estimate, *, below: float = math.inf, above: float = -math.inf) -> bool:
    """Say whether the whole interval lies within the bounds; an unknown one lies nowhere."""
    return estimate.low is not None and estimate.high is not None and above < estimate.low and estimate.high < below


def _holds(estimate: Estimate, value: float) -> bool:
    return estimate.low is not None and estimate.high is not None and estimate.low <= value <= estimate.high


def _said(figure: Estimate) -> str:
    return f"not enough data (n = {figure.n})" if figure.value is None else f"{figure.value:.3f}"


def _median(seconds: Floats) -> Estimate:
    known = seconds[np.isfinite(seconds)]
    if not len(known):
        return undefined("Not enough data: no ranking says how long it took.", n=0)
    return Estimate(float(np.median(known)), n=len(known))
