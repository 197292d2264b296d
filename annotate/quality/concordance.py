"""Kendall's W of several judges who ranked the same completions, and the mean rank correlation behind it.

Never show W alone: without any agreement it is 1/m on average, 0.33 for three judges; show mean rho.
"""

import numpy as np

from annotate.quality.arrays import Floats
from annotate.quality.estimate import Estimate, undefined


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


def rank_sum_spread(ranks: Floats) -> float:
    """Kendall's S: squared deviations of the completions' rank sums from their mean."""
    totals = ranks.sum(axis=0)
    return float(((totals - totals.mean()) ** 2).sum())


def _tie_correction(judge: Floats) -> float:
    sizes = np.unique(judge, return_counts=True)[1].astype(np.float64)
    return float((sizes**3 - sizes).sum())
