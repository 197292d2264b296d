"""Strengths from whole rankings: Plackett and Luce's model with ties of two (Turner et al. 2020).

The best is chosen from all, the next best from the rest, and so on; a choice takes one or two. One with worth a is
chosen in proportion to a, two that tie in proportion to delta sqrt(a b). Fitted by L-BFGS on the distinct rankings.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from annotate.quality.arrays import Floats, Ints
from annotate.quality.tiers import Tiers

PSEUDO = 0.5
"""Wins and losses of each item against one of worth 1 that nobody ranked: they keep every strength finite, and compare
items that no chain of rankings joins."""
TIED_AT_MOST = 2

Order = tuple[tuple[int, ...], ...]


class Worths(NamedTuple):
    """`log_worth` (S,), sum 0; `log_tie`: log delta, -inf where nobody tied; `used` rankings, weighted; `left_out`:
    those in which three or more tie, of which the model knows nothing; `gradient`: the largest left at the end."""

    log_worth: Floats
    log_tie: float
    used: float
    left_out: float
    gradient: float


class _Choices(NamedTuple):
    """One row a choice: from which items (C, S + 1), which were taken, each by its share (C, S + 1), how often, and
    whether two were. The last column is the item that nobody ranked."""

    among: csr_matrix
    taken: csr_matrix
    times: Floats
    is_tie: Floats


def plackett_luce(
    rankings: Sequence[Tiers], *, n_items: int, weights: Sequence[float] | None = None, pseudo: float = PSEUDO
) -> Worths:
    """The worths of items 0..S-1 from rankings as best-first tiers; who is not in a ranking was not ranked.

    With `pseudo` 0 it is maximum likelihood, and strengths may drift away where items only ever won or lost.

    >>> three_to_one = [[[0], [1]], [[0], [1]], [[0], [1]], [[1], [0]]]
    >>> plackett_luce(three_to_one, n_items=2, pseudo=0.0).log_worth.round(3).tolist()
    [0.549, -0.549]
    """
    counted: dict[Order, float] = defaultdict(float)
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        counted[tuple(tuple(sorted(tier)) for tier in ranking)] += weight
    known = {order: n for order, n in counted.items() if max(map(len, order), default=0) <= TIED_AT_MOST}
    has_ties = any(len(tier) == 2 for order in known for tier in order)
    used, total = float(sum(known.values())), float(sum(counted.values()))
    if pseudo:
        for item in range(n_items):
            known[(item,), (n_items,)] = known[(n_items,), (item,)] = pseudo
    choices = _choices(known, n_items)
    start = np.zeros(n_items + 1) if has_ties else np.zeros(n_items)
    options = {"maxiter": 5000, "maxfun": 20000, "gtol": 1e-9, "ftol": 0.0, "maxcor": 20}
    found = minimize(_surprise, start, args=(choices, n_items), jac=True, method="L-BFGS-B", options=options)
    log_worth: Floats = found.x[:n_items] - found.x[:n_items].mean() if n_items else found.x[:0]
    log_tie = float(found.x[n_items]) if has_ties else -np.inf
    return Worths(log_worth, log_tie, used, total - used, float(np.abs(found.jac).max(initial=0.0)))


def _choices(orders: dict[Order, float], n_items: int) -> _Choices:
    among: list[list[int]] = []
    taken: list[tuple[int, ...]] = []
    count: list[float] = []
    for order, n in orders.items():
        left = [item for tier in order for item in tier]
        for tier in order:
            if len(left) > 1:
                among.append(left)
                taken.append(tier)
                count.append(n)
            left = left[len(tier) :]
    shares = [1 / len(tier) for tier in taken]
    return _Choices(
        among=_indicator(among, [1.0] * len(among), n_items + 1),
        taken=_indicator(taken, shares, n_items + 1),
        times=np.array(count),
        is_tie=np.array([len(tier) == 2 for tier in taken], dtype=np.float64),
    )


def _indicator(rows: Sequence[Sequence[int]], values: list[float], width: int) -> csr_matrix:
    row: Ints = np.repeat(np.arange(len(rows)), [len(one) for one in rows])
    column = np.array([item for one in rows for item in one], dtype=np.int64)
    return csr_matrix((np.array(values)[row], (row, column)), shape=(len(rows), width))


def _surprise(parameters: Floats, choices: _Choices, n_items: int) -> tuple[float, Floats]:
    """Minus the log likelihood, and its gradient.

    The pairs of those chosen among add up to ((sum sqrt a)² - sum a) / 2, so no pair is written out.
    """
    has_ties = len(parameters) > n_items
    logs = np.append(parameters[:n_items], 0.0)
    tie = float(np.exp(parameters[n_items])) if has_ties else 0.0
    worth, root = np.exp(logs), np.exp(logs / 2)
    single, roots = choices.among @ worth, choices.among @ root
    pairs = (roots**2 - single) / 2
    total = single + tie * pairs
    likelihood = choices.times @ (choices.taken @ logs - np.log(total))
    share = choices.times / total
    slope = choices.taken.T @ choices.times - (1 - tie / 2) * worth * (choices.among.T @ share)
    slope -= tie / 2 * root * (choices.among.T @ (share * roots))
    if not has_ties:
        return -float(likelihood), -slope[:n_items]
    likelihood += (choices.times @ choices.is_tie) * parameters[n_items]
    by_tie = choices.times @ choices.is_tie - tie * (share @ pairs)
    return -float(likelihood), -np.append(slope[:n_items], by_tie)
