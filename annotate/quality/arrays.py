"""Names for the arrays that quality works on, codes for ids, sums and pairs by code."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

Ints = npt.NDArray[np.int64]
Signs = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Coded(NamedTuple):
    """Ids as codes: `ids[codes]` gives the column back; `ids` is sorted and holds each id once."""

    ids: Ints
    codes: Ints


def coded(column: Ints) -> Coded:
    """Replace ids by codes 0..n-1 in the order of the ids.

    >>> coded(np.array([70, 50, 70]))
    Coded(ids=array([50, 70]), codes=array([1, 0, 1]))
    """
    ids, codes = np.unique(column, return_inverse=True)
    return Coded(ids=ids.astype(np.int64), codes=codes.astype(np.int64).reshape(-1))


def sums(column: Floats, *, by: Ints, n: int) -> Floats:
    """The column added up for each code 0..n-1.

    >>> sums(np.array([0.5, 1.0, 2.0]), by=np.array([1, 1, 2]), n=4)
    array([0. , 1.5, 2. , 0. ])
    """
    return np.bincount(by, weights=column, minlength=n).astype(np.float64, copy=False)


def row_sums(table: Floats, *, by: Ints, n: int) -> Floats:
    """The rows of a table (N, C) added up for each code 0..n-1. (n, C)

    >>> row_sums(np.array([[1.0, 2.0], [3.0, 4.0]]), by=np.array([1, 1]), n=2)
    array([[0., 0.],
           [4., 6.]])
    """
    totals: Floats = csr_matrix((np.ones(len(by)), (by, np.arange(len(by)))), shape=(n, len(by))) @ table
    return totals


def tally(codes: Ints, *, n: int) -> Ints:
    """How often each code 0..n-1 occurs."""
    return np.bincount(codes, minlength=n).astype(np.int64, copy=False)


def pairs_within(starts: Ints, *, n_rows: int) -> tuple[Ints, Ints]:
    """Row numbers of both members of each pair of rows of one group; groups lie one after the other.

    Groups of one size are laid out as a table, so the loop is over sizes, not over groups; smaller ones come first.

    >>> pairs_within(np.array([0, 3]), n_rows=5)
    (array([3, 0, 0, 1]), array([4, 1, 2, 2]))
    """
    sizes = np.diff(np.append(starts, n_rows))
    first, second = np.empty((2, int((sizes * (sizes - 1) // 2).sum())), dtype=np.int64)
    filled = 0
    for size in np.unique(sizes[sizes > 1]):
        group = starts[sizes == size]
        left, right = np.triu_indices(size, k=1)
        rows = slice(filled, filled + len(group) * len(left))
        np.add(group[:, np.newaxis], left, out=first[rows].reshape(len(group), -1))
        np.add(group[:, np.newaxis], right, out=second[rows].reshape(len(group), -1))
        filled = rows.stop
    return first, second
