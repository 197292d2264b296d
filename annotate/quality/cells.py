"""Agreement and alpha from a histogram: how many pairs of completions have which votes. Some dozen cells suffice."""

from typing import NamedTuple

import numpy as np

from annotate.quality.agreement import TieTreatment, pair_agreement_of
from annotate.quality.alpha import NO_SECOND_ANSWER, NO_VARIATION, pair_alpha_of, unit_coincidences
from annotate.quality.arrays import Floats
from annotate.quality.estimate import Estimate, undefined


class Cells(NamedTuple):
    """`votes` for one, ties, for the other (N, 3); `pairs` how many pairs of completions have just these (N,)."""

    votes: Floats
    pairs: Floats


def cell_agreement(cells: Cells, *, ties: TieTreatment) -> Estimate:
    """`agreement.pair_agreement` of all pairs; n counts pairs with two votes or more.

    >>> from annotate.quality.agreement import HALF_CREDIT
    >>> cell_agreement(Cells(np.array([[2.0, 1.0, 0.0]]), np.array([10.0])), ties=HALF_CREDIT).value
    0.6666666666666666
    """
    return _estimate(float(pair_agreement_of(_together(cells, ties), ties=ties)), n=_judged(cells, ties))


def cell_alpha(cells: Cells, *, ties: TieTreatment) -> Estimate:
    """`alpha.pair_alpha` of all pairs; n counts pairs with two votes or more."""
    return _estimate(float(pair_alpha_of(_together(cells, ties), ties=ties)), n=_judged(cells, ties))


def cell_tie_rate(cells: Cells) -> Estimate:
    """The share of ties among all votes on pairs; n counts votes."""
    by_answer = cells.pairs @ cells.votes
    n = int(by_answer.sum())
    return Estimate(float(by_answer[1] / n), n=n) if n else undefined("Nobody has ranked anything yet.", n=0)


def _together(cells: Cells, ties: TieTreatment) -> Floats:
    """The coincidence matrix over the answers of `ties`. (V, V)"""
    each = unit_coincidences(cells.votes[:, ties.answers])
    total: Floats = np.tensordot(cells.pairs, each, axes=1)
    return total


def _judged(cells: Cells, ties: TieTreatment) -> int:
    return int(cells.pairs[cells.votes[:, ties.answers].sum(axis=1) >= 2].sum())


def _estimate(value: float, *, n: int) -> Estimate:
    if n == 0:
        return undefined(NO_SECOND_ANSWER, n=0)
    return undefined(NO_VARIATION, n=n) if np.isnan(value) else Estimate(value, n=n)
