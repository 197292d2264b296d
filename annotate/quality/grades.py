"""What grades say together: each graded thing's own grade, with the severity and the noise of whoever gave it.

grade = item + severity of the annotator + noise with the annotator's own variance; all of them shrunk to the crowd. A
model of classes (dawid_skene.py) would take a 5 for a 4 as far from it as a 1.
"""

from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Floats, Ints, sums, tally

ROUNDS = 15
PSEUDO_GRADES = 20.0
"""Grades with the crowd's noise that are added to each annotator."""
PSEUDO_AT_ZERO = 5.0
"""Grades without severity that are added to each annotator."""
START_VARIANCE, LEAST_VARIANCE = 0.5, 0.05


class GradeConsensus(NamedTuple):
    """`grade` and its standard error `se`, each unit (U,), NaN for one without a grade. `severity` (A,): above 0 gives
    higher grades than the others; `spread` (A,): standard deviation of the noise."""

    grade: Floats
    se: Floats
    severity: Floats
    spread: Floats


def grade_consensus(unit: Ints, annotator: Ints, grade: Floats) -> GradeConsensus:
    """Fit the severity model to grades in long form, codes from 0; without grades everything is empty.

    An annotator's residuals are from what the others say of the unit, never from a mean that holds the own grade. Items
    are not drawn to the mean of all: the ends of the scale are grades like others.

    >>> fitted = grade_consensus(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([3.0, 4.0, 1.0, 2.0]))
    >>> bool(fitted.severity[1] > 0 > fitted.severity[0])
    True
    """
    n_units, n_annotators = int(unit.max(initial=-1)) + 1, int(annotator.max(initial=-1)) + 1
    shared = np.flatnonzero(tally(unit, n=n_units)[unit] >= 2)
    severity, noise = np.zeros(n_annotators), np.full(n_annotators, START_VARIANCE)
    for _ in range(ROUNDS if len(shared) else 0):
        item, total = _items(unit, grade - severity[annotator], 1 / noise[annotator], n_units)
        at, by, weight = unit[shared], annotator[shared], 1 / noise[annotator[shared]]
        others = total[at] - weight
        of_others = (item[at] * total[at] - weight * (grade[shared] - severity[by])) / others
        residual = grade[shared] - of_others
        severity = _shrunk_mean(residual, 1 / (noise[by] + 1 / others), by, n_annotators)
        noise = _shrunk_variance((residual - severity[by]) ** 2 - 1 / others, by, n_annotators)
    item, total = _items(unit, grade - severity[annotator], 1 / noise[annotator], n_units)
    error = np.sqrt(np.divide(1.0, total, out=np.full(n_units, np.nan), where=total > 0))
    return GradeConsensus(grade=item, se=error, severity=severity, spread=np.sqrt(noise))


def item_grade(grade: Floats, severity: Floats, spread: Floats) -> tuple[float, float]:
    """What annotators with these severities and spreads, as fitted, say together of one unit: its grade and its error.

    >>> item_grade(np.array([3.0, 5.0, 4.0, 4.0]), np.array([-1.0, 1.0, 0.0, 0.0]), np.full(4, 0.5))
    (4.0, 0.25)
    """
    weight = 1 / spread**2
    return float(weight @ (grade - severity) / weight.sum()), float(1 / np.sqrt(weight.sum()))


def _items(unit: Ints, said: Floats, weight: Floats, n: int) -> tuple[Floats, Floats]:
    """The weighted mean of what was said of each unit, NaN where nothing was, and the weight it rests on. (U,) both"""
    total = sums(weight, by=unit, n=n)
    return np.divide(sums(weight * said, by=unit, n=n), total, out=np.full(n, np.nan), where=total > 0), total


def _shrunk_mean(residual: Floats, weight: Floats, annotator: Ints, n: int) -> Floats:
    """Weighted mean residual of each annotator, shrunk to 0 and centred on the crowd."""
    total = sums(weight, by=annotator, n=n) + PSEUDO_AT_ZERO * weight.mean()
    mean: Floats = sums(weight * residual, by=annotator, n=n) / total
    return mean - np.average(mean, weights=total)


def _shrunk_variance(squares: Floats, annotator: Ints, n: int) -> Floats:
    crowd = max(float(squares.mean()), LEAST_VARIANCE)
    total = sums(squares, by=annotator, n=n) + PSEUDO_GRADES * crowd
    return np.maximum(total / (tally(annotator, n=n) + PSEUDO_GRADES), LEAST_VARIANCE)
