"""What was said of a comparison, in words: the majority's order, each ranking beside it, the staff rulings.

On staff pages completions are called A, B, C … in the order in which they came in; annotators see other letters. The
majority's order places a completion by how many others more than half of the rankings put below it, less those they put
above it (Copeland's rule), so equal counts are a tie. Training uses soft labels instead (annotate.preferences).
"""

import string
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

import numpy as np

from annotate.models import Adjudication, Annotator, Comparison, Completion, Origin, Project, Ranking
from annotate.quality.agreement import HALF_CREDIT, agreement_by_comparison
from annotate.quality.arrays import coded, sums
from annotate.quality.orders import MOST_EXACT, borda, kemeny, preference_matrix, ranked_pairs
from annotate.quality.ranking import PairCounts, RankingRow, pair_counts, pair_votes, ranked_completions
from annotate.quality.tiers import sentence, tau_x

Tiers = list[list[int]]

DISPUTED_BELOW = 0.5
"""Pair agreement under which a comparison is disputed: what coin tosses would reach."""

RULES = {"Borda": borda, "ranked pairs": ranked_pairs, "Kemeny": kemeny}
"""Other rules of voting, beside the majority's."""


class Status(StrEnum):
    """Where a ranked comparison stands, in the order of lists."""

    DISPUTED = "disputed"
    SETTLED = "settled"
    SINGLE = "one ranking only"
    ADJUDICATED = "adjudicated"


@dataclass(frozen=True)
class LabelledCompletion:
    """A completion as staff see it; `rank` is its place in the majority's order, None before anyone ranked."""

    label: str
    completion: Completion
    rank: int | None


@dataclass(frozen=True)
class Vote:
    """One annotator's current ranking: its rank of A, B, C … in turn, and how far the other rankings agree with it."""

    ranking: Ranking
    ranks: list[int]
    sentence: str
    agreement: float | None  # None: there is no other


@dataclass(frozen=True)
class Ruling:
    """A staff ruling, current or replaced since."""

    adjudication: Adjudication
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """All that staff may know of a comparison; `majority` is empty and `status` None before anyone ranked it.

    `otherwise`: the orders by rules of voting that give another one than the majority, by rule.
    """

    completions: list[LabelledCompletion]
    votes: list[Vote]
    rulings: list[Ruling]  # newest first
    majority: str
    otherwise: dict[str, str]
    agreement: float | None
    status: Status | None

    @property
    def labels(self) -> dict[int, str]:
        return {one.completion.pk: one.label for one in self.completions}

    @property
    def column_count(self) -> int:
        """Of the table of rankings: one for each completion, and annotator, ranking, agreement, time, when."""
        return len(self.completions) + 5

    @property
    def has_simulated(self) -> bool:
        return any(vote.ranking.annotator.origin == Origin.SIMULATED for vote in self.votes)


@dataclass(frozen=True)
class LastRanking:
    """A ranking in an annotator's list."""

    ranking: Ranking
    sentence: str
    excerpt: str


def verdict(comparison: Comparison) -> Verdict:
    """Return what was said of one comparison, in three queries."""
    completions = list(comparison.completions.order_by("pk"))
    labels = labels_of(completion.pk for completion in completions)
    rankings = list(comparison.rankings.filter(superseded_at__isnull=True).select_related("annotator").order_by("pk"))
    rulings = list(comparison.adjudications.select_related("reviewer").order_by("-pk"))
    counts = _counts(comparison, rankings)
    order = majority_orders(counts).get(comparison.pk, [])
    agreement = next((value_or_none(x) for x in agreement_by_comparison(counts, ties=HALF_CREDIT)), None)
    ranks = _ranks(order)
    return Verdict(
        completions=[LabelledCompletion(labels[one.pk], one, ranks.get(one.pk)) for one in completions],
        votes=[_vote(one, rankings, labels) for one in rankings],
        rulings=[Ruling(one, sentence(one.tiers, labels=labels)) for one in rulings],
        majority=sentence(order, labels=labels),
        otherwise=_otherwise([one.tiers for one in rankings if one.tiers], order, labels),
        agreement=agreement,
        status=status_of(len(rankings), agreement, is_ruled=any(one.superseded_at is None for one in rulings)),
    )


def last_rankings(annotator: Annotator, *, limit: int, project: Project | None = None) -> list[LastRanking]:
    """Return an annotator's newest current rankings, everywhere or in one project, in one query."""
    current = Ranking.objects.filter(annotator=annotator, superseded_at__isnull=True)
    if project is not None:
        current = current.filter(comparison__project=project)
    newest = current.select_related("comparison__prompt", "comparison__project").order_by("-submitted_at", "-pk")[
        :limit
    ]
    return [LastRanking(one, _said(one), excerpt_of(one.comparison)) for one in newest]


def excerpt_of(comparison: Comparison) -> str:
    """Return the last user message of a comparison's prompt, on one line."""
    return " ".join(comparison.prompt.messages[-1]["content"].split())


def labels_of(completion_ids: Iterable[int]) -> dict[int, str]:
    """Return A, B, C … for the completions of a comparison, by id.

    >>> labels_of([31, 7])
    {7: 'A', 31: 'B'}
    """
    return dict(zip(sorted(completion_ids), string.ascii_uppercase, strict=False))


def status_of(vote_count: int, agreement: float | None, *, is_ruled: bool) -> Status | None:
    """Return where a comparison stands; None before anyone ranked it."""
    if is_ruled:
        return Status.ADJUDICATED
    if not vote_count:
        return None
    if agreement is None:
        return Status.SINGLE
    return Status.DISPUTED if agreement < DISPUTED_BELOW else Status.SETTLED


def majority_orders(counts: PairCounts) -> dict[int, Tiers]:
    """Return the majority's order of each comparison by its id, as best-first tiers of completion ids."""
    units = counts.units
    completions = coded(np.concatenate([units.i, units.j]))
    i, j = np.split(completions.codes, 2)
    half = (counts.n_plus + counts.n_tie + counts.n_minus) / 2
    wins = (counts.n_plus > half).astype(np.float64) - (counts.n_minus > half)
    scores = sums(wins, by=i, n=len(completions.ids)) - sums(wins, by=j, n=len(completions.ids))
    home = np.zeros(len(completions.ids), dtype=np.int64)
    home[i] = home[j] = units.comparison_ids[units.comparison]
    found: dict[int, dict[float, list[int]]] = {}
    for comparison, score, pk in sorted(zip(home.tolist(), (-scores).tolist(), completions.ids.tolist(), strict=True)):
        found.setdefault(comparison, {}).setdefault(score, []).append(pk)
    return {comparison: list(tiers.values()) for comparison, tiers in found.items()}


def value_or_none(number: float) -> float | None:
    """Return None for NaN: «undefined» has a word of its own on pages."""
    return None if np.isnan(number) else float(number)


def _otherwise(rankings: list[Tiers], majority: Tiers, labels: dict[int, str]) -> dict[str, str]:
    completions = sorted(labels)
    if len(rankings) < 2 or len(completions) > MOST_EXACT:
        return {}
    preferences = preference_matrix(rankings, completions)
    found = {name: sentence(_named(rule(preferences), completions), labels=labels) for name, rule in RULES.items()}
    return {name: order for name, order in found.items() if order != sentence(majority, labels=labels)}


def _named(tiers: Tiers, completions: list[int]) -> Tiers:
    return [sorted(completions[place] for place in tier) for tier in tiers]


def _counts(comparison: Comparison, rankings: list[Ranking]) -> PairCounts:
    rows = (RankingRow(comparison.pk, comparison.prompt_id, one.annotator_id, one.tiers) for one in rankings)
    return pair_counts(pair_votes(ranked_completions(rows)))


def _vote(ranking: Ranking, rankings: list[Ranking], labels: dict[int, str]) -> Vote:
    ranks = _ranks(ranking.tiers)
    correlations = [tau_x(ranking.tiers, other.tiers) for other in rankings if other.pk != ranking.pk]
    return Vote(
        ranking=ranking,
        ranks=[ranks[pk] for pk in labels],
        sentence=sentence(ranking.tiers, labels=labels),
        agreement=fmean((1 + tau) / 2 for tau in correlations if tau is not None) if correlations else None,
    )


def _said(ranking: Ranking) -> str:
    """Return a full ranking as a sentence; it names every completion, so the letters follow from it alone."""
    return sentence(ranking.tiers, labels=labels_of(pk for tier in ranking.tiers for pk in tier))


def _ranks(tiers: Tiers) -> dict[int, int]:
    return {pk: rank for rank, tier in enumerate(tiers, start=1) for pk in tier}
