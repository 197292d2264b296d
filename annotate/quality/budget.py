"""What more labels would buy: the next comparisons against second opinions on those there are, in accuracy.

Held-out accuracy grows with the number of prompts as acc(n) = c - a n^(-b) (Hestness et al. 2017), fitted to a reward
model trained on nested subsets; c is kept below the ceiling of the labels. A second opinion adds no prompt but makes a
label less noisy: a pair with posterior q tells (2q - 1)² as much as one whose better completion is known, so opinions
are worth as many prompts as that share grows by. Every figure is an estimate with a band; below 4 points there is none.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from annotate.quality.arrays import Floats
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.intervals import LEVEL

MIN_POINTS = 4
EXPONENTS: Floats = np.linspace(0.05, 1.5, 59)
REPLICATES = 2_000


class CurvePoint(NamedTuple):
    """Held-out accuracy (0..1, on n_held_out pairs) of a reward model trained on n_prompts prompts."""

    n_prompts: int
    accuracy: float
    n_held_out: int


class PowerLaw(NamedTuple):
    """acc(n) = c - a n^(-b); arrays of one for each replicate, the fit to the points themselves first. (R,)"""

    a: Floats
    b: Floats
    c: Floats

    def at(self, n: float) -> Floats:
        """Accuracy at n prompts. (R,)

        >>> PowerLaw(*(np.array([x]) for x in (0.4, 0.5, 0.8))).at(100).round(2)
        array([0.76])
        """
        accuracy: Floats = self.c - self.a * n**-self.b
        return accuracy


class LabelBudget(NamedTuple):
    """Gains in accuracy (0.01 is a point) over the largest subset; n counts points of the curve.

    `comparisons`: of so many new prompts, judged as often as those there are; `second_opinions`: of as many votes, one
    more on each of so many prompts; `limit`: where the curve flattens out.
    """

    comparisons: Estimate
    second_opinions: Estimate
    limit: Estimate


def label_budget(
    points: Sequence[CurvePoint], *, ceiling: float, information: tuple[float, float], count: int = 1_000, seed: int
) -> LabelBudget:
    """What `count` new comparisons, or as many second opinions, would add to the accuracy.

    `ceiling`: an accuracy that no model passes on these labels (1 where unknown). `information`: of a pair as it is
    labelled now, and with one vote more (see `information_at`). The same arguments give the same numbers.
    """
    shortage = _shortage(points)
    if shortage is not None:
        return LabelBudget(shortage, shortage, shortage)
    law = fit(points, ceiling=ceiling, seed=seed)
    n = max(point.n_prompts for point in points)
    now, then = information
    sharper = min(count, n) * (then / now - 1) if now > 0 else 0.0
    return LabelBudget(
        comparisons=_estimate(law.at(n + count) - law.at(n), n=len(points)),
        second_opinions=_estimate(law.at(n + sharper) - law.at(n), n=len(points)),
        limit=_estimate(law.c, n=len(points)),
    )


def fit(points: Sequence[CurvePoint], *, ceiling: float, seed: int) -> PowerLaw:
    """Least squares, weighted by how surely each point is known, and again on points redrawn within their noise."""
    n = np.array([point.n_prompts for point in points], dtype=np.float64)
    measured = np.array([point.accuracy for point in points])
    held_out = np.array([point.n_held_out for point in points], dtype=np.float64)
    spread = np.sqrt((measured * (1 - measured)).clip(0.01) / held_out)
    noise = np.random.default_rng(seed).normal(size=(REPLICATES, len(points)))
    accuracy = np.vstack([measured, measured + noise * spread])
    limit = max(ceiling, float(measured.max()))
    fits = [_given(b, n, accuracy, spread**-2, limit=limit) for b in EXPONENTS.tolist()]
    a, c, misfit = (np.stack(column) for column in zip(*fits, strict=True))  # (B, R) each
    best = misfit.argmin(axis=0)
    rows = np.arange(accuracy.shape[0])
    return PowerLaw(a[best, rows], EXPONENTS[best], c[best, rows])


def information_at(p: Floats, n_votes: float) -> float:
    """E (2q - 1)² of a pair with n votes: 0 where they tell nothing, 1 where the better one is known. 0..1

    p: P(i is preferred) over the crowd's pairs, from the worst for i to the best (M,), as likely as its mirror image.
    Between two whole numbers of votes it is interpolated.

    >>> round(information_at(np.array([0.25, 0.75]), 1), 2)  # one vote on a pair that three of four see alike
    0.25
    """
    below = int(n_votes)
    if below == n_votes:
        return _information(p, below)
    return (below + 1 - n_votes) * _information(p, below) + (n_votes - below) * _information(p, below + 1)


def _shortage(points: Sequence[CurvePoint]) -> Estimate | None:
    """Why there is no curve to fit."""
    sizes = {point.n_prompts for point in points}
    if len(sizes) < MIN_POINTS:
        of = "sizes of training set have been measured on the same held-out pairs"
        return undefined(f"Not enough data: {len(sizes)} {of}, shown from {MIN_POINTS}.", n=len(sizes))
    if min(sizes) < 1 or min(point.n_held_out for point in points) < 1:
        return undefined("Not enough data: a point of the curve rests on no prompt or no held-out pair.", n=len(sizes))
    return None


def _given(b: float, n: Floats, accuracy: Floats, weight: Floats, *, limit: float) -> tuple[Floats, Floats, Floats]:
    """a >= 0, c <= limit and the misfit of each row of accuracies (R, N) at an exponent. (R,) each"""
    x = n**-b
    total = weight.sum()
    x_mean, mean = (weight * x).sum() / total, (accuracy * weight).sum(axis=1) / total
    a = -((accuracy - mean[:, np.newaxis]) * weight * (x - x_mean)).sum(axis=1) / (weight * (x - x_mean) ** 2).sum()
    a = a.clip(0)
    c = mean + a * x_mean
    at_limit = ((limit - accuracy) * weight * x).sum(axis=1) / (weight * x**2).sum()
    a, c = np.where(c > limit, at_limit.clip(0), a), c.clip(max=limit)
    misfit = (weight * (accuracy - c[:, np.newaxis] + a[:, np.newaxis] * x) ** 2).sum(axis=1)
    return a, c, misfit


def _information(p: Floats, n_votes: int) -> float:
    """By Bayes over the pairs: what k of n votes for i say of which is better."""
    k = np.arange(n_votes + 1)[:, np.newaxis]
    ways = gammaln(n_votes + 1) - gammaln(k + 1) - gammaln(n_votes - k + 1)
    log_p, log_not = np.log(p.clip(1e-12, 1)), np.log((1 - p).clip(1e-12, 1))
    chance = np.exp(ways + k * log_p + (n_votes - k) * log_not) / len(p)  # (n + 1, M)
    share = chance.sum(axis=1)
    lead = (chance @ np.sign(p - 0.5)) ** 2  # ((2q - 1) share)²
    return float(np.divide(lead, share, out=np.zeros_like(share), where=share > 0).sum())


def _estimate(values: Floats, *, n: int) -> Estimate:
    """The first value with the interval of the others."""
    low, high = np.quantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(values[0]), n=n, low=float(low), high=float(high))
