"""How sure a number is: Wilson's interval, the bootstrap by prompt, the jackknife over annotators.

Two intervals, always labelled. «These annotators, new prompts» (bootstrap by prompt) compares weeks and guidelines
within a crowd; «new annotators too» (jackknife over annotators plus the variance between prompts) says what the next
crowd would do, and is several times wider. Treating votes as independent covers the truth in one case of five.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit

from annotate.quality.agreement import TieTreatment, answer_counts, pair_agreement_of
from annotate.quality.alpha import NO_VARIATION, cluster_coincidences, pair_alpha_of
from annotate.quality.arrays import Floats, Ints, sums, tally
from annotate.quality.estimate import Estimate, needs, undefined
from annotate.quality.ranking import PairVotes, pair_counts

MIN_PROMPTS = 30
MIN_ANNOTATORS = 5
MAX_CLUSTERS = 5_000
REPLICATES = 1_000
LEVEL = 0.95
ROUNDING = 1e-9  # sums of coincidences below this are subtraction noise


class PairMeasure(NamedTuple):
    """A number computed from a coincidence matrix over the answers of `ties`, and the least value it can take."""

    of: Callable[[Floats], Floats]
    ties: TieTreatment
    lowest: float


class BothIntervals(NamedTuple):
    """One value, twice: for new prompts to the same annotators, and for new prompts to new annotators."""

    same_annotators: Estimate
    new_annotators: Estimate


def agreement_with(ties: TieTreatment) -> PairMeasure:
    """Pair agreement as a measure for `both_intervals`."""
    return PairMeasure(partial(pair_agreement_of, ties=ties), ties, lowest=0.0)


def alpha_with(ties: TieTreatment) -> PairMeasure:
    """Pair alpha as a measure for `both_intervals`."""
    return PairMeasure(partial(pair_alpha_of, ties=ties), ties, lowest=-1.0)


def both_intervals(votes: PairVotes, *, measure: PairMeasure, seed: int) -> BothIntervals:
    """The measure over all votes with both intervals (95 %); n counts prompts that two annotators or more judged.

    The same votes, measure and seed give the same numbers. Below 30 such prompts both are «not enough data»; the
    second needs five annotators besides.
    """
    prompts = _by_prompt(votes, measure.ties)
    n_prompts = len(prompts)
    value = float(measure.of(prompts.sum(axis=0)))
    if (shortage := _shortage(votes, value, n_prompts)) is not None:
        return BothIntervals(shortage, shortage)
    replicates = measure.of(bootstrap_sums(prompts, seed=seed))
    replicates = replicates[np.isfinite(replicates)]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(replicates, [tail, 1 - tail])
    estimate = Estimate(value, n=n_prompts, low=float(low), high=float(high))
    return BothIntervals(estimate, _new_annotators(votes, estimate, measure, prompt_variance=float(replicates.var())))


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


def bootstrap_sums(clusters: Floats, *, seed: int, replicates: int = REPLICATES) -> Floats:
    """Sums over clusters (P, ...) with Poisson(1) weights, one a replicate: a matrix product. (replicates, ...)

    More than 5,000 clusters are first added up in 5,000 groups at random, which leaves the variance as it is.
    """
    rng = np.random.default_rng(seed)
    cells = clusters.reshape(len(clusters), -1)
    if len(cells) > MAX_CLUSTERS:
        group = rng.permutation(len(cells)) % MAX_CLUSTERS
        cells = np.stack([sums(cell, by=group, n=MAX_CLUSTERS) for cell in cells.T], axis=1)
    weights = rng.poisson(1.0, size=(replicates, len(cells))).astype(np.float64)
    totals: Floats = weights @ cells
    return totals.reshape(replicates, *clusters.shape[1:])


def leave_one_annotator_out(votes: PairVotes, *, ties: TieTreatment) -> Floats:
    """The coincidence matrix of all votes but those of each annotator. (A, V, V)"""
    counts = answer_counts(pair_counts(votes))[:, ties.answers]
    column = np.full(3, -1)
    column[list(ties.answers)] = np.arange(len(ties.answers))
    answer = column[1 - votes.relation]  # +1, 0, -1 stand in columns 0, 1, 2
    counted = answer >= 0
    unit, annotator, answer = votes.unit[counted], votes.annotator[counted], answer[counted]
    before = counts[unit]
    after = before.copy()
    after[np.arange(len(unit)), answer] -= 1
    n_annotators = len(votes.annotator_ids)
    with_them = cluster_coincidences(before, cluster=annotator, n_clusters=n_annotators)
    without = cluster_coincidences(after, cluster=annotator, n_clusters=n_annotators)
    every = cluster_coincidences(counts, cluster=np.zeros(len(counts), dtype=np.int64), n_clusters=1)
    remaining: Floats = every - with_them + without
    remaining[np.abs(remaining) < ROUNDING] = 0.0
    return remaining


def _by_prompt(votes: PairVotes, ties: TieTreatment) -> Floats:
    """Coincidence matrices of the prompts that have a second opinion. (P, V, V)"""
    counts = answer_counts(pair_counts(votes))[:, ties.answers]
    units = votes.units
    prompts = cluster_coincidences(counts, cluster=units.prompt, n_clusters=len(units.prompt_ids))
    judged: Floats = prompts[prompts.sum(axis=(1, 2)) > 0]
    return judged


def _shortage(votes: PairVotes, value: float, n_prompts: int) -> Estimate | None:
    enough = needs(Estimate(0.0, n=n_prompts), at_least=MIN_PROMPTS, of="prompts with two annotators")
    if enough.value is None:
        return enough
    if np.isnan(value) or not votes.relation.any():
        return undefined(NO_VARIATION, n=n_prompts)
    return None


def _new_annotators(votes: PairVotes, estimate: Estimate, measure: PairMeasure, *, prompt_variance: float) -> Estimate:
    """The estimate with the wider interval: jackknife variance over annotators plus variance between prompts."""
    values = measure.of(leave_one_annotator_out(votes, ties=measure.ties)[_annotators_compared(votes)])
    m = len(values)
    if m < MIN_ANNOTATORS:
        reason = f"Not enough data: {m} annotators judged pairs that others judged too, shown from {MIN_ANNOTATORS}."
        return undefined(reason, n=estimate.n)
    if np.isnan(values).any() or estimate.value is None:
        return undefined("One annotator carries this number alone: without them it is undefined.", n=estimate.n)
    variance = (m - 1) / m * ((values - values.mean()) ** 2).sum() + prompt_variance
    half = float(stdtrit(m - 1, (1 + LEVEL) / 2) * np.sqrt(variance))
    return estimate.within(max(measure.lowest, estimate.value - half), min(1.0, estimate.value + half))


def _annotators_compared(votes: PairVotes) -> Ints:
    """Codes of the annotators who judged a pair that somebody else judged too."""
    shared = tally(votes.unit, n=len(votes.units.i))[votes.unit] >= 2
    return np.unique(votes.annotator[shared])
