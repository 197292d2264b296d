"""How sure a number is: the bootstrap by prompt, the jackknife over annotators, and intervals of a proportion.

Two intervals, always labelled. «These annotators, new prompts» (bootstrap by prompt) compares weeks and guidelines
within a crowd; «new annotators too» (jackknife over annotators plus the variance between prompts) says what the next
crowd would do, and is several times wider. Treating votes as independent covers the truth in one case of five.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import betaincinv, ndtri, stdtrit

from annotate.quality.alpha import NO_VARIATION
from annotate.quality.arrays import Floats, Ints
from annotate.quality.estimate import Estimate, needs, undefined
from annotate.quality.evidence import Answers, Evidence, Measure, answers_of, evidence
from annotate.quality.measures import agreement_with, alpha_with
from annotate.quality.minimum import NEW_CROWD, PROJECT, Minimum
from annotate.quality.ranking import PairVotes
from annotate.quality.resampling import MAX_CLUSTERS, REPLICATES, Resampling, bootstrap_sums, resampling

__all__ = [
    "LEVEL",
    "MAX_CLUSTERS",
    "REPLICATES",
    "BothIntervals",
    "agreement_with",
    "alpha_with",
    "both_intervals",
    "bootstrap_sums",
    "clopper_pearson",
    "interval_for_new_annotators",
    "intervals_of",
    "jackknife_variance",
    "wilson",
]

LEVEL = 0.95


class BothIntervals(NamedTuple):
    """One value, twice: for new prompts to the same annotators, and for new prompts to new annotators."""

    same_annotators: Estimate
    new_annotators: Estimate


def both_intervals(
    answers: PairVotes | Answers, *, measure: Measure, seed: int, minimum: Minimum = PROJECT
) -> BothIntervals:
    """The measure over all answers with both intervals (95 %); n counts prompts that two annotators or more judged.

    The same answers, measure and seed give the same numbers. Below the minimum both are «not enough data»; the second
    needs five annotators besides.
    """
    rows = answers_of(answers) if isinstance(answers, PairVotes) else answers
    found = evidence(rows, measure)
    judged = found.has_second_opinion
    return intervals_of(found, prompts=judged, by=resampling(len(judged), seed=seed), minimum=minimum)


def intervals_of(found: Evidence, *, prompts: Ints, by: Resampling, minimum: Minimum) -> BothIntervals:
    """Both intervals of what was found on these prompts (codes), by the bootstrap weights of `by`, one each."""
    n_prompts, value = len(found.has_second_opinion), found.value
    if (shortage := _shortage(found, value, n_prompts, minimum)) is not None:
        return BothIntervals(shortage, shortage)
    replicates = found.of(by.sums(found.prompts[prompts]))
    replicates = replicates[np.isfinite(replicates)]
    low, high = np.quantile(replicates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    estimate = Estimate(value, n=n_prompts, low=float(low), high=float(high))
    new = interval_for_new_annotators(
        estimate,
        found.of(found.without),
        prompt_variance=float(replicates.var()),
        within=(found.lowest, found.highest),
    )
    return BothIntervals(estimate, new)


def interval_for_new_annotators(
    estimate: Estimate, without: Floats, *, prompt_variance: float, within: tuple[float, float]
) -> Estimate:
    """The estimate with the wider interval, from its values without each annotator: their jackknife variance plus the
    variance between prompts, Student's t with annotators - 1 degrees of freedom."""
    m = len(without)
    if not NEW_CROWD.is_shown(m):
        reason = f"Not enough data: {m} {NEW_CROWD.of}, shown from {NEW_CROWD.shown}."
        return undefined(reason, n=estimate.n)
    if np.isnan(without).any() or estimate.value is None:
        return undefined("One annotator carries this number alone: without them it is undefined.", n=estimate.n)
    half = float(stdtrit(m - 1, (1 + LEVEL) / 2) * np.sqrt(jackknife_variance(without) + prompt_variance))
    return estimate.within(max(within[0], estimate.value - half), min(within[1], estimate.value + half))


def jackknife_variance(values: Floats) -> float:
    """The variance of a number from its values without each one of m: (m - 1) / m times their squared deviations.

    >>> jackknife_variance(np.array([2.5, 2.0, 1.5]))  # means without 1, 2, 3: the variance of a mean is 1/3
    0.3333333333333333
    """
    m = len(values)
    return float((m - 1) / m * ((values - values.mean()) ** 2).sum())


def wilson(successes: float, n: float, *, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's interval of a proportion; both may be fractional. (0, 1) when n is 0.

    >>> tuple(round(bound, 4) for bound in wilson(81, 263))  # Newcombe 1998, table I
    (0.2553, 0.3662)
    """
    if n <= 0:
        return 0.0, 1.0
    z = float(ndtri((1 + level) / 2))
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(max(share * (1 - share), 0.0) / n + z * z / (4 * n * n)))
    return max(0.0, centre - half), min(1.0, centre + half)


def clopper_pearson(successes: int, n: int, *, level: float = LEVEL) -> tuple[float, float]:
    """The exact interval of a proportion, never too narrow. (0, 1) when n is 0.

    >>> tuple(round(bound, 4) for bound in clopper_pearson(0, 20))
    (0.0, 0.1684)
    """
    low = betaincinv(successes, n - successes + 1, (1 - level) / 2) if successes > 0 else 0.0
    high = betaincinv(successes + 1, n - successes, (1 + level) / 2) if successes < n else 1.0
    return float(low), float(high)


def _shortage(found: Evidence, value: float, n_prompts: int, minimum: Minimum) -> Estimate | None:
    enough = needs(Estimate(0.0, n=n_prompts), at_least=minimum.shown, of=minimum.of)
    if enough.value is None:
        return enough
    if np.isnan(value) or not found.varies:
        return undefined(NO_VARIATION, n=n_prompts)
    return None
