"""Agreement beyond chance: Krippendorff's alpha, for any answers and for pairs of completions.

Everything comes from coincidence matrices, which add up over clusters, so that bootstrap and jackknife reweigh them
instead of reading the votes again. Krippendorff, Content Analysis, 4th ed. (2018), chapter 12.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from annotate.quality.agreement import TieTreatment, answer_counts
from annotate.quality.arrays import Floats, Ints, tally
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.ranking import PairCounts

NO_SECOND_ANSWER = "Nothing was answered by two annotators."
NO_VARIATION = "No variation: all answers that can be compared are the same, so chance cannot be told from agreement."

Metric = Callable[[Floats, Floats], Floats]
"""From the answers' values (V,) and their frequencies (..., V) to squared distances (..., V, V)."""


class ValueCounts(NamedTuple):
    """How often each unit was given each value: counts (U, V), values (V,)."""

    counts: Floats
    values: Floats


def value_counts(unit: Ints, values: Floats) -> ValueCounts:
    """Long form to counts: one row for each unit code 0..U-1, one column for each distinct value."""
    distinct, code = np.unique(values, return_inverse=True)
    n_units = int(unit.max(initial=-1)) + 1
    cells = tally(unit * len(distinct) + code.reshape(-1), n=n_units * len(distinct))
    return ValueCounts(cells.reshape(n_units, len(distinct)).astype(np.float64), distinct.astype(np.float64))


def nominal(values: Floats, frequencies: Floats) -> Floats:
    """Different is different: 1."""
    return np.broadcast_to(1.0 - np.eye(len(values)), frequencies.shape + (len(values),))


def interval(values: Floats, frequencies: Floats) -> Floats:
    """Squared difference."""
    squared: Floats = (values[:, np.newaxis] - values) ** 2
    return np.broadcast_to(squared, frequencies.shape + (len(values),))


def ratio(values: Floats, frequencies: Floats) -> Floats:
    """Squared difference over squared sum; values are not negative."""
    total = values[:, np.newaxis] + values
    relative = np.divide(values[:, np.newaxis] - values, total, out=np.zeros_like(total), where=total != 0)
    return np.broadcast_to(relative**2, frequencies.shape + (len(values),))


def ordinal(values: Floats, frequencies: Floats) -> Floats:
    """Squared number of answers that lie between, both ends counted by half; it depends on the frequencies."""
    below = np.cumsum(frequencies, axis=-1) - frequencies / 2
    squared: Floats = (below[..., :, np.newaxis] - below[..., np.newaxis, :]) ** 2
    return squared


def krippendorff_alpha(table: ValueCounts, *, metric: Metric) -> Estimate:
    """Krippendorff's alpha with missing answers allowed; n counts units with two answers or more.

    >>> ratings = value_counts(np.array([0, 0, 1, 1, 2, 2]), np.array([1.0, 1.0, 2.0, 2.0, 1.0, 2.0]))
    >>> round(krippendorff_alpha(ratings, metric=nominal).value, 4)  # 1 - 5 * 2 / 18
    0.4444
    """
    together = coincidences(table.counts)
    compared = int((table.counts.sum(axis=1) >= 2).sum())
    return _estimate(alpha_of(together, distances=metric(table.values, together.sum(axis=-1))), n=compared)


def pair_alpha(counts: PairCounts, *, ties: TieTreatment) -> Estimate:
    """Alpha of votes on pairs, which does not depend on which completion of a pair is called the first.

    Every pair is entered twice, once with all signs flipped. STRICT is nominal alpha with ties as a third answer,
    INTERVAL squares differences on -1, 0, 1. n counts pairs with two votes or more.
    """
    votes = answer_counts(counts)[:, ties.answers]
    together = coincidences(votes)
    return _estimate(pair_alpha_of(together, ties=ties), n=int((votes.sum(axis=1) >= 2).sum()))


def coincidences(counts: Floats) -> Floats:
    """The coincidence matrix of all units: o_ck = sum of n_c (n_k - [c = k]) / (n - 1) where n >= 2. (V, V)"""
    share = _per_other_vote(counts)
    matrix: Floats = (counts.T * share) @ counts - np.diag(share @ counts)
    return matrix


def unit_coincidences(counts: Floats) -> Floats:
    """The coincidence matrix of each unit; they add up to `coincidences(counts)`. (U, V, V)"""
    share = _per_other_vote(counts)[:, np.newaxis, np.newaxis]
    cells: Floats = share * counts[:, :, np.newaxis] * (counts[:, np.newaxis, :] - np.eye(counts.shape[1]))
    return cells


def alpha_of(together: Floats, *, distances: Floats) -> Floats:
    """Alpha of coincidence matrices (..., V, V); NaN where undefined. (...)"""
    frequencies = together.sum(axis=-1)
    n = frequencies.sum(axis=-1)
    observed = (together * distances).sum(axis=(-2, -1))
    by_chance = (frequencies[..., :, np.newaxis] * frequencies[..., np.newaxis, :] * distances).sum(axis=(-2, -1))
    alpha: Floats = 1 - np.divide((n - 1) * observed, by_chance, out=np.full_like(n, np.nan), where=by_chance > 0)
    return alpha


def pair_alpha_of(together: Floats, *, ties: TieTreatment) -> Floats:
    """Pair alpha of coincidence matrices over the answers of `ties` (..., V, V); NaN where undefined. (...)"""
    return alpha_of(together + together[..., ::-1, ::-1], distances=1 - ties.weights)


def _per_other_vote(counts: Floats) -> Floats:
    n = counts.sum(axis=1)
    return np.where(n >= 2, 1 / np.maximum(n - 1, 1), 0.0)


def _estimate(value: Floats, *, n: int) -> Estimate:
    if n == 0:
        return undefined(NO_SECOND_ANSWER, n=0)
    if np.isnan(value):
        return undefined(NO_VARIATION, n=n)
    return Estimate(float(value), n=n)
