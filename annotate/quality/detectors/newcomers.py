"""D10: a new annotator, tested while they begin, with the chance of a false alarm bounded over all looks together.

Each ranking gets a p-value: how low its agreement with the others lies among the crowd's rankings. Where agreement is
coarse (two completions: right or wrong) ties are broken at random, or honest p-values would pile up at 1. Fisher's
M = -2 sum log p is compared with chi-squared at five fixed looks, each at a fifth of alpha, as Chatbot Arena does
(Chiang et al. 2024, section 6). An alarm asks for more gold; it is never a reason to stop anybody.
"""

import numpy as np

from annotate.quality.arrays import Floats, Ints
from annotate.quality.detectors.crowd import Crowd, too_few, unknown
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Detector, Finding, Severity
from annotate.quality.minimum import ANNOTATOR_PROMPTS
from annotate.quality.significance import fisher, number

LOOKS = (ANNOTATOR_PROMPTS.shown, 20, 40, 70, 100)
ALPHA = 0.1
CROWD_FROM = 100  # rankings of others to compare with
SEED = 20


def findings(crowd: Crowd) -> list[Finding]:
    """For each annotator with 100 rankings or fewer the least p of the five looks, times five."""
    p = p_among_the_crowd(crowd.agreement)
    enough = int(np.isfinite(p).sum()) >= CROWD_FROM
    return [_finding(crowd, p, k, is_enough=enough) for k in range(crowd.n)]


def p_among_the_crowd(agreement: Floats) -> Floats:
    """The share of rankings that agree less, ties broken at random; uniform for a ranking like any other. (R,)"""
    known = np.flatnonzero(np.isfinite(agreement))
    p = np.full(len(agreement), np.nan)
    values = np.sort(agreement[known])
    below = np.searchsorted(values, agreement[known], side="left")
    upto = np.searchsorted(values, agreement[known], side="right")
    chance = np.random.default_rng(SEED).random(len(known))
    p[known] = (below + chance * (upto - below) + 0.5) / (len(known) + 1)
    return p


def _finding(crowd: Crowd, p: Floats, k: int, *, is_enough: bool) -> Finding:
    own = crowd.own(k)
    own = own[np.isfinite(p[own])]
    if len(own) > LOOKS[-1]:
        reason = f"No longer new: {len(own)} rankings that others ranked, too."
        return unknown(Detector.NEWCOMER, reason, n=len(own))
    if not ANNOTATOR_PROMPTS.is_shown(len(own)):
        return too_few(Detector.NEWCOMER, len(own), ANNOTATOR_PROMPTS)
    if not is_enough:
        reason = f"The crowd has fewer than {CROWD_FROM} rankings to compare with."
        return unknown(Detector.NEWCOMER, reason, n=len(own))
    own = _in_time(own, crowd)
    _, together = fisher(p[own])
    looks = np.array([look for look in LOOKS if look <= len(own)])
    least = float(min(1.0, len(LOOKS) * together[looks - 1].min()))
    is_alarm = least < ALPHA
    sentence = f"The first {looks[-1]} rankings look like the crowd's."
    if is_alarm:
        sentence = f"The first {looks[-1]} rankings agree with the others less than the crowd's do: give more gold."
    return Finding(
        Detector.NEWCOMER,
        Estimate(least, n=int(looks[-1])),
        Severity.REVIEW if is_alarm else Severity.NONE,
        sentence,
        q=number(least),
        evidence=crowd.evidence(k, p, sign=-1) if is_alarm else (),
    )


def _in_time(own: Ints, crowd: Crowd) -> Ints:
    """In the order in which they were made; by id where the times are unknown."""
    return own[np.argsort(np.nan_to_num(crowd.work.at[own]), kind="stable")]
