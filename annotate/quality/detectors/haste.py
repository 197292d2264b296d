"""D6: too fast to have read.

Log seconds less the crowd's fit on log words, an annotator's middle one set against the crowd's. Fast and good is fine:
haste is serious only in one who agrees with the others less than the crowd's middle.
"""

import numpy as np

from annotate.quality.arrays import Flags, Floats, Ints, tally
from annotate.quality.detectors.crowd import Crowd, too_few
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Detector, Finding, Severity
from annotate.quality.minimum import TIMED
from annotate.quality.significance import MAD_TO_SD, MIN_CROWD, benjamini_hochberg, number, upper_tail

FLOOR_WORDS_PER_SECOND = 10.0
OUTLIER_Z = 3.0
ORDERED_FROM = 5  # rankings: a z that is too weak to be shown still helps to order the list
RELATIVE_BELOW = 0.5  # half the crowd's time: in a crowd of even pace a little faster is soon three deviations
SKIMS_BELOW = 0.75  # of the crowd's time: where everybody is above the floor, the words were not all meant to be read
SHORTEST_SECONDS = 0.1


def findings(crowd: Crowd) -> list[Finding]:
    """For each annotator the middle of their seconds relative to the crowd: 0.25 is four times as fast.

    z is positive where they are faster.
    """
    seconds, words = crowd.work.seconds, crowd.work.words
    timed = np.isfinite(seconds) & (crowd.rows.author >= 0)
    residual = _residual(seconds, words, timed)
    n = tally(crowd.rows.author[timed], n=crowd.n)
    middle = _medians(residual, timed, crowd)
    speed = _medians(np.where(timed, words, np.nan) / np.maximum(seconds, SHORTEST_SECONDS), timed, crowd)
    z = _z_faster(middle, n)
    q = benjamini_hochberg(np.where(n >= TIMED.shown, upper_tail(z), np.nan))
    agreement = crowd.mean_agreement
    usual = float(np.nanmedian(agreement)) if np.isfinite(agreement).any() else np.nan
    is_good = agreement >= usual
    centre = float(np.nanmedian(middle)) if np.isfinite(middle).any() else np.nan
    relative = np.exp(middle - centre)
    fast_first = np.where(timed, -residual, np.nan)
    return [
        _finding(crowd, k, int(n[k]), relative[k], speed[k], z[k], q[k], bool(is_good[k]), fast_first)
        for k in range(crowd.n)
    ]


def _residual(seconds: Floats, words: Floats, timed: Flags) -> Floats:
    """Log seconds less the crowd's straight line on log words, where the words are known. (R,)"""
    log = np.log(np.maximum(np.where(timed, seconds, 1.0), SHORTEST_SECONDS))
    told = timed & np.isfinite(words) & (np.nan_to_num(words) >= 1)
    if not told.any():
        return log
    x = np.log(np.where(told, words, 1.0))
    centred = np.where(told, x - x[told].mean(), 0.0)
    spread = float((centred**2).sum())
    slope = float((centred * log).sum()) / spread if spread > 0 else 0.0
    residual: Floats = log - slope * centred
    return residual


def _medians(column: Floats, counted: Flags, crowd: Crowd) -> Floats:
    """The median of a column of rankings for each annotator; NaN where there is none. (A,)"""
    usable = counted & np.isfinite(column)
    medians = np.full(crowd.n, np.nan)
    for k in range(crowd.n):
        own = crowd.own(k)
        if (known := column[own][usable[own]]).size:
            medians[k] = np.median(known)
    return medians


def _z_faster(middle: Floats, n: Ints) -> Floats:
    known = np.isfinite(middle) & (n >= ORDERED_FROM)
    z = np.full(len(middle), np.nan)
    if known.sum() < MIN_CROWD:
        return z
    centre = float(np.median(middle[known]))
    spread = MAD_TO_SD * float(np.median(np.abs(middle[known] - centre)))
    if spread > 0:
        z[known] = (centre - middle[known]) / spread
    return z


def _finding(
    crowd: Crowd, k: int, n: int, relative: float, speed: float, z: float, q: float, is_good: bool, fast_first: Floats
) -> Finding:
    if not TIMED.is_shown(n):
        return too_few(Detector.HASTE, n, TIMED, z=z)
    skims = bool(speed > FLOOR_WORDS_PER_SECOND and relative < SKIMS_BELOW)
    is_outlier = bool(z > OUTLIER_Z and relative < RELATIVE_BELOW)
    is_fast = skims or is_outlier
    severity = Severity.NONE
    if is_fast:
        is_serious = is_outlier and not is_good and TIMED.is_acted_upon(n)
        severity = Severity.SERIOUS if is_serious else Severity.REVIEW
    sentence = f"Takes {relative:.2g} times what the crowd takes for texts as long, in {n} rankings"
    if skims:
        sentence += f": {speed:.0f} words a second, faster than anybody reads"
    if is_fast:
        sentence += ", and still agrees with the others as most do" if is_good else ", and agrees with the others less"
    return Finding(
        Detector.HASTE,
        Estimate(float(relative), n=n),
        severity,
        sentence + ".",
        z=number(z),
        q=number(q),
        evidence=crowd.evidence(k, fast_first) if is_fast else (),
    )
