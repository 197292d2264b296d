"""Drift: what an annotator does, week by week, against the crowd in the same weeks: agreement, ties, strictness.

Standardising by the crowd's own week takes out that the texts change. A new guideline is a known change point: charts
restart there. EWMA sees a slow change, CUSUM a step; both alarm about once in 500 weeks without cause.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Flags, Floats, Ints, coded, sums, tally
from annotate.quality.charts import CUSUM_LIMIT, CUSUM_SLACK, cusum, ewma, ewma_half_width
from annotate.quality.detectors.crowd import Crowd, too_few
from annotate.quality.detectors.graded_work import grade_residuals
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Detector, Finding, Severity
from annotate.quality.minimum import DRIFT_WINDOW, DRIFT_WINDOWS
from annotate.quality.significance import benjamini_hochberg, divided, number

WEEK, DAY = 604_800.0, 86_400.0
Q_BELOW = 0.05
SIMULATED, SEED = 20_000, 20
MONDAY = 345_600.0  # 1970-01-05


class Words(NamedTuple):
    """What a chart is of, for its sentences."""

    detector: Detector
    subject: str  # «Agreement»
    ways: tuple[str, str]  # below its own level, and above


AGREEMENT = Words(Detector.DRIFT, "Agreement", ("falls below", "rises above"))
TIES = Words(Detector.TIE_DRIFT, "The share of ties", ("falls below", "rises above"))
SEVERITY = Words(Detector.SEVERITY_DRIFT, "Grades, less what the others give,", ("fall below", "rise above"))


Windows = tuple[Ints, Ints, str]


class Series(NamedTuple):
    """Standardised values by annotator and window (A, T), NaN where too little; `window` codes rankings, -1 none.

    `restarts` (T,): a window that begins a new guideline version. `unit` is "week" or "day".
    """

    z: Floats
    n: Floats
    window: Ints
    restarts: Flags
    unit: str


def findings(crowd: Crowd) -> tuple[list[Finding], list[Finding], list[Finding]]:
    """For each annotator the largest excursion of either chart, as a multiple of its limit; 1 alarms.

    Of agreement with the others, of the share of pairs tied, and of how much higher than the others they grade.
    """
    windows = _windows(crowd)
    return (
        _findings(crowd, windows, crowd.agreement, AGREEMENT),
        _findings(crowd, windows, tie_shares(crowd), TIES),
        _findings(crowd, windows, grade_residuals(crowd.work), SEVERITY),
    )


def tie_shares(crowd: Crowd) -> Floats:
    """The share of each ranking's pairs that it ties; NaN for one without pairs. (R,)"""
    votes = crowd.work.votes
    tied = sums((votes.relation == 0).astype(np.float64), by=votes.ranking, n=len(votes.ranking_ids))
    return divided(tied, tally(votes.ranking, n=len(votes.ranking_ids)))


def _findings(crowd: Crowd, windows: Windows, value: Floats, words: Words) -> list[Finding]:
    if not np.isfinite(value).any():
        return [too_few(words.detector, 0, DRIFT_WINDOWS)] * crowd.n
    series = standardised(crowd, windows, value)
    excursion = _excursion(series)
    q = benjamini_hochberg(_p_values(series, excursion))
    shown = np.where(series.window >= 0, value, np.nan)
    return [_finding(crowd, series, excursion, k, q[k], shown, words) for k in range(crowd.n)]


def standardised(crowd: Crowd, windows: Windows, value: Floats) -> Series:
    """Each annotator's mean of a window less the crowd's, over its standard error and the crowd's spread; `value` is
    by ranking (R,), NaN where there is none."""
    window, versions, unit = windows
    counted = (window >= 0) & np.isfinite(value)
    n_windows = int(window.max(initial=-1)) + 1
    author, when, value = crowd.rows.author[counted], window[counted], value[counted]
    cell, shape = author * max(n_windows, 1) + when, (crowd.n, n_windows)
    n = tally(cell, n=crowd.n * n_windows).astype(np.float64).reshape(shape)
    mean = divided(sums(value, by=cell, n=crowd.n * n_windows).reshape(shape), n)
    usual = divided(sums(value, by=when, n=n_windows), tally(when, n=n_windows))
    noise = float(((value - usual[when]) ** 2).mean()) if len(value) else np.nan
    off = np.where(n >= DRIFT_WINDOW.shown, mean - usual, np.nan)
    off -= _own_level(off, versions)
    wobble = _wobble(off, n, noise)
    scale = np.sqrt(divided(np.full(shape, noise), n) + wobble)
    restarts = np.concatenate([[False], np.diff(versions) != 0]) if n_windows else np.zeros(0, dtype=np.bool_)
    return Series(divided(off, scale), n, window, restarts, unit)


def _windows(crowd: Crowd) -> Windows:
    """Codes of windows in the order of time, (guideline version, week) together; each window's version; the unit.

    Weeks begin on Monday, UTC; a project younger than five weeks is charted by days.
    """
    at, version = crowd.work.at, crowd.work.guideline
    timed = np.isfinite(at) & (crowd.rows.author >= 0)
    window = np.full(len(at), -1)
    if not timed.any():
        return window, np.empty(0, dtype=np.int64), "week"
    span = float(at[timed].max() - at[timed].min())
    length, unit = (WEEK, "week") if span >= DRIFT_WINDOWS.acted_upon * WEEK else (DAY, "day")
    number_of = np.floor((at[timed] - MONDAY) / length).astype(np.int64)
    period = number_of - number_of.min()
    cells = coded(version[timed] * (int(period.max()) + 1) + period)
    window[timed] = cells.codes
    return window, (cells.ids // (int(period.max()) + 1)).astype(np.int64), unit


def _own_level(off: Floats, versions: Ints) -> Floats:
    """Each annotator's mean distance from the crowd under each version: the centre line of their chart. (A, T)"""
    level = np.zeros_like(off)
    for version in np.unique(versions):
        inside = versions == version
        known = np.isfinite(off[:, inside])
        total = np.where(known, off[:, inside], 0.0).sum(axis=1)
        level[:, inside] = np.nan_to_num(divided(total, known.sum(axis=1)))[:, np.newaxis]
    return level


def _wobble(off: Floats, n: Floats, noise: float) -> float:
    """The variance between windows beyond chance that is usual in this crowd."""
    known = np.isfinite(off)
    if not known.any():
        return 0.0
    return float(max(np.median(off[known] ** 2) / 0.4549 - np.median(noise / n[known]), 0.0))


def _charts(series: Series) -> tuple[Floats, Floats]:
    """Both charts, each restarted at every new version. (A, T)"""
    smooth, larger = np.zeros_like(series.z), np.zeros_like(series.z)
    bounds = [0, *np.flatnonzero(series.restarts).tolist(), series.z.shape[1]]
    for start, end in zip(bounds[:-1], bounds[1:], strict=True):
        part = series.z[:, start:end]
        smooth[:, start:end] = ewma(part, start=0.0)
        steps = cusum(part, target=0.0, slack=CUSUM_SLACK)
        larger[:, start:end] = np.maximum(steps.high, steps.low)
    return smooth, larger


def _p_values(series: Series, excursion: Floats) -> Floats:
    """P(an excursion as large | nothing but chance), from simulated charts of as many windows. (A,)"""
    known = np.isfinite(series.z)
    largest = np.where(known, excursion, 0.0).max(axis=1, initial=0.0)
    if not known.any():
        return np.full(len(largest), np.nan)
    by_chance = _excursions_by_chance(tuple(series.restarts.tolist()))
    above = SIMULATED - np.searchsorted(by_chance, largest, side="left")
    return np.where(known.sum(axis=1) >= DRIFT_WINDOWS.shown, (1 + above) / (1 + SIMULATED), np.nan)


@lru_cache(maxsize=8)
def _excursions_by_chance(restarts: tuple[bool, ...]) -> Floats:
    """The largest excursions of charts of pure chance with so many windows and these restarts, in order. (SIMULATED,)

    The charts of agreement, ties and strictness have the same windows: they are simulated once.
    """
    chance = np.random.default_rng(SEED).standard_normal((SIMULATED, len(restarts)))
    none = np.empty(0, dtype=np.int64)
    steady = Series(chance, chance, none, np.array(restarts, dtype=np.bool_), "")
    ordered: Floats = np.sort(_excursion(steady).max(axis=1))
    return ordered


def _excursion(series: Series) -> Floats:
    """How far the charts have gone, the farther of the two, as a multiple of its limit. (A, T)"""
    smooth, larger = _charts(series)
    excursion: Floats = np.maximum(np.abs(smooth) / ewma_half_width(sigma=1.0), larger / CUSUM_LIMIT)
    return excursion


def _finding(crowd: Crowd, series: Series, excursion: Floats, k: int, q: float, value: Floats, words: Words) -> Finding:
    known = np.flatnonzero(np.isfinite(series.z[k]))
    unit = series.unit
    if not DRIFT_WINDOWS.is_shown(len(known)):
        return too_few(words.detector, len(known), DRIFT_WINDOWS)
    worst = int(known[np.argmax(excursion[k][known])])
    largest = float(excursion[k][worst])
    is_alarm = largest > 1 and q < Q_BELOW
    rises = float(series.z[k][worst]) > 0
    severity = Severity.REVIEW if is_alarm else Severity.NONE
    evidence: tuple[int, ...] = ()
    sentence = f"Steady against the crowd over {len(known)} {unit}s."
    if is_alarm:
        level = f"{words.ways[rises]} their own level over {len(known)} {unit}s"
        sentence = f"{words.subject} {level} more than chance allows: {largest:.1f} times the limit."
        in_worst = np.where(series.window == worst, value, np.nan)
        evidence = crowd.evidence(k, in_worst, sign=1.0 if rises else -1.0)
    return Finding(
        words.detector,
        Estimate(largest, n=len(known)),
        severity,
        sentence,
        q=number(q),
        evidence=evidence,
    )
