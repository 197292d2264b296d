"""Names for the arrays that quality works on, and codes for ids."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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


def tally(codes: Ints, *, n: int) -> Ints:
    """How often each code 0..n-1 occurs."""
    return np.bincount(codes, minlength=n).astype(np.int64, copy=False)
