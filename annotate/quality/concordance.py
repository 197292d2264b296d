"""Kendall's W of several judges who ranked the same completions, and the mean rank correlation behind it.

Never show W alone: without any agreement it is 1/m on average, 0.33 for three judges; show mean rho. For a whole
project rho and tau-b are means over the pairs of judges of each comparison, each judge counting once.
"""

import numpy as np

from annotate.quality.arrays import Floats, Ints, row_sums, sums, tally
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.evidence import Evidence
from annotate.quality.ranking import MISSING, PairVotes, relation_table


def kendall_w(ranks: Floats) -> Estimate:
    """Kendall's W with ties of midranks (judges, completions); n counts judges. A judge who ties everything drops out.

    W = 12 S / (m² (K³ - K) - m sum of T), T = sum of t³ - t over a judge's ties (Kendall, Rank Correlation Methods).

    >>> kendall_w(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])).value
    1.0
    """
    telling = ranks[np.ptp(ranks, axis=1) > 0] if ranks.size else ranks
    m, k = len(telling), ranks.shape[1] if ranks.size else 0
    if m < 2:
        return undefined("Fewer than two judges told any completions apart.", n=m)
    ties = sum(_tie_correction(judge) for judge in telling)
    w = 12 * rank_sum_spread(telling) / (m**2 * (k**3 - k) - m * ties)
    return Estimate(float(w), n=m)


def mean_rho(ranks: Floats) -> Estimate:
    """Mean Spearman correlation of the judges' pairs, (m W - 1) / (m - 1); 0 without agreement.

    >>> mean_rho(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])).value
    -1.0
    """
    w = kendall_w(ranks)
    if w.value is None:
        return w
    return Estimate((w.n * w.value - 1) / (w.n - 1), n=w.n)


def rho_evidence(votes: PairVotes) -> Evidence:
    """Mean Spearman correlation of a project's judges, for `intervals_of`.

    It counts the rankings of all completions of a comparison that tell any two apart.
    """
    seat, n_seats = _seats(votes)
    scores = np.zeros((len(votes.ranking_ids), n_seats))  # won less lost: midranks turned round and centred, twice
    for member, sign in ((votes.units.i, 1), (votes.units.j, -1)):
        place = votes.ranking * n_seats + seat[np.searchsorted(np.unique(_completions(votes)), member[votes.unit])]
        scores += sums(sign * votes.relation.astype(np.float64), by=place, n=scores.size).reshape(scores.shape)
    return _mean_correlation(votes, scores)


def tau_b_evidence(votes: PairVotes) -> Evidence:
    """Mean Kendall tau-b of a project's judges, for `intervals_of`; it counts the same rankings as rho."""
    relations = relation_table(votes).astype(np.float64)
    relations[relations == MISSING] = 0.0
    return _mean_correlation(votes, relations)


def rank_sum_spread(ranks: Floats) -> float:
    """Kendall's S: squared deviations of the completions' rank sums from their mean."""
    totals = ranks.sum(axis=0)
    return float(((totals - totals.mean()) ** 2).sum())


def _tie_correction(judge: Floats) -> float:
    sizes = np.unique(judge, return_counts=True)[1].astype(np.float64)
    return float((sizes**3 - sizes).sum())


def _completions(votes: PairVotes) -> Ints:
    return np.concatenate([votes.units.i, votes.units.j])


def _seats(votes: PairVotes) -> tuple[Ints, int]:
    """The number of each completion within its comparison, in the order of the ids; and the most there are."""
    ids, example = np.unique(_completions(votes), return_index=True)
    comparison = np.concatenate([votes.units.comparison, votes.units.comparison])[example]
    order = np.argsort(comparison, kind="stable")
    size = tally(comparison, n=len(votes.units.comparison_ids))
    seat = np.empty(len(ids), dtype=np.int64)
    seat[order] = np.arange(len(ids)) - (np.cumsum(size) - size)[comparison[order]]
    return seat, int(size.max(initial=0))


def _mean_correlation(votes: PairVotes, vectors: Floats) -> Evidence:
    """Of rankings as vectors (R, ...), already centred: the mean cosine of the pairs of judges of each comparison.

    With unit vectors z of m judges, the sum of z has squared length m + 2 (sum of cosines).
    """
    n_comparisons, n_rankings = len(votes.units.comparison_ids), len(votes.ranking_ids)
    comparison, annotator = np.zeros((2, n_rankings), dtype=np.int64)
    comparison[votes.ranking], annotator[votes.ranking] = votes.comparison, votes.annotator
    is_whole = tally(votes.ranking, n=n_rankings) == tally(votes.units.comparison, n=n_comparisons)[comparison]
    length = np.sqrt((vectors**2).sum(axis=1))
    kept = np.flatnonzero(is_whole & (length > 0))
    comparison, annotator = comparison[kept], annotator[kept]
    unit = vectors[kept] / length[kept][:, np.newaxis]
    together = row_sums(unit, by=comparison, n=n_comparisons)
    m = tally(comparison, n=n_comparisons)
    parts = _correlation_parts((together**2).sum(axis=1), m)
    fewer = _correlation_parts(((together[comparison] - unit) ** 2).sum(axis=1), m[comparison] - 1)
    change = fewer - parts[comparison]
    compared = np.unique(annotator[m[comparison] >= 2])
    prompt_of = np.zeros(n_comparisons, dtype=np.int64)
    prompt_of[votes.units.comparison] = votes.units.prompt
    n_prompts, n_annotators = len(votes.units.prompt_ids), len(votes.annotator_ids)
    without = parts.sum(axis=0) + row_sums(change, by=annotator, n=n_annotators)
    return Evidence(
        prompts=row_sums(parts, by=prompt_of, n=n_prompts),
        without=without[compared],
        compared=compared,
        varies=True,
        of=_mean_of_parts,
        lowest=-1.0,
        highest=1.0,
    )


def _correlation_parts(squared_length: Floats, m: Ints) -> Floats:
    """For each comparison the sum over its judges of their mean cosine with the others, and the judges. (C, 2)"""
    judged = m >= 2
    total = np.where(judged, (squared_length - m) / np.maximum(m - 1, 1), 0.0)
    return np.column_stack([total, np.where(judged, m, 0)])


def _mean_of_parts(parts: Floats) -> Floats:
    total, judges = parts[..., 0], parts[..., 1]
    mean: Floats = np.divide(total, judges, out=np.full_like(judges, np.nan), where=judges > 0)
    return mean
