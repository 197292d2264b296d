"""What becomes of a comparison: settled, disputed or heard once, and the order to show."""

from enum import StrEnum

import numpy as np

from annotate.quality.arrays import Floats
from annotate.quality.consensus import Consensus

NO_EVIDENCE = 0.05


class Verdict(StrEnum):
    """Whether the annotators of a comparison agree."""

    SETTLED = "settled"
    DISPUTED = "disputed"
    HEARD_ONCE = "heard once"


def verdict(agreement: float, *, threshold: float) -> Verdict:
    """The verdict on a comparison with this pair agreement (NaN where nobody gave a second opinion).

    >>> verdict(0.5, threshold=0.6)
    <Verdict.DISPUTED: 'disputed'>
    """
    if np.isnan(agreement):
        return Verdict.HEARD_ONCE
    return Verdict.SETTLED if agreement >= threshold else Verdict.DISPUTED


def consensus_tiers(fitted: Consensus, *, comparison: int) -> list[list[int]]:
    """The completions of a comparison (its id) best first, by Borda: the mean of P(better) over their fitted.

    Neighbours share a tier where a tie is likelier than not, or where the votes do not tell which is better. Empty for
    a comparison without votes.
    """
    code = np.flatnonzero(fitted.units.comparison_ids == comparison)
    rows = np.flatnonzero(np.isin(fitted.units.comparison, code))
    i, j = fitted.units.i[rows].tolist(), fitted.units.j[rows].tolist()
    tied = dict(zip(zip(i, j, strict=True), _is_tied(fitted.q[rows], fitted.p_tie[rows]), strict=True))
    tiers: list[list[int]] = []
    for completion in _by_borda(i, j, fitted.q[rows].tolist()):
        before = tiers[-1][-1] if tiers else completion
        if tied.get((min(before, completion), max(before, completion)), False):
            tiers[-1].append(completion)
        else:
            tiers.append([completion])
    return [sorted(tier) for tier in tiers]


def _is_tied(q: Floats, p_tie: Floats) -> list[bool]:
    return [bool(tie) for tie in (p_tie > 0.5) | (np.abs(q - 0.5) < NO_EVIDENCE)]


def _by_borda(i: list[int], j: list[int], q: list[float]) -> list[int]:
    """Completions by their mean probability of being better, the smaller id first where equal."""
    shares: dict[int, list[float]] = {}
    for one, other, probability in zip(i, j, q, strict=True):
        shares.setdefault(one, []).append(probability)
        shares.setdefault(other, []).append(1 - probability)
    return sorted(shares, key=lambda completion: (-float(np.mean(shares[completion])), completion))
