"""What is known of a pair before anybody votes: which systems wrote its completions, and how they differ in style.

As a design matrix: a pair's expected margin is its row times coefficients, lambda of the system of i minus lambda of
that of j plus gamma times their difference in style, so turning the pair turns the sign.
"""

import numpy as np
from scipy.sparse import csr_matrix, hstack

from annotate.quality.arrays import Floats, Ints, tally

MAX_SYSTEMS = 1_000
"""Beyond them the rarest systems count as one: most were seen on a pair or two and tell nothing."""


def nothing_known(n_pairs: int) -> csr_matrix:
    """The design without columns: every pair is expected to be even. (U, 0)"""
    return csr_matrix((n_pairs, 0))


def pair_design(i_system: Ints, j_system: Ints, *, style: Floats | None = None) -> csr_matrix:
    """The design of pairs whose systems have these codes 0.. (-1: not known, all such together as one system).

    `style` has a column for each property, of i minus of j: the difference of log lengths, say. (U, F)

    >>> pair_design(np.array([0, 1]), np.array([1, 1]), style=np.array([[0.7], [-0.1]])).toarray().tolist()
    [[1.0, -1.0, 0.7], [0.0, 0.0, -0.1]]
    """
    column = _columns(np.concatenate([i_system, j_system]))
    n = len(i_system)
    pair = np.concatenate([np.arange(n), np.arange(n)])
    sign = np.repeat([1.0, -1.0], n)
    systems = csr_matrix((sign, (pair, column)), shape=(n, int(column.max(initial=-1)) + 1))
    return systems if style is None else hstack([systems, csr_matrix(style)], format="csr")


def _columns(system: Ints) -> Ints:
    """Codes of columns, the frequent systems first where there are too many; those not known share one."""
    code = system - int(system.min(initial=0))
    count = tally(code, n=int(code.max(initial=-1)) + 1)
    if len(count) <= MAX_SYSTEMS:
        return code
    place = np.empty(len(count), dtype=np.int64)
    place[np.argsort(-count, kind="stable")] = np.arange(len(count))
    kept: Ints = np.minimum(place, MAX_SYSTEMS - 1)[code]
    return kept
