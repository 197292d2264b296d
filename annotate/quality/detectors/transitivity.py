"""Transitivity of choices between two: A over B, B over C, and C over A is a circular triad.

A triad is three completions that one annotator compared in all three pairs. Clicking at random makes a quarter of them
circular; 1 - share / 0.25 is 1 for a consistent judge and 0 for a clicker. Triads with a tie are left out and counted.
Rankings of three or more are transitive by construction and say nothing.
Kendall and Babington Smith, Biometrika 31 (1940), 324-345.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from annotate.quality.arrays import Flags, Floats, Ints, coded, sums, tally
from annotate.quality.detectors.crowd import Crowd, percent, too_few
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Detector, Finding, Severity
from annotate.quality.intervals import wilson
from annotate.quality.minimum import TRIADS
from annotate.quality.ranking import PairUnits
from annotate.quality.work import Completions

BY_CHANCE = 0.25
INCONSISTENT_BELOW = 0.5


class Triads(NamedTuple):
    """By judge (A,): triads that are circular, that have no tie, and that were left out because of a tie."""

    circular: Ints
    complete: Ints
    tied: Ints


def triads(judge: Ints, i: Ints, j: Ints, relation: Ints, *, n_judges: int) -> Triads:
    """Count the triads of each judge: `relation` 1 i is better, 0 tie, -1 j is better; each pair once.

    >>> circle = np.array([0, 1, 2]), np.array([1, 2, 0]), np.array([1, 1, 1])
    >>> triads(np.zeros(3, dtype=np.int64), *circle, n_judges=1).circular.tolist()
    [1]
    """
    width = int(max(i.max(initial=0), j.max(initial=0))) + 1
    nodes = coded(np.concatenate([judge * width + i, judge * width + j]))  # each judge's completions are their own
    first, second = np.split(nodes.codes, 2)
    owner, n = nodes.ids // width, len(nodes.ids)

    def links(chosen: Flags, one: Ints, other: Ints) -> csr_matrix:
        return csr_matrix((np.ones(int(chosen.sum())), (one[chosen], other[chosen])), shape=(n, n))

    def triangles(way: csr_matrix, back: csr_matrix, *, times: int) -> Ints:
        """Walks of three links home, by judge; each triangle is walked several `times`."""
        walks = np.asarray((way @ way).multiply(back.T).sum(axis=1)).reshape(-1)
        found: Ints = np.round(sums(walks, by=owner, n=n_judges) / times).astype(np.int64)
        return found

    beats = links(relation > 0, first, second) + links(relation < 0, second, first)
    either = beats + beats.T
    known = either + links(relation == 0, first, second) + links(relation == 0, second, first)
    complete = triangles(either, either, times=6)
    return Triads(triangles(beats, beats, times=3), complete, triangles(known, known, times=6) - complete)


def findings(crowd: Crowd) -> list[Finding]:
    """For each annotator how transitive their choices between two are: 1 always, 0 like clicks at random."""
    votes, rows, same = crowd.work.votes, crowd.rows, crowd.work.completions
    again = _texts_seen_again(votes.units, same)
    alone = (rows.size[votes.ranking] == 2) & again[votes.unit]
    ids = votes.units.i[votes.unit[alone]], votes.units.j[votes.unit[alone]]
    i, j = (same.text[np.searchsorted(same.ids, column)] for column in ids)
    differ = i != j
    said = votes.relation[alone].astype(np.int64)[differ]
    found = triads(votes.annotator[alone][differ], i[differ], j[differ], said, n_judges=crowd.n)
    return [_finding(found, k) for k in range(crowd.n)]


def kendall_zeta(wins: Floats) -> float:
    """Kendall's coefficient of consistence of a complete tournament of K; `wins` by completion (K,), no ties.

    >>> kendall_zeta(np.array([2.0, 1.0, 0.0]))
    1.0
    """
    k = len(wins)
    circular = k * (k - 1) * (2 * k - 1) / 12 - float((wins**2).sum()) / 2
    return 1 - circular / most_circular(k)


def most_circular(k: int) -> float:
    """The largest number of circular triads that a tournament of K can have."""
    return k * (k * k - 4) / 24 if k % 2 == 0 else k * (k * k - 1) / 24


def _texts_seen_again(units: PairUnits, same: Completions) -> Flags:
    """Which pairs can be in a triad: both texts stand in several comparisons. (U,)"""
    if not len(same.ids):
        return np.zeros(len(units.i), dtype=np.bool_)
    is_again = tally(same.text, n=int(same.text.max()) + 1)[same.text] > 1
    found = np.ones(len(units.i), dtype=np.bool_)
    for end in (units.i, units.j):
        place = np.searchsorted(same.ids, end).clip(0, len(same.ids) - 1)
        found &= is_again[place] & (same.ids[place] == end)
    return found


def _finding(found: Triads, k: int) -> Finding:
    circular, complete = int(found.circular[k]), int(found.complete[k])
    if not TRIADS.is_shown(complete):
        return too_few(Detector.TRANSITIVITY, complete, TRIADS)
    low, high = (1 - bound / BY_CHANCE for bound in wilson(circular, complete))
    value = 1 - circular / complete / BY_CHANCE
    is_weak = TRIADS.is_acted_upon(complete) and low < INCONSISTENT_BELOW
    sentence = f"{percent(circular / complete)} of {complete} triads of choices go round in a circle; clicks give 25 %."
    return Finding(
        Detector.TRANSITIVITY,
        Estimate(value, n=complete, low=high, high=low),
        Severity.REVIEW if is_weak else Severity.NONE,
        sentence,
    )
