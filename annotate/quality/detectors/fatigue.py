"""D8: does agreement with the others fall while somebody works on without a break?

A session ends where an annotator submits nothing for half an hour. The slope is that of a ranking's agreement on the
hours since its session began, within annotators, so that good people who work long do not hide it.
"""

from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Flags, Floats, sums, tally
from annotate.quality.detectors.crowd import Crowd, no_crowd, too_few, unknown, with_error
from annotate.quality.detectors.rows import by_author
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Detector, Finding, Severity
from annotate.quality.minimum import FATIGUE, FATIGUE_SESSIONS, NEW_CROWD
from annotate.quality.significance import NORMAL_95, benjamini_hochberg, divided, number, upper_tail, z_against_crowd

BREAK_SECONDS = 1_800.0
MIN_HOURS = 0.25  # between the first and the last ranking of a usual session
OUTLIER_Z = 3.0
Q_BELOW = 0.05
ALARMING_FALL = 0.05
BIN_HOURS = 0.25


class Curve(NamedTuple):
    """Agreement by the quarter of an hour of a session: the bins' starts in hours, agreement, rankings. (B,) each."""

    hours: Floats
    agreement: Floats
    rankings: Floats


class _Slope(NamedTuple):
    """By annotator (A,): points an hour, its error, rankings, sessions."""

    slope: Floats
    error: Floats
    rankings: Floats
    sessions: Floats


def findings(crowd: Crowd) -> tuple[list[Finding], Finding]:
    """For each annotator how their agreement changes in an hour of a session; and what a session costs the crowd.

    z is positive where it falls faster.
    """
    hours, begins = session_hours(crowd)
    found = _slopes(crowd, hours, begins)
    return _of_people(crowd, found, hours), _of_crowd(crowd, found, _usual_session(hours, begins, crowd))


def _of_people(crowd: Crowd, found: _Slope, hours: Floats) -> list[Finding]:
    enough = (found.rankings >= FATIGUE.shown) & (found.sessions >= FATIGUE_SESSIONS.shown)
    z = -z_against_crowd(np.where(enough, found.slope, np.nan), found.error)
    q = benjamini_hochberg(upper_tail(z))
    late = np.where(np.isfinite(crowd.agreement), hours * (1 - crowd.agreement), np.nan)
    return [_finding(crowd, found, k, z[k], q[k], late) for k in range(crowd.n)]


def _of_crowd(crowd: Crowd, found: _Slope, usual: float) -> Finding:
    """The mean slope times the length of the middle session in hours."""
    known = np.isfinite(found.slope) & np.isfinite(found.error) & (found.rankings >= FATIGUE.shown)
    if known.sum() < NEW_CROWD.shown or usual < MIN_HOURS:
        had = f"{int(known.sum())} annotators with {FATIGUE.shown} {FATIGUE.of}"
        return unknown(Detector.FATIGUE, f"Not enough data: {had}, shown from {NEW_CROWD.shown}.", n=int(known.sum()))
    n = int(found.rankings[known].sum())
    weight = 1 / (found.error[known] ** 2 + found.slope[known].var())
    mean = float(np.average(found.slope[known], weights=weight))
    error = float(np.sqrt((weight**2 * (found.slope[known] - mean) ** 2).sum()) / weight.sum())
    change, half = usual * mean, NORMAL_95 * usual * error
    is_alarming = -change > ALARMING_FALL and change + half < 0
    session = f"a usual session of {usual * 60:.0f} minutes"
    said = f"Over {session} agreement with the others changes by {100 * change:+.1f} points"
    return Finding(
        Detector.FATIGUE,
        Estimate(change, n=n, low=change - half, high=change + half),
        Severity.REVIEW if is_alarming else Severity.NONE,
        said + (": recommend a shorter session." if is_alarming else "."),
        z=number(-mean / error) if error > 0 else None,
    )


def curve(crowd: Crowd) -> Curve:
    """The crowd's agreement by quarters of an hour since a session began."""
    hours, _ = session_hours(crowd)
    counted = np.isfinite(hours) & np.isfinite(crowd.agreement)
    bins = (hours[counted] / BIN_HOURS).astype(np.int64)
    n = tally(bins, n=int(bins.max(initial=-1)) + 1)
    mean = divided(sums(crowd.agreement[counted], by=bins, n=len(n)), n)
    return Curve(np.arange(len(n)).astype(np.float64) * BIN_HOURS, mean, n.astype(np.float64))


def session_hours(crowd: Crowd) -> tuple[Floats, Flags]:
    """Hours of each ranking since its session began, NaN where unknown; and which rankings begin one. (R,)"""
    at, author = crowd.work.at, crowd.rows.author
    timed = np.flatnonzero(np.isfinite(at) & (author >= 0))
    timed = timed[np.lexsort((at[timed], author[timed]))]
    hours, begins = np.full(len(at), np.nan), np.zeros(len(at), dtype=np.bool_)
    if not len(timed):
        return hours, begins
    when = at[timed]
    is_new = np.ones(len(timed), dtype=np.bool_)
    is_new[1:] = (np.diff(author[timed]) != 0) | (np.diff(when) > BREAK_SECONDS)
    start = when[np.flatnonzero(is_new)][np.cumsum(is_new) - 1]
    hours[timed], begins[timed] = (when - start) / 3600, is_new
    return hours, begins


def _slopes(crowd: Crowd, hours: Floats, begins: Flags) -> _Slope:
    """Least squares within each annotator."""
    rows, n = crowd.rows, crowd.n
    counted = np.isfinite(hours) & np.isfinite(crowd.agreement)
    who = np.maximum(rows.author, 0)
    count = by_author(counted.astype(np.float64), rows, n=n)

    def centred(column: Floats) -> Floats:
        means = divided(by_author(np.where(counted, column, 0.0), rows, n=n), count)
        return np.where(counted, column - means[who], 0.0)

    x, y = centred(hours), centred(crowd.agreement)
    spread = by_author(x**2, rows, n=n)
    slope = divided(by_author(x * y, rows, n=n), spread)
    left = np.where(counted, y - np.nan_to_num(slope)[who] * x, 0.0)
    variance = divided(by_author(left**2, rows, n=n), np.maximum(count - 2, 0.0))
    pooled = float(np.nansum(variance * count) / max(count.sum(), 1.0))
    error = np.sqrt(divided(np.full(n, pooled), spread))
    return _Slope(slope, error, count, by_author(begins.astype(np.float64), rows, n=n))


def _usual_session(hours: Floats, begins: Flags, crowd: Crowd) -> float:
    """The length of the middle session in hours, sessions weighed by their rankings."""
    order = np.lexsort((crowd.work.at, crowd.rows.author))
    order = order[np.isfinite(hours[order])]
    if not len(order):
        return 0.0
    session = np.cumsum(begins[order]) - 1
    length = np.zeros(int(session[-1]) + 1)
    np.maximum.at(length, session, hours[order])
    return float(np.median(length[session]))


def _finding(crowd: Crowd, found: _Slope, k: int, z: float, q: float, late: Floats) -> Finding:
    n, sessions = int(found.rankings[k]), int(found.sessions[k])
    if not FATIGUE.is_shown(n):
        return too_few(Detector.FATIGUE, n, FATIGUE)
    if not FATIGUE_SESSIONS.is_shown(sessions):
        return too_few(Detector.FATIGUE, sessions, FATIGUE_SESSIONS)
    if not np.isfinite(found.slope[k]):
        return unknown(Detector.FATIGUE, "No session goes on long enough to see a change.", n=n)
    if not np.isfinite(z):
        return no_crowd(Detector.FATIGUE, n=n)
    tires = bool(z > OUTLIER_Z and q < Q_BELOW)
    fall = float(-found.slope[k])
    sentence = f"Agreement does not fall in a session more than the others' does ({n} rankings, {sessions} sessions)."
    if tires:
        rate = f"{100 * fall:.0f} points an hour of a session"
        sentence = f"Agreement with the others falls by {rate}, over {sessions} sessions."
    return Finding(
        Detector.FATIGUE,
        with_error(found.slope[k], found.error[k], n=n),
        Severity.REVIEW if tires else Severity.NONE,
        sentence,
        z=number(z),
        q=number(q),
        evidence=crowd.evidence(k, late) if tires else (),
    )
