"""D4: the pull of length and of format (headers, lists, bold), the others' judgement being equal.

A longer answer is often better, so an annotator stands out by their slope against the crowd's own slopes, not against
0. For the crowd as a whole the odds ratio of «twice as long» is reported; that alone is a finding, not an error.
"""

from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Floats, Ints, sums
from annotate.quality.detectors.crowd import Crowd, no_crowd, too_few, unknown, with_error
from annotate.quality.detectors.rows import by_ranking
from annotate.quality.detectors.slopes import PULLS
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.findings import Detector, Finding, Severity
from annotate.quality.minimum import CELL, LENGTH
from annotate.quality.significance import NORMAL_95, benjamini_hochberg, number, two_tails, z_against_crowd

OUTLIER_Z = 3.0
Q_BELOW = 0.01
GROSS_RANKS = 0.5  # that twice the words gain beyond the crowd's middle
ORDERED_FROM = 5  # rankings: a z that is too weak to be shown still helps to order the list
WORDS = PULLS.index("doubling")
MARKS = (PULLS.index("headers"), PULLS.index("lists"), PULLS.index("bold"))
MARK_NAMES = ("headers", "lists", "bold")
NEWTON_STEPS, CONVERGED = 20, 1e-9


class _Pull(NamedTuple):
    """One pull, by annotator (A,)."""

    slope: Floats
    error: Floats
    rankings: Ints
    z: Floats
    q: Floats
    usual: float


def length_findings(crowd: Crowd) -> list[Finding]:
    """For each annotator how many ranks an answer twice as long gains, beyond what the others see in it."""
    pull = _pull(crowd, WORDS, tests=1)
    shown = _gained(crowd, WORDS)
    return [_length(crowd, pull, k, shown) for k in range(crowd.n)]


def format_findings(crowd: Crowd) -> list[Finding]:
    """For each annotator the mark (headers, lists, bold) whose pull is farthest from the crowd's."""
    pulls = [_pull(crowd, column, tests=len(MARKS)) for column in MARKS]
    shown = [_gained(crowd, column) for column in MARKS]
    return [_format(crowd, pulls, k, shown) for k in range(crowd.n)]


def crowd_length_odds(crowd: Crowd) -> Finding:
    """The crowd's odds ratio for «twice as long» among pairs where one was chosen, with prompts as clusters."""
    odds, n = _odds_of_twice_as_long(crowd)
    if odds.value is None:
        return unknown(Detector.LENGTH, odds.reason, n=n)
    times = f"{odds.value:.2f} times the odds ({odds.low:.2f} to {odds.high:.2f})"
    return Finding(
        Detector.LENGTH,
        odds,
        Severity.NONE,
        f"Of two completions the one twice as long is chosen with {times}; "
        "chosen more often is not yet wrong: it may be better.",
    )


def _pull(crowd: Crowd, column: int, *, tests: int) -> _Pull:
    slope, error = crowd.slopes.slope[:, column], crowd.slopes.error[:, column]
    rankings = crowd.slopes.rankings[:, column]
    z = z_against_crowd(np.where(rankings >= ORDERED_FROM, slope, np.nan), error)
    is_shown = rankings >= LENGTH.shown
    q = benjamini_hochberg(np.where(is_shown, np.minimum(two_tails(z) * tests, 1.0), np.nan))
    usual = float(np.median(slope[is_shown])) if is_shown.any() else np.nan
    return _Pull(slope, error, rankings, z, q, usual)


def _length(crowd: Crowd, pull: _Pull, k: int, shown: Floats) -> Finding:
    n = int(pull.rankings[k])
    if not LENGTH.is_shown(n):
        return too_few(Detector.LENGTH, n, LENGTH, z=abs(pull.z[k]))
    if not np.isfinite(pull.z[k]):
        return no_crowd(Detector.LENGTH, n=n)
    z, beyond = float(pull.z[k]), float(pull.slope[k]) - pull.usual
    is_outlier = abs(z) > OUTLIER_Z and pull.q[k] < Q_BELOW
    severity = Severity.NONE
    if is_outlier:
        is_gross = LENGTH.is_acted_upon(n) and abs(beyond) > GROSS_RANKS
        severity = Severity.SERIOUS if is_gross else Severity.REVIEW
    way = "higher" if beyond >= 0 else "lower"
    sentence = f"Length pulls as it pulls the others, in {n} rankings."
    if is_outlier:
        sentence = (
            f"Places an answer twice as long {abs(beyond):.1f} ranks {way} than the others do for equal quality, "
            f"in {n} rankings."
        )
    return Finding(
        Detector.LENGTH,
        with_error(pull.slope[k], pull.error[k], n=n),
        severity,
        sentence,
        z=number(abs(z)),
        q=number(pull.q[k]),
        evidence=crowd.evidence(k, shown, sign=np.sign(beyond)) if is_outlier else (),
    )


def _format(crowd: Crowd, pulls: list[_Pull], k: int, shown: list[Floats]) -> Finding:
    enough = [pull for pull in pulls if pull.rankings[k] >= LENGTH.shown and np.isfinite(pull.z[k])]
    if not enough:
        n = max(int(pull.rankings[k]) for pull in pulls)
        if LENGTH.is_shown(n):
            return no_crowd(Detector.FORMAT, n=n)
        return too_few(Detector.FORMAT, n, LENGTH)
    pull = max(enough, key=lambda one: abs(one.z[k]))
    mark = next(number for number, one in enumerate(pulls) if one is pull)
    n, beyond = int(pull.rankings[k]), float(pull.slope[k]) - pull.usual
    is_outlier = abs(pull.z[k]) > OUTLIER_Z and pull.q[k] < Q_BELOW
    way = "higher" if beyond >= 0 else "lower"
    sentence = f"Headers, lists and bold pull as they pull the others, in {n} rankings."
    if is_outlier:
        placed = f"Places answers with more {MARK_NAMES[mark]} {way}"
        sentence = f"{placed} than the others do for equal quality, in {n} rankings."
    return Finding(
        Detector.FORMAT,
        with_error(pull.slope[k], pull.error[k], n=n),
        Severity.REVIEW if is_outlier else Severity.NONE,
        sentence,
        z=number(abs(pull.z[k])),
        q=number(pull.q[k]),
        evidence=crowd.evidence(k, shown[mark], sign=np.sign(beyond)) if is_outlier else (),
    )


def _gained(crowd: Crowd, column: int) -> Floats:
    """How far each ranking follows a pull, beyond the others' judgement. (R,)"""
    pull = crowd.slopes.varies[:, column]
    gained = by_ranking((crowd.rows.worth - crowd.others.consensus) * pull, crowd.rows)
    return np.where(by_ranking(np.abs(pull), crowd.rows) > 0, gained, np.nan)


def _odds_of_twice_as_long(crowd: Crowd) -> tuple[Estimate, int]:
    """Logistic regression of the choice on the doublings between two texts, without intercept; Newton's method."""
    votes, rows = crowd.work.votes, crowd.rows
    pull = crowd.slopes.varies[:, WORDS]
    doublings = pull[rows.i] - pull[rows.j]
    chosen = (votes.relation != 0) & (doublings != 0)
    x, prompt = doublings[chosen], votes.prompt[chosen]
    won = (votes.relation[chosen] > 0).astype(np.float64)
    n = len(np.unique(prompt))
    if not CELL.is_shown(n):
        reason = f"Not enough data: {n} {LENGTH.of}, shown from {CELL.shown}."
        return undefined(reason, n=n), n
    slope = 0.0
    for _ in range(NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-(slope * x).clip(-30, 30)))
        spread = float((chance * (1 - chance) * x**2).sum())
        if spread < 1e-9:
            return undefined("Length alone decides every choice: the odds have no bound.", n=n), n
        step = float(np.clip(((won - chance) * x).sum() / spread, -2, 2))
        slope += step
        if abs(step) < CONVERGED:
            break
    chance = 1 / (1 + np.exp(-(slope * x).clip(-30, 30)))
    scores = sums((won - chance) * x, by=prompt, n=len(votes.units.prompt_ids))
    error = float(np.sqrt((scores**2).sum())) / float((chance * (1 - chance) * x**2).sum())
    low, high = np.exp(slope - NORMAL_95 * error), np.exp(slope + NORMAL_95 * error)
    return Estimate(float(np.exp(slope)), n=n, low=float(low), high=float(high)), n
