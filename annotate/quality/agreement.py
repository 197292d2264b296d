"""How often two annotators say the same about a pair of completions, under three treatments of ties.

Pooling: each vote counts once (Krippendorff's rule), so a pair judged by many does not drown the others;
`raw_agreement` counts each pair of votes once instead, as most papers do. Chance is corrected in alpha.py.
"""

from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Floats, sums
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.ranking import PairCounts


class TieTreatment(NamedTuple):
    """Which answers count (columns of `answer_counts`) and how far each two of them agree, 0..1."""

    name: str
    answers: tuple[int, ...]
    weights: Floats  # (answers, answers)


STRICT = TieTreatment("a tie is a third answer", (0, 1, 2), np.eye(3))
HALF_CREDIT = TieTreatment(
    "a tie half agrees with a choice", (0, 1, 2), np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [0.0, 0.5, 1.0]])
)
DECISIVE = TieTreatment("ties are left out", (0, 2), np.eye(2))
INTERVAL = TieTreatment(
    "a tie stands halfway, differences squared",
    (0, 1, 2),
    np.array([[1.0, 0.75, 0.0], [0.75, 1.0, 0.75], [0.0, 0.75, 1.0]]),
)


def answer_counts(counts: PairCounts) -> Floats:
    """Votes for i, ties, votes for j as columns. (U, 3)"""
    return np.column_stack([counts.n_plus, counts.n_tie, counts.n_minus]).astype(np.float64)


def strict(counts: PairCounts) -> Estimate:
    """Pair agreement with a tie as a third answer; n counts pairs with two votes or more."""
    return pair_agreement(counts, ties=STRICT)


def half_credit(counts: PairCounts) -> Estimate:
    """The headline: a tie half agrees with a choice. On full rankings it is 1 - Kemeny distance / (K(K-1)).

    One pair with votes +, +, 0: of 6 ordered pairs of votes 2 agree and 4 agree by half, so 4/6.
    """
    return pair_agreement(counts, ties=HALF_CREDIT)


def decisive(counts: PairCounts) -> Estimate:
    """Pair agreement where both chose: the number to set beside published agreement «without ties»."""
    return pair_agreement(counts, ties=DECISIVE)


def pair_agreement(counts: PairCounts, *, ties: TieTreatment) -> Estimate:
    """Agreement pooled over pairs with each vote counting once: sum of agreeing / (n-1) over sum of n."""
    agreeing, votes = _agreeing(counts, ties)
    judged = votes >= 2
    if not judged.any():
        return undefined("No pair of completions has two votes that can be compared.", n=0)
    value = (agreeing[judged] / (votes[judged] - 1)).sum() / votes[judged].sum()
    return Estimate(float(value), n=int(judged.sum()))


def raw_agreement(counts: PairCounts, *, ties: TieTreatment) -> Estimate:
    """Agreeing pairs of votes over all pairs of votes: each pair of votes counts once.

    It differs from `pair_agreement` where pairs have unequal numbers of votes: use it only beside figures made so.
    """
    agreeing, votes = _agreeing(counts, ties)
    judged = votes >= 2
    if not judged.any():
        return undefined("No pair of completions has two votes that can be compared.", n=0)
    value = agreeing[judged].sum() / (votes[judged] * (votes[judged] - 1)).sum()
    return Estimate(float(value), n=int(judged.sum()))


def mean_agreement(counts: PairCounts, *, ties: TieTreatment) -> Estimate:
    """The plain mean over comparisons of their pair agreement, whatever their numbers of votes; n counts comparisons.

    Read it beside `pair_agreement` where some comparisons get more votes by design: there the pooled figure speaks
    mostly of those.
    """
    of_each = agreement_by_comparison(counts, ties=ties)
    judged = of_each[np.isfinite(of_each)]
    if len(judged) == 0:
        return undefined("No pair of completions has two votes that can be compared.", n=0)
    return Estimate(float(judged.mean()), n=len(judged))


def agreement_by_comparison(counts: PairCounts, *, ties: TieTreatment) -> Floats:
    """Pair agreement within each comparison, in the order of `counts.units.comparison_ids`. (C,)

    NaN where nobody gave a second opinion; the disputed ones have the lowest values.
    """
    agreeing, votes = _agreeing(counts, ties)
    judged = votes >= 2
    numerator = _by_comparison(counts, np.where(judged, agreeing / np.maximum(votes - 1, 1), 0.0))
    denominator = _by_comparison(counts, np.where(judged, votes, 0.0))
    share: Floats = np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0)
    return share


def pair_agreement_of(together: Floats, *, ties: TieTreatment) -> Floats:
    """Pair agreement of coincidence matrices over the answers of `ties` (..., V, V); NaN where empty. (...)"""
    votes = together.sum(axis=(-2, -1))
    agreeing = (together * ties.weights).sum(axis=(-2, -1))
    share: Floats = np.divide(agreeing, votes, out=np.full_like(votes, np.nan), where=votes > 0)
    return share


def _agreeing(counts: PairCounts, ties: TieTreatment) -> tuple[Floats, Floats]:
    """For each pair the ordered pairs of votes that agree, by weight, and the votes that count. (U,) both"""
    votes = answer_counts(counts)[:, ties.answers]
    total = votes.sum(axis=1)
    return ((votes @ ties.weights) * votes).sum(axis=1) - total, total


def _by_comparison(counts: PairCounts, column: Floats) -> Floats:
    return sums(column, by=counts.units.comparison, n=len(counts.units.comparison_ids))
