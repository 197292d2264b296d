"""Agreement on grades and on flags: always several figures side by side, because each misleads alone.

Grades: ordinal alpha leads; ICC says how reliable a mean of k would be. Flags are rare: agreement is high and kappas
low whatever people do, so positive and negative agreement, AC1, alpha and prevalence are shown together.
"""

from typing import NamedTuple

import numpy as np

from annotate.quality.alpha import ValueCounts, interval, nominal, ordinal
from annotate.quality.arrays import Flags, Floats
from annotate.quality.estimate import Estimate
from annotate.quality.evidence import Answers, counts_of, evidence
from annotate.quality.intervals import BothIntervals
from annotate.quality.measures import agreement_on, gwet_with, icc_with, krippendorff_with
from annotate.quality.minimum import PROJECT
from annotate.quality.shares import clustered_shares, share_estimate
from annotate.quality.slices import figures


class GradeAgreement(NamedTuple):
    """`alpha` (ordinal) is the headline; `icc_mean` is the reliability of the mean of `raters` grades."""

    alpha: BothIntervals
    alpha_interval: BothIntervals
    icc: BothIntervals
    icc_mean: BothIntervals
    raters: int


class FlagAgreement(NamedTuple):
    """Of those who flagged, how many others did (`positive`), of those who did not (`negative`); beyond chance (`ac1`,
    `alpha`); and the share of all answers that flag (`prevalence`, n counts answers)."""

    positive: BothIntervals
    negative: BothIntervals
    ac1: BothIntervals
    alpha: BothIntervals
    prevalence: Estimate


class UnitSpread(NamedTuple):
    """How far the grades of each unit lie apart; NaN where there is one or none. (U,) each

    `disagreement` is the unit's own observed ordinal disagreement over that of all units: 1 is usual.
    """

    mean: Floats
    variance: Floats
    range: Floats
    disagreement: Floats


def grade_agreement(answers: Answers, *, seed: int) -> GradeAgreement:
    """Agreement on grades; the mean is of as many grades as a unit with two or more has, rounded."""
    n = counts_of(answers).sum(axis=1)
    raters = round(float(n[n >= 2].mean())) if (n >= 2).any() else 2
    measures = (
        krippendorff_with(ordinal, name="ordinal"),
        krippendorff_with(interval, name="interval"),
        icc_with(),
        icc_with(raters),
    )
    alpha, alpha_interval, icc, icc_mean = figures([evidence(answers, measure) for measure in measures], seed=seed)
    return GradeAgreement(alpha, alpha_interval, icc, icc_mean, raters)


def flag_agreement(answers: Answers, *, seed: int) -> FlagAgreement:
    """Agreement on one flag; `answers.values` are 0 (not flagged) and 1. Raises ValueError for another scale."""
    if answers.values.tolist() != [0.0, 1.0]:
        raise ValueError(f"A flag is 0 or 1; got the scale {answers.values.tolist()}.")
    measures = (
        agreement_on(1),
        agreement_on(0),
        gwet_with(),
        krippendorff_with(nominal, name="nominal"),
    )
    positive, negative, ac1, alpha = figures([evidence(answers, measure) for measure in measures], seed=seed)
    return FlagAgreement(positive, negative, ac1, alpha, _prevalence(answers))


def unit_spread(table: ValueCounts) -> UnitSpread:
    """Mean, variance, range and disagreement of each unit's grades.

    >>> unit_spread(ValueCounts(np.array([[1.0, 0.0, 1.0]]), np.array([1.0, 2.0, 3.0]))).variance
    array([2.])
    """
    counts, values = table
    n = counts.sum(axis=1)
    rated = n >= 2
    mean = _divide(counts @ values, n, where=n >= 1)
    variance = _divide(counts @ values**2 - n * np.nan_to_num(mean) ** 2, n - 1, where=rated)
    given = counts > 0
    last = len(values) - 1 - np.argmax(given[:, ::-1], axis=1) if len(values) else np.zeros(0, dtype=np.int64)
    width = values[last] - values[np.argmax(given, axis=1)] if len(values) else n
    distances = ordinal(values, (counts[rated]).sum(axis=0))
    own = _divide(((counts @ distances) * counts).sum(axis=1), n - 1, where=rated)
    usual = float(np.nansum(own)) / max(float(n[rated].sum()), 1.0)
    relative = _divide(own, n * usual, where=rated & (usual > 0))
    return UnitSpread(mean, variance, np.where(rated, width, np.nan), relative)


def _prevalence(answers: Answers) -> Estimate:
    everybody = np.zeros(len(answers.unit), dtype=np.int64)
    flagged = (answers.answer == 1).astype(np.float64)
    shares = clustered_shares(flagged, group=everybody, cluster=answers.prompt, n_groups=1)
    return share_estimate(shares, 0, min_votes=PROJECT.shown, min_clusters=PROJECT.shown, of="answers")


def _divide(numerator: Floats, denominator: Floats, *, where: Flags) -> Floats:
    quotient: Floats = np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=where)
    return quotient
