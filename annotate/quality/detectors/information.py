"""D1 and D2: does an annotator tell anything, and is it the contrary of what the others say?

Information is the correlation with the truth that the crowd's agreement implies: 0 a clicker, 1 always right, below 0
contrary. The posterior takes the crowd's mean and spread as prior, so a few rankings do not condemn anybody.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from annotate.quality.arrays import Floats
from annotate.quality.detectors.crowd import Crowd, percent, too_few, unknown, with_error
from annotate.quality.findings import Detector, Finding, Severity
from annotate.quality.minimum import ANNOTATOR_PROMPTS
from annotate.quality.significance import MAD_TO_SD, MIN_CROWD, benjamini_hochberg, number, upper_tail

CLICKER_BELOW = 0.15
SURE = 0.95
LEAST_SPREAD = 0.2  # between annotators: a crowd of equals is no reason to believe that a clicker is one of them
OUTLIER_Z = 3.0
CONTRARY_Z = 3.0  # below 0: at 95 % one clicker in twenty would be told that they read the scale the wrong way round


class Information(NamedTuple):
    """By annotator (A,): raw value and error, posterior mean and deviation, and z below the crowd; NaN where none."""

    value: Floats
    error: Floats
    mean: Floats
    deviation: Floats
    z: Floats


def information_of(crowd: Crowd) -> Information:
    """Correlation with the truth, shrunk by normal empirical Bayes; the spread between annotators by moments."""
    others = crowd.others
    value = others.correlation * others.truth_per_correlation
    error = others.error * others.truth_per_correlation
    known = np.isfinite(value) & np.isfinite(error)
    if known.sum() < 2 or not others.agree_at_all:
        blank = np.full(crowd.n, np.nan)
        return Information(value, error, blank, blank, blank)
    usual = others.usual * others.truth_per_correlation
    between = float(np.average((value[known] - usual) ** 2 - error[known] ** 2, weights=others.rankings[known]))
    between = max(between, LEAST_SPREAD**2)
    trust = between / (between + error**2)
    mean, deviation = usual + trust * (value - usual), np.sqrt(trust) * error
    return Information(value, error, mean, deviation, _z_below(others.shrunk * others.truth_per_correlation))


def findings(crowd: Crowd, found: Information) -> tuple[list[Finding], list[Finding]]:
    """For each annotator whether they tell anything, and whether they are contrary."""
    agreement = crowd.mean_agreement
    usual = float(np.nanmedian(agreement)) if np.isfinite(agreement).any() else np.nan
    q = benjamini_hochberg(upper_tail(found.z))
    least = [_information(crowd, found, k, agreement[k], usual, q[k]) for k in range(crowd.n)]
    contrary = [_contrary(crowd, found, k, agreement[k]) for k in range(crowd.n)]
    return least, contrary


def p_clicker(found: Information) -> Floats:
    """P(information < 0.15). (A,)"""
    with np.errstate(invalid="ignore"):
        chance: Floats = ndtr((CLICKER_BELOW - found.mean) / found.deviation)
    return chance


def _information(crowd: Crowd, found: Information, k: int, agreement: float, usual: float, q: float) -> Finding:
    if (short := _too_few(crowd, found, Detector.INFORMATION, k)) is not None:
        return short
    n = int(crowd.others.rankings[k])
    is_clicker = p_clicker(found)[k] >= SURE
    is_outlier = found.z[k] > OUTLIER_Z
    severity = Severity.NONE
    if is_clicker or is_outlier:
        severity = Severity.SERIOUS if ANNOTATOR_PROMPTS.is_acted_upon(n) and is_clicker else Severity.REVIEW
    said = f"Agrees with the others on {percent(agreement)} of the pairs in {n} rankings, the crowd's middle is "
    more = ", so what they say tells no more than clicks at random." if is_clicker else "."
    return Finding(
        Detector.INFORMATION,
        with_error(found.mean[k], found.deviation[k], n=n),
        severity,
        said + percent(usual) + more,
        z=number(found.z[k]),
        q=number(q),
        evidence=crowd.evidence(k, crowd.agreement, sign=-1) if severity != Severity.NONE else (),
    )


def _contrary(crowd: Crowd, found: Information, k: int, agreement: float) -> Finding:
    if (short := _too_few(crowd, found, Detector.CONTRARY, k)) is not None:
        return short
    n = int(crowd.others.rankings[k])
    upper = found.mean[k] + CONTRARY_Z * found.deviation[k]
    severity = (
        Severity.NONE if upper >= 0 else Severity.SERIOUS if ANNOTATOR_PROMPTS.is_acted_upon(n) else Severity.REVIEW
    )
    sentence = "Does not rank against the others."
    if severity != Severity.NONE:
        sentence = (
            f"Agrees with the others on {percent(agreement)} of the pairs in {n} rankings, less than chance: "
            "perhaps they read the scale the wrong way round."
        )
    return Finding(
        Detector.CONTRARY,
        with_error(found.mean[k], found.deviation[k], n=n),
        severity,
        sentence,
        z=number(-found.mean[k] / found.deviation[k]),
        evidence=crowd.evidence(k, crowd.agreement, sign=-1) if severity != Severity.NONE else (),
    )


def _too_few(crowd: Crowd, found: Information, detector: Detector, k: int) -> Finding | None:
    n = int(crowd.others.rankings[k])
    if not ANNOTATOR_PROMPTS.is_shown(n):
        return too_few(detector, n, ANNOTATOR_PROMPTS)
    if not np.isfinite(found.mean[k]):
        return unknown(detector, "The crowd agrees no more than by chance: there is nothing to compare with.", n=n)
    return None


def _z_below(shrunk: Floats) -> Floats:
    """How many robust deviations of the crowd an annotator lies below its median; from 8 annotators on."""
    known = np.isfinite(shrunk)
    if known.sum() < MIN_CROWD:
        return np.full(len(shrunk), np.nan)
    middle = float(np.median(shrunk[known]))
    spread = MAD_TO_SD * float(np.median(np.abs(shrunk[known] - middle)))
    return (middle - shrunk) / spread if spread > 0 else np.full(len(shrunk), np.nan)
