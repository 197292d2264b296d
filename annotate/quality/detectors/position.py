"""D3: the pull of the place on the page.

Displays are random, so under «no pull» the slots are an exchangeable labelling of what the others' judgement leaves:
the squared sums of residuals by slot, over their permutation variance, follow chi-squared with K-1 degrees of freedom.
"""

import numpy as np
from scipy.special import chdtrc

from annotate.quality.arrays import Floats, sums
from annotate.quality.detectors.crowd import Crowd, too_few, unknown
from annotate.quality.detectors.rows import by_author, by_ranking
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Detector, Finding, Severity
from annotate.quality.minimum import POSITION
from annotate.quality.significance import benjamini_hochberg, divided, number, z_against_crowd

Q_BELOW = 0.01
SHIFT_ABOVE = 0.25  # ranks
OUTLIER_Z = 3.0
ORDERED_FROM = 5  # rankings: a z that is too weak to be shown still helps to order the list
EARLY = 0  # its column in the slopes


def findings(crowd: Crowd) -> list[Finding]:
    """For each annotator the pull: 1 they follow the order of display, 0 none, -1 they reverse it.

    z compares with the crowd's own pulls; q tests «no pull at all».
    """
    chi2, degrees, shift = slot_test(crowd)
    q = benjamini_hochberg(np.where(degrees > 0, chdtrc(np.maximum(degrees, 1), np.nan_to_num(chi2)), np.nan))
    slope, error = crowd.slopes.slope[:, EARLY], crowd.slopes.error[:, EARLY]
    enough = crowd.slopes.rankings[:, EARLY] >= ORDERED_FROM
    z = np.abs(z_against_crowd(np.where(enough, slope, np.nan), error))
    followed = _followed(crowd)
    return [_finding(crowd, k, q[k], z[k], shift[k], followed) for k in range(crowd.n)]


def slot_test(crowd: Crowd) -> tuple[Floats, Floats, Floats]:
    """Chi-squared, its degrees of freedom, and the largest mean shift of a slot in ranks. (A,) each

    Rankings of different sizes are tested apart and added up.
    """
    rows, n = crowd.rows, crowd.n
    usable = (by_ranking((~crowd.others.is_heard).astype(np.float64), rows) == 0) & rows.is_placed
    residual = _residual(crowd)
    squares = by_ranking(residual**2, rows)
    chi2, degrees, shift = np.zeros(n), np.zeros(n), np.zeros(n)
    for size in np.unique(rows.size[usable]).tolist():
        chosen = usable & (rows.size == size)
        inside = chosen[rows.ranking]
        slot = np.round((size - 1) / 2 - rows.early[inside]).astype(np.int64)
        cells = sums(residual[inside], by=rows.annotator[inside] * size + slot, n=n * size).reshape(n, size)
        variance = by_author(np.where(chosen, squares, 0.0), rows, n=n)
        chi2 += np.nan_to_num((size - 1) * divided((cells**2).sum(axis=1), variance))
        degrees += np.where(variance > 0, size - 1.0, 0.0)
        count = by_author(chosen.astype(np.float64), rows, n=n)
        shift = np.fmax(shift, np.nan_to_num(divided(np.abs(cells).max(axis=1), count)))
    return chi2, degrees, shift


def _residual(crowd: Crowd) -> Floats:
    """Worth less what the annotator's own agreement with the others explains."""
    rows, others = crowd.rows, crowd.others
    both = sums(rows.worth * others.consensus, by=rows.annotator, n=crowd.n)
    slope = np.nan_to_num(divided(both, sums(others.consensus**2, by=rows.annotator, n=crowd.n)))
    residual: Floats = rows.worth - slope[rows.annotator] * others.consensus
    return residual


def _finding(crowd: Crowd, k: int, q: float, z: float, shift: float, followed: Floats) -> Finding:
    n = int(crowd.slopes.rankings[k, EARLY])
    if not POSITION.is_shown(n):
        return too_few(Detector.POSITION, n, POSITION, z=z)
    if not np.isfinite(q):
        return unknown(Detector.POSITION, "Ties everything, so no place on the page is preferred.", n=n)
    pull, error = float(crowd.slopes.slope[k, EARLY]), float(crowd.slopes.error[k, EARLY])
    is_pulled = q < Q_BELOW and shift > SHIFT_ABOVE
    severity = Severity.NONE
    if is_pulled:
        severity = Severity.SERIOUS if POSITION.is_acted_upon(n) and not z <= OUTLIER_Z else Severity.REVIEW
    place = "first" if pull >= 0 else "last"
    sentence = (
        f"What is shown {place} ends {shift:.2f} ranks higher than the others' judgement explains, in {n} rankings."
        if is_pulled
        else f"No pull of the place on the page that matters, in {n} rankings."
    )
    return Finding(
        Detector.POSITION,
        Estimate(pull, n=n, low=pull - 1.96 * error, high=pull + 1.96 * error),
        severity,
        sentence,
        z=number(z),
        q=number(q),
        evidence=crowd.evidence(k, followed, sign=np.sign(pull)) if is_pulled else (),
    )


def _followed(crowd: Crowd) -> Floats:
    """How far each ranking follows the order of display, beyond what the others' judgement asks for. (R,)"""
    rows = crowd.rows
    followed = by_ranking((rows.worth - crowd.others.consensus) * rows.early, rows)
    return np.where(rows.is_placed, followed, np.nan)
