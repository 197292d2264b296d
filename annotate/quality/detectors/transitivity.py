"""Transitivity of choices between two: A over B, B over C, and C over A is a circular triad.

A triad is three completions that one annotator compared in all three pairs. Clicking at random makes a quarter of them
circular; 1 - share / 0.25 is 1 for a consistent judge and 0 for a clicker. Triads with a tie are left out and counted.
Kendall and Babington Smith, Biometrika 31 (1940), 324-345. Rankings are transitive by construction and say nothing.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from annotate.quality.arrays import Floats, Ints
from annotate.quality.estimate import Estimate, undefined

BY_CHANCE = 0.25
MIN_TRIADS = 20


class Triads(NamedTuple):
    """How many triads are circular, how many have no tie, and how many were left out because of a tie."""

    circular: int
    complete: int
    tied: int


def triads(i: Ints, j: Ints, relation: Ints) -> Triads:
    """The triads of one annotator: `relation` 1 i is better, 0 tie, -1 j is better; each pair once.

    >>> triads(np.array([0, 1, 2]), np.array([1, 2, 0]), np.array([1, 1, 1]))
    Triads(circular=1, complete=1, tied=0)
    """
    nodes, codes = np.unique(np.concatenate([i, j]), return_inverse=True)
    first, second = np.split(codes.reshape(-1), 2)
    n = len(nodes)

    def links(chosen: np.ndarray, one: Ints, other: Ints) -> csr_matrix:
        return csr_matrix((np.ones(int(chosen.sum())), (one[chosen], other[chosen])), shape=(n, n))

    beats = links(relation > 0, first, second) + links(relation < 0, second, first)
    either = beats + beats.T
    known = either + links(relation == 0, first, second) + links(relation == 0, second, first)
    complete, every = _triangles(either), _triangles(known)
    return Triads(round(_closed(beats, beats.T) / 3), complete, every - complete)


def consistency(found: Triads) -> Estimate:
    """1 - share of circular triads / 0.25; n counts triads without a tie, shown from 20."""
    if found.complete < MIN_TRIADS:
        had = f"{found.complete} triads of choices without a tie"
        return undefined(f"Not enough data: {had}, shown from {MIN_TRIADS}.", n=found.complete)
    return Estimate(1 - found.circular / found.complete / BY_CHANCE, n=found.complete)


def kendall_zeta(wins: Floats) -> float:
    """Kendall's coefficient of consistence of a complete tournament of K; `wins` by completion (K,), no ties.

    >>> kendall_zeta(np.array([2.0, 1.0, 0.0]))
    1.0
    """
    k = len(wins)
    circular = k * (k - 1) * (2 * k - 1) / 12 - float((wins**2).sum()) / 2
    most = k * (k * k - 4) / 24 if k % 2 == 0 else k * (k * k - 1) / 24
    return 1 - circular / most


def _closed(links: csr_matrix, back: csr_matrix) -> float:
    """Walks a → b → c with a link c → a."""
    return float((links @ links).multiply(back).sum())


def _triangles(links: csr_matrix) -> int:
    return round(_closed(links, links) / 6)
