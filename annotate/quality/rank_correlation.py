"""How alike two orders of the same things are: midranks, Spearman's rho, Kendall's tau-b with its exact p.

Kendall, Rank Correlation Methods (1948). Between bucket orders prefer tau_x (tiers.py): tau-b has no value where one
side ties everything.
"""

from math import factorial

import numpy as np

from annotate.quality.arrays import Floats, Signs
from annotate.quality.estimate import Estimate, undefined

ALL_TIED = "One side ties everything, so there is no order to compare."


def midranks(values: Floats) -> Floats:
    """Ranks from 1 for the smallest; equal values share the mean of their places.

    >>> midranks(np.array([3.0, 1.0, 3.0]))
    array([2.5, 1. , 2.5])
    """
    _, place, size = np.unique(values, return_inverse=True, return_counts=True)
    middle: Floats = np.cumsum(size) - (size - 1) / 2
    return middle[place.reshape(-1)]


def spearman(x: Floats, y: Floats) -> Estimate:
    """Spearman's rho with midranks; n counts the things that were ordered.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])).value
    0.5
    """
    return _correlation(midranks(x) - (len(x) + 1) / 2, midranks(y) - (len(y) + 1) / 2, n=len(x))


def kendall_tau_b(x: Floats, y: Floats) -> Estimate:
    """Kendall's tau-b: concordant less discordant pairs over the geometric mean of the pairs that each side orders.

    >>> kendall_tau_b(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])).value
    0.3333333333333333
    """
    return _correlation(_signs(x).astype(np.float64), _signs(y).astype(np.float64), n=len(x))


def kendall_exact_p(x: Floats, y: Floats) -> float:
    """The chance of a tau at least as far from 0 if every order were equally likely; raises ValueError with ties.

    By the number of orders of n things with d inversions (Kendall 1948, chapter 5).
    """
    n, product = len(x), _signs(x) * _signs(y)
    if (product == 0).any():
        raise ValueError("The exact p of Kendall's tau is for orders without ties.")
    discordant = int((product < 0).sum())
    fewer = min(discordant, len(product) - discordant)
    return min(1.0, 2 * sum(_orders_with_inversions(n)[: fewer + 1]) / factorial(n))


def _orders_with_inversions(n: int) -> list[int]:
    """How many orders of n things have 0, 1, 2, … inversions: the product of 1 + x + … + x^(k-1) for k up to n."""
    ways = [1]
    for k in range(2, n + 1):
        ways = [sum(ways[max(0, d - k + 1) : d + 1]) for d in range(len(ways) + k - 1)]
    return ways


def _signs(values: Floats) -> Signs:
    """The sign of each pair's difference. (n (n - 1) / 2,)"""
    i, j = np.triu_indices(len(values), k=1)
    return np.sign(values[i] - values[j]).astype(np.int8)


def _correlation(x: Floats, y: Floats, *, n: int) -> Estimate:
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return Estimate(float(x @ y) / spread, n=n) if spread > 0 else undefined(ALL_TIED, n=n)
