"""D5 for grades: one grade for every completion of a comparison, or one grade whatever stands there.

The share of an annotator's sheets (one ranking on one scale) whose grades are all the same, against the crowd's middle
one by its own spread. That some answers are equally good is why the crowd has flat sheets, too.
"""

import numpy as np

from annotate.quality.arrays import Floats, Ints, sums, tally
from annotate.quality.detectors.crowd import Crowd, no_crowd, percent, too_few
from annotate.quality.detectors.graded_work import Given, given, sheets
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Detector, Finding, Severity
from annotate.quality.intervals import wilson
from annotate.quality.minimum import SHEETS
from annotate.quality.significance import MIN_CROWD, benjamini_hochberg, divided, number, upper_tail, z_against_crowd

OUTLIER_Z = 4.0
NOTEWORTHY, GROSS = 0.25, 0.6  # of what the crowd leaves, as in straight_lining


def findings(crowd: Crowd) -> list[Finding]:
    """For each annotator the share of their sheets that are flat."""
    grades = given(crowd.work)
    found = sheets(grades)
    n = tally(found.author, n=crowd.n)
    flat = sums(found.is_flat.astype(np.float64), by=found.author, n=crowd.n)
    share = np.where(n >= SHEETS.shown, divided(flat, n), np.nan)
    error = np.sqrt((flat + 1) * (n - flat + 1) / ((n + 2.0) ** 2 * (n + 3)))  # of a share, also of 0 and 1
    z = z_against_crowd(share, error)
    q = benjamini_hochberg(upper_tail(z))
    usual = float(np.nanmedian(share)) if np.isfinite(share).any() else np.nan
    shown = np.full(len(crowd.rows.author), np.nan)
    shown[found.ranking[found.is_flat]] = 1.0
    has_crowd = int(np.isfinite(share).sum()) >= MIN_CROWD
    return [
        _finding(crowd, grades, k, n=int(n[k]), share=share[k], usual=usual, z=z[k], q=q[k], shown=shown)
        if has_crowd or n[k] < SHEETS.shown
        else no_crowd(Detector.FLAT_GRADES, n=int(n[k]))
        for k in range(crowd.n)
    ]


def longest_run(values: Floats) -> int:
    """How many grades in a row are the same, at most.

    >>> longest_run(np.array([3.0, 4.0, 4.0, 4.0, 3.0]))
    3
    """
    bounds = np.flatnonzero(np.append(True, np.diff(values) != 0))
    return int(np.diff(np.append(bounds, len(values))).max(initial=0))


def entropy_bits(values: Floats) -> float:
    """How spread out the grades are over the scale: 0 bits for one grade only.

    >>> entropy_bits(np.array([1.0, 5.0, 1.0, 5.0]))
    1.0
    """
    counts: Ints = np.unique(values, return_counts=True)[1]
    shares = counts / max(counts.sum(), 1)
    return float(-(shares @ np.log2(shares))) + 0.0


def _finding(
    crowd: Crowd, grades: Given, k: int, *, n: int, share: float, usual: float, z: float, q: float, shown: Floats
) -> Finding:
    if not SHEETS.is_shown(n):
        return too_few(Detector.FLAT_GRADES, n, SHEETS)
    excess = (share - usual) / (1 - usual) if usual < 1 else 0.0
    is_flat = bool(z > OUTLIER_Z and excess > NOTEWORTHY)
    severity = Severity.NONE
    if is_flat:
        severity = Severity.SERIOUS if SHEETS.is_acted_upon(n) and excess > GROSS else Severity.REVIEW
    own = grades.value[grades.author == k]
    low, high = wilson(share * n, n)
    sentence = (
        f"One grade for all completions on {percent(share)} of {n} rating sheets; the crowd's middle {percent(usual)}"
    )
    spread = f"the longest run of one grade is {longest_run(own)}, all grades have {entropy_bits(own):.1f} bits"
    return Finding(
        Detector.FLAT_GRADES,
        Estimate(float(share), n=n, low=low, high=high),
        severity,
        f"{sentence}; {spread}.",
        z=number(z),
        q=number(q),
        evidence=crowd.evidence(k, shown) if is_flat else (),
    )
