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
RELATIVE_BELOW = 0.5  # half the crowd's time: in a crowd of even pace a little faster is soon three deviations
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
    q = benjamini_hochberg(upper_tail(z))
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
    author, values = crowd.rows.author[usable], column[usable]
    order = np.lexsort((values, author))
    n = tally(author, n=crowd.n)
    starts = np.cumsum(n) - n
    some = n > 0
    medians = np.full(crowd.n, np.nan)
    sorted_values = values[order]
    low, high = (starts + (n - 1) // 2)[some], (starts + n // 2)[some]
    medians[some] = (sorted_values[low] + sorted_values[high]) / 2
    return medians


def _z_faster(middle: Floats, n: Ints) -> Floats:
    known = np.isfinite(middle) & (n >= TIMED.shown)
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
        return too_few(Detector.HASTE, n, TIMED)
    skims = bool(speed > FLOOR_WORDS_PER_SECOND)
    is_fast = skims or bool(z > OUTLIER_Z and relative < RELATIVE_BELOW)
    severity = Severity.NONE
    if is_fast:
        severity = Severity.SERIOUS if TIMED.is_acted_upon(n) and not is_good else Severity.REVIEW
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
