"""Many annotators tested at once: against the crowd's own spread, and corrected for their number. NaN is «no test»."""

from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, ndtr

from annotate.quality.arrays import Floats, Ints

MIN_CROWD = 8
MAD_TO_SD = 1.4826  # of a normal distribution
NORMAL_95 = 1.959964


class Spread(NamedTuple):
    """The middle of a crowd, and the standard deviation between its members beyond chance. NaN where too few."""

    centre: float
    tau: float


def benjamini_hochberg(p: Floats) -> Floats:
    """q-values: the least false discovery rate at which each test would be reported. (n,)

    Benjamini and Hochberg, J. R. Stat. Soc. B 57 (1995), 289-300.

    >>> benjamini_hochberg(np.array([0.01, 0.02, np.nan, 0.5])).tolist()
    [0.03, 0.03, nan, 0.5]
    """
    tested = np.flatnonzero(np.isfinite(p))
    worst_first = tested[np.argsort(-p[tested], kind="stable")]
    raised = p[worst_first] * len(tested) / np.arange(len(tested), 0, -1)
    q = np.full(len(p), np.nan)
    q[worst_first] = np.minimum(np.minimum.accumulate(raised), 1.0)
    return q


def fisher(p: Floats) -> tuple[Floats, Floats]:
    """Independent p-values combined, after each: -2 sum log p, and its p-value by chi-squared with 2n degrees. (n,)

    >>> fisher(np.array([0.1, 0.1]))[1].round(4).tolist()
    [0.1, 0.0561]
    """
    total: Floats = np.cumsum(-2 * np.log(p))
    return total, chdtrc(2 * np.arange(1, len(p) + 1), total)


def upper_tail(z: Floats) -> Floats:
    """P(a standard normal is at least z)."""
    p: Floats = ndtr(-z)
    return p


def two_tails(z: Floats) -> Floats:
    """P(a standard normal is at least |z| from 0)."""
    p: Floats = 2 * ndtr(-np.abs(z))
    return p


def spread_of(values: Floats, errors: Floats) -> Spread:
    """The crowd's median and its robust spread without the sampling error; from 8 annotators on."""
    known = np.isfinite(values) & np.isfinite(errors)
    if known.sum() < MIN_CROWD:
        return Spread(np.nan, np.nan)
    centre = float(np.median(values[known]))
    total = MAD_TO_SD * float(np.median(np.abs(values[known] - centre)))
    between = total**2 - float(np.median(errors[known] ** 2))
    return Spread(centre, float(np.sqrt(max(between, 0.0))))


def z_against_crowd(values: Floats, errors: Floats) -> Floats:
    """How far each annotator lies above the crowd's median, in standard deviations of an honest one. (n,)

    The scale is the crowd's own spread and the annotator's own error together: to differ is human.
    """
    spread = spread_of(values, errors)
    scale = np.sqrt(spread.tau**2 + errors**2)
    return divided(values - spread.centre, scale)


def divided(numerator: Floats, denominator: Floats | Ints) -> Floats:
    """NaN where the denominator is not above zero."""
    quotient: Floats = np.divide(
        numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=np.asarray(denominator) > 0
    )
    return quotient


def number(value: float) -> float | None:
    """A float for a page: None where it is NaN."""
    return float(value) if np.isfinite(value) else None
