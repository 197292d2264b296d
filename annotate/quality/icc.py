"""Intraclass correlation of grades: how much of their variance lies between completions rather than annotators.

One-way (any annotators, unequal numbers of them): the crowd's case. The two-way forms need everybody on everything.
Shrout and Fleiss (1979), Psychological Bulletin 86:420-428; unequal numbers: Donner (1986), n0.
"""

from typing import NamedTuple

import numpy as np

from annotate.quality.alpha import NO_SECOND_ANSWER, NO_VARIATION, ValueCounts
from annotate.quality.arrays import Floats
from annotate.quality.estimate import Estimate, undefined


class IntraclassCorrelations(NamedTuple):
    """Shrout and Fleiss's six forms: one-way, two-way random, two-way mixed; of one grade and of the mean of k."""

    icc1: Estimate
    icc2: Estimate
    icc3: Estimate
    icc1k: Estimate
    icc2k: Estimate
    icc3k: Estimate


def icc_one_way(table: ValueCounts, *, raters: int = 1) -> Estimate:
    """ICC(1,1), or ICC(1,k) of the mean of k = `raters` grades; n counts units with two grades or more.

    (MSB - MSW) / (MSB + (n0 - 1) MSW) with n0 = (N - sum of n² / N) / (U - 1).

    >>> from annotate.quality.alpha import value_counts
    >>> icc_one_way(value_counts(np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 4.0, 5.0]))).value  # MSB 9, MSW 1/2
    0.8947368421052632
    """
    parts = icc_parts(table.counts, table.values)
    n = int((table.counts.sum(axis=1) >= 2).sum())
    if n == 0:
        return undefined(NO_SECOND_ANSWER, n=0)
    return _estimate(icc_of(parts.sum(axis=0), raters=raters), n=n)


def spearman_brown(reliability: Floats, *, raters: float) -> Floats:
    """Reliability of the mean of `raters` grades: k R / (1 + (k - 1) R); NaN where R is too far below 0.

    >>> spearman_brown(np.array(0.5), raters=3)
    array(0.75)
    """
    below = 1 + (raters - 1) * reliability
    return _ratio(raters * reliability, below)


def icc_two_way(ratings: Floats) -> IntraclassCorrelations:
    """All six forms of grades (units, annotators) without a gap; n counts units."""
    n, k = ratings.shape if ratings.size else (0, 0)
    if n < 2 or k < 2:
        return IntraclassCorrelations(*[undefined(NO_SECOND_ANSWER, n=n)] * 6)
    centre = ratings.mean()
    of_unit, of_rater = ratings.mean(axis=1), ratings.mean(axis=0)
    between = k * ((of_unit - centre) ** 2).sum() / (n - 1)
    within = ((ratings - of_unit[:, np.newaxis]) ** 2).sum() / (n * (k - 1))
    raters = n * ((of_rater - centre) ** 2).sum() / (k - 1)
    residual = ((ratings - of_unit[:, np.newaxis] - of_rater + centre) ** 2).sum() / ((n - 1) * (k - 1))
    forms = (
        (between - within, between + (k - 1) * within),
        (between - residual, between + (k - 1) * residual + k * (raters - residual) / n),
        (between - residual, between + (k - 1) * residual),
        (between - within, between),
        (between - residual, between + (raters - residual) / n),
        (between - residual, between),
    )
    return IntraclassCorrelations(*(_estimate(_ratio(np.array(a), np.array(b)), n=n) for a, b in forms))


def icc_parts(counts: Floats, values: Floats) -> Floats:
    """What ICC adds up over units with two grades or more: 1, n, n², sum, sum of squares, sum² / n. (U, 6)"""
    n = counts.sum(axis=1)
    total, squares = counts @ values, counts @ values**2
    parts = np.column_stack([np.ones(len(n)), n, n**2, total, squares, total**2 / np.maximum(n, 1)])
    rated: Floats = np.where((n >= 2)[:, np.newaxis], parts, 0.0)
    return rated


def icc_of(sums: Floats, *, raters: int = 1) -> Floats:
    """ICC(1, raters) of sums of `icc_parts` (..., 6); NaN where undefined. (...)"""
    units, n, n_squared, total, squares, between = np.moveaxis(sums, -1, 0)
    mean_between = _ratio(between - _ratio(total**2, n), units - 1)
    mean_within = _ratio(squares - between, n - units)
    n_0 = _ratio(n - _ratio(n_squared, n), units - 1)
    single = _ratio(mean_between - mean_within, mean_between + (n_0 - 1) * mean_within)
    return spearman_brown(single, raters=raters)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """NaN where the denominator is not above what rounding leaves."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    quotient: Floats = np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 1e-9)
    return quotient


def _estimate(value: Floats, *, n: int) -> Estimate:
    return undefined(NO_VARIATION, n=n) if np.isnan(value) else Estimate(float(value), n=n)
