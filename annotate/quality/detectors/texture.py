"""D9: what looks like a machine's work: a beat too even between rankings, the same words as the reason again and again.

For review only. Nothing is kept that would tell devices apart, so accounts are not compared by their hours or machines.
"""

import numpy as np

from annotate.quality.arrays import Floats, Ints, sums, tally
from annotate.quality.detectors.crowd import Crowd, percent, too_few
from annotate.quality.detectors.fatigue import BREAK_SECONDS
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Detector, Finding, Severity
from annotate.quality.intervals import wilson
from annotate.quality.minimum import GAPS, REASONS
from annotate.quality.significance import divided

EVEN_BELOW = 0.15
"""Coefficient of variation of the times between rankings; people's times vary by half their mean and more."""
MOSTLY = 0.5
CLEARLY = 0.25  # above the crowd's middle: where a project asks for set phrases everybody repeats them


def rhythm_findings(crowd: Crowd) -> list[Finding]:
    """For each annotator the variation of the times between their rankings within a session: 0 is a clock."""
    gap = gaps(crowd)
    known = np.flatnonzero(np.isfinite(gap))
    author, between = crowd.rows.author[known], gap[known]
    n = tally(author, n=crowd.n)
    mean = divided(sums(between, by=author, n=crowd.n), n)
    deviation = np.sqrt(divided(sums((between - mean[author]) ** 2, by=author, n=crowd.n), n - 1))
    variation = divided(deviation, mean)
    return [_rhythm(crowd, k, int(n[k]), variation[k], mean[k], gap) for k in range(crowd.n)]


def gaps(crowd: Crowd) -> Floats:
    """The seconds since the same annotator's ranking before; NaN at the start of a session and where unknown. (R,)

    Times that are equal come from a file that knows days only, and say nothing.
    """
    at, author = crowd.work.at, crowd.rows.author
    order = np.lexsort((at, author))
    since = np.append(np.nan, np.diff(at[order]))
    is_own = np.append(False, np.diff(author[order]) == 0) & (author[order] >= 0)
    found = np.full(len(at), np.nan)
    found[order] = np.where(is_own & (since > 0) & (since <= BREAK_SECONDS), since, np.nan)
    return found


def words_findings(crowd: Crowd) -> list[Finding]:
    """For each annotator the share of their reasons, of four words and more, that stand word by word elsewhere too."""
    reason = _reasons(crowd)
    is_given = (reason >= 0) & (crowd.rows.author >= 0)
    times = tally(reason[is_given], n=int(reason.max(initial=-1)) + 1)
    is_same = np.zeros(len(reason), dtype=np.bool_)
    is_same[is_given] = times[reason[is_given]] > 1
    author = crowd.rows.author[is_given]
    n = tally(author, n=crowd.n)
    share = divided(sums(is_same[is_given].astype(np.float64), by=author, n=crowd.n), n)
    enough = share[n >= REASONS.shown]
    usual = float(np.median(enough)) if len(enough) else np.nan
    return [_words(crowd, k, int(n[k]), share[k], usual, is_same) for k in range(crowd.n)]


def _reasons(crowd: Crowd) -> Ints:
    reason = crowd.work.reason
    return reason if len(reason) == len(crowd.rows.author) else np.full(len(crowd.rows.author), -1)


def _rhythm(crowd: Crowd, k: int, n: int, variation: float, mean: float, gap: Floats) -> Finding:
    if not GAPS.is_shown(n):
        return too_few(Detector.RHYTHM, n, GAPS)
    is_even = bool(variation < EVEN_BELOW)
    sentence = f"The {n} times between rankings of a session vary by {percent(variation)} of their mean, {mean:.0f} s"
    return Finding(
        Detector.RHYTHM,
        Estimate(float(variation), n=n),
        Severity.REVIEW if is_even else Severity.NONE,
        sentence + (": more even than people work." if is_even else "."),
        evidence=crowd.evidence(k, -np.abs(gap - mean)) if is_even else (),
    )


def _words(crowd: Crowd, k: int, n: int, share: float, usual: float, is_same: np.ndarray) -> Finding:
    if not REASONS.is_shown(n):
        return too_few(Detector.SAME_WORDS, n, REASONS)
    stands_out = bool(share > MOSTLY and share > usual + CLEARLY)
    low, high = wilson(share * n, n)
    return Finding(
        Detector.SAME_WORDS,
        Estimate(float(share), n=n, low=low, high=high),
        Severity.REVIEW if stands_out else Severity.NONE,
        f"{percent(share)} of {n} reasons stand word by word elsewhere, too; the crowd's middle {percent(usual)}.",
        evidence=crowd.evidence(k, np.where(is_same, 1.0, np.nan)) if stands_out else (),
    )
