"""Agreement corrected for chance in other ways than alpha: Gwet's AC1 and AC2, Fleiss, Brennan-Prediger, Cohen, Conger.

All are (observed - chance) / (1 - chance) and differ in what chance means. Kappas fall to nought on rare answers though
people agree (118 of 125 «no»: agreement 0.944, kappa -0.02, AC1 0.94), so flags are read by AC1 beside positive
agreement. Errors are Gwet's linearised ones over units (Handbook of Inter-Rater Reliability, 4th ed. 2014, chapter 5),
a cross-check of the bootstrap: they take units as independent and the annotators as given.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit

from annotate.quality.alpha import NO_SECOND_ANSWER, NO_VARIATION
from annotate.quality.arrays import Floats, Ints
from annotate.quality.estimate import Estimate, undefined

LEVEL = 0.95
MISSING = -1


class Coefficient(NamedTuple):
    """A coefficient with its interval, its standard error (None where undefined) and the plain agreement.

    n counts units with two answers or more; the interval takes Student's t with units - 1 degrees of freedom, cut at 1.
    """

    estimate: Estimate
    standard_error: float | None
    agreement: Estimate


class Cohen(NamedTuple):
    """Cohen's kappa of two annotators; `z` is kappa over its standard error if there were no agreement at all."""

    estimate: Estimate
    standard_error: float | None
    standard_error_0: float | None
    z: float | None


def linear_weights(values: Floats) -> Floats:
    """Agreement 1 - |difference| over the widest difference. (V, V)"""
    distance = np.abs(values[:, np.newaxis] - values)
    weights: Floats = 1 - distance / max(float(distance.max(initial=0.0)), np.finfo(np.float64).tiny)
    return weights


def quadratic_weights(values: Floats) -> Floats:
    """Agreement 1 - the squared difference over the widest squared difference. (V, V)

    >>> quadratic_weights(np.array([1.0, 2.0, 3.0]))[0]
    array([1.  , 0.75, 0.  ])
    """
    distance = (values[:, np.newaxis] - values) ** 2
    weights: Floats = 1 - distance / max(float(distance.max(initial=0.0)), np.finfo(np.float64).tiny)
    return weights


def gwet(counts: Floats, *, weights: Floats | None = None) -> Coefficient:
    """AC1, or AC2 with weights, of units (U, V): chance is (sum of weights) sum of pi (1 - pi) / (V (V - 1)).

    >>> counts = np.repeat([[2.0, 0.0], [1.0, 1.0]], [118, 7], axis=0)
    >>> round(gwet(counts).estimate.value, 4)
    0.9408
    """
    w = _weights(counts, weights)
    n_values = counts.shape[1]
    scale = w.sum() / max(n_values * (n_values - 1), 1)
    return _of_units(counts, w, lambda shares, pi: scale * (shares @ (1 - pi)))


def fleiss(counts: Floats, *, weights: Floats | None = None) -> Coefficient:
    """Fleiss' kappa (1971; of two annotators Scott's pi): chance is that two answers of all that were given agree.

    Units may have unequal numbers of answers; one with a single answer tells of chance but not of agreement.
    """
    w = _weights(counts, weights)
    return _of_units(counts, w, lambda shares, pi: shares @ (w @ pi))


def brennan_prediger(counts: Floats, *, weights: Floats | None = None) -> Coefficient:
    """Free-marginal kappa (Brennan and Prediger; Randolph): every answer is equally likely by chance."""
    w = _weights(counts, weights)
    chance = w.sum() / max(counts.shape[1], 1) ** 2
    return _of_units(counts, w, lambda shares, pi: np.full(len(shares), chance))


def krippendorff(counts: Floats, *, weights: Floats | None = None) -> Coefficient:
    """Krippendorff's alpha with Gwet's error; the value is `alpha.krippendorff_alpha` with distances 1 - weights."""
    w = _weights(counts, weights)
    rated = counts[counts.sum(axis=1) >= 2]
    if len(rated) < 2:
        return _none(NO_SECOND_ANSWER, len(rated))
    n = rated.sum(axis=1)
    relative = n / n.mean()
    pi = rated.sum(axis=0) / n.sum()
    agreeing = (rated * (rated @ w)).sum(axis=1) - n
    raw = relative * agreeing / (n * (n - 1))
    chance = (rated @ (w @ pi)) / n.mean() - pi @ w @ pi * (relative - 1)
    term = 1 / float(n.sum())
    observed = raw - ((1 - term) * raw.mean() + term) * (relative - 1)
    large = _coefficient(observed, chance, counts=rated)
    return _with_small_sample_term(large, term=term, n_units=len(rated))


def conger(ratings: Ints, *, n_values: int, weights: Floats | None = None) -> Coefficient:
    """Conger's kappa (1980) of answers (units, annotators), -1 where missing: Cohen's for more than two annotators.

    Chance is that two different annotators agree, each answering at random as often as they did.
    """
    given = np.stack([ratings == value for value in range(n_values)], axis=-1).astype(np.float64)  # (U, R, V)
    given = given[:, given.sum(axis=(0, 2)) > 0]
    counts = given.sum(axis=1)
    n_raters, w = given.shape[1], _weights(counts, weights)
    if n_raters < 2:
        return _none(NO_SECOND_ANSWER, 0)
    answered = given.sum(axis=2)  # (U, R)
    shares = given.sum(axis=0) / answered.sum(axis=0)[:, np.newaxis]  # (R, V)
    moved = (given - answered[..., np.newaxis] * shares) * (len(ratings) / answered.sum(axis=0))[:, np.newaxis]
    met = (shares.sum(axis=0) - shares) @ w  # what the others say (R, V)
    chance = ((shares + moved) * met).sum(axis=(1, 2)) / (n_raters * (n_raters - 1))
    return _corrected(counts, w, chance)


def cohen(table: Floats, *, weights: Floats | None = None) -> Cohen:
    """Cohen's kappa of a contingency table (answers of one, answers of the other); n counts units.

    Errors: Fleiss, Cohen and Everitt (1969), normal interval.

    >>> round(cohen(np.array([[20.0, 20.0], [10.0, 50.0]])).estimate.value, 3)  # Artstein and Poesio (2008)
    0.348
    """
    n, w = float(table.sum()), _weights(table, weights)
    if n < 2:
        return Cohen(undefined(NO_SECOND_ANSWER, n=int(n)), None, None, None)
    p = table / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    chance = ((w @ columns)[:, np.newaxis] + rows @ w) / 2
    by_chance = float(rows @ w @ columns)
    if 1 - by_chance < 1e-12:
        return Cohen(undefined(NO_VARIATION, n=int(n)), None, None, None)
    kappa = (float((w * p).sum()) - by_chance) / (1 - by_chance)
    moved = (w - by_chance) / (1 - by_chance) - 2 * (1 - kappa) * (chance - by_chance) / (1 - by_chance)
    error = float(np.sqrt((p * (moved - kappa) ** 2).sum() / n))
    spread_0 = float((np.outer(rows, columns) * (w - 2 * chance) ** 2).sum()) - by_chance**2
    error_0 = float(np.sqrt(max(spread_0, 0.0) / n)) / (1 - by_chance)
    half = float(ndtri((1 + LEVEL) / 2)) * error
    estimate = Estimate(kappa, n=int(n), low=max(-1.0, kappa - half), high=min(1.0, kappa + half))
    return Cohen(estimate, error, error_0, kappa / error_0 if error_0 > 0 else None)


def cohen_table(one: Ints, other: Ints, *, n_values: int) -> Floats:
    """The contingency table of two annotators' answers, -1 where missing. (V, V)"""
    both = (one != MISSING) & (other != MISSING)
    cells = np.bincount(one[both] * n_values + other[both], minlength=n_values * n_values)
    return cells.reshape(n_values, n_values).astype(np.float64)


def chance_parts(counts: Floats, *, weights: Floats | None = None) -> Floats:
    """Each unit's agreement, whether it has two answers, its shares of answers, and whether it has one. (U, V + 3)"""
    n = counts.sum(axis=1)
    rated = n >= 2
    agreeing = (counts * (counts @ _weights(counts, weights))).sum(axis=1) - n
    agreement = np.where(rated, agreeing / np.maximum(n * (n - 1), 1), 0.0)
    shares = counts / np.maximum(n, 1)[:, np.newaxis]
    return np.column_stack([agreement, rated, shares, n >= 1])


def gwet_of(sums: Floats, *, weights: Floats | None = None) -> Floats:
    """AC1 or AC2 of sums of `chance_parts` (..., V + 3); NaN where undefined. (...)"""
    observed, pi = _ratio(sums[..., 0], sums[..., 1]), _ratio(sums[..., 2:-1], sums[..., -1:])
    n_values = pi.shape[-1]
    total = float(n_values if weights is None else weights.sum())
    chance = total / max(n_values * (n_values - 1), 1) * (pi * (1 - pi)).sum(axis=-1)
    return _ratio(observed - chance, 1 - chance)


def _of_units(counts: Floats, weights: Floats, chance_of: Callable[[Floats, Floats], Floats]) -> Coefficient:
    n = counts.sum(axis=1)
    counts = counts[n >= 1]
    shares = counts / n[n >= 1][:, np.newaxis]
    return _corrected(counts, weights, chance_of(shares, shares.mean(axis=0)) if len(shares) else n[:0])


def _corrected(counts: Floats, weights: Floats, chance: Floats) -> Coefficient:
    parts = chance_parts(counts, weights=weights)
    n_compared = int(parts[:, 1].sum())
    if n_compared == 0 or len(counts) < 2:
        return _none(NO_SECOND_ANSWER, n_compared)
    by_chance = chance.mean()
    observed = len(counts) / n_compared * (parts[:, 0] - by_chance * parts[:, 1]) + by_chance
    return _coefficient(observed, chance, counts=counts)


def _with_small_sample_term(large: Coefficient, *, term: float, n_units: int) -> Coefficient:
    """Krippendorff's correction of the value; the error stays that of the large sample."""
    value, error = large.estimate.value, large.standard_error
    if value is None or error is None:
        return large
    corrected = Estimate((1 - term) * value + term, n=large.estimate.n)
    return large._replace(estimate=_with_interval(corrected, error, n_units=n_units))


def _coefficient(observed: Floats, chance: Floats, *, counts: Floats) -> Coefficient:
    """From linearised agreement and chance of each unit, whose means are the observed and the expected agreement."""
    n, by_chance = len(observed), float(chance.mean())
    compared = counts[counts.sum(axis=1) >= 2]
    n_compared, n_in_use = len(compared), int((compared.sum(axis=0) > 0).sum())
    agreement = Estimate(float(observed.mean()), n=n_compared)
    if n_in_use < 2 or 1 - by_chance < 1e-12:
        return Coefficient(undefined(NO_VARIATION, n=n_compared), None, agreement)
    value = (float(observed.mean()) - by_chance) / (1 - by_chance)
    moved = (observed - by_chance) / (1 - by_chance) - 2 * (1 - value) * (chance - by_chance) / (1 - by_chance)
    error = float(np.sqrt(((moved - value) ** 2).sum() / (n * (n - 1))))
    return Coefficient(_with_interval(Estimate(value, n=n_compared), error, n_units=n), error, agreement)


def _with_interval(estimate: Estimate, error: float, *, n_units: int) -> Estimate:
    value = estimate.value or 0.0
    half = float(stdtrit(n_units - 1, (1 + LEVEL) / 2)) * error
    return estimate.within(max(-1.0, value - half), min(1.0, value + half))


def _none(reason: str, n: int) -> Coefficient:
    nothing = undefined(reason, n=n)
    return Coefficient(nothing, None, nothing)


def _weights(counts: Floats, weights: Floats | None) -> Floats:
    return np.eye(counts.shape[1]) if weights is None else weights


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    quotient: Floats = np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0)
    return quotient
