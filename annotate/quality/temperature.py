"""How sure votes may make: one temperature, by which the votes of the others predict held-out rankings best.

Votes on a hard pair err together and the pairs of one ranking are not independent, so a product of chances is too sure;
the held-out rankings tell by how much without any truth.
"""

from collections.abc import Callable

import numpy as np

from annotate.quality.arrays import Flags, Floats, tally
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.margin_model import (
    Curves,
    Evidence,
    Parameters,
    log_chances,
    margins_given,
    of_pairs,
)
from annotate.quality.ranking import PairVotes

HELD_OUT_RATE = 0.2
HELD_OUT_PAIRS = 30_000
MIN_HELD_OUT = 2_000
TEMPERATURES = (0.2, 1.5)
TEMPERATURE_SPREAD = 0.1  # of its logarithm around 0: where votes tell little, held-out votes alone are too noisy
GOLDEN = 0.6180339887498949


def held_out_votes(votes: PairVotes, *, seed: int) -> Flags:
    """The votes of one ranking on a fifth of the comparisons that have two or more, of 30,000 pairs at most. (V,)

    None where they would be fewer than 2,000: too few to learn a temperature from.
    """
    rng = np.random.default_rng(seed)
    n_comparisons = len(votes.units.comparison_ids)
    rate = min(HELD_OUT_RATE, HELD_OUT_PAIRS / max(len(votes.units.i), 1))
    is_drawn = rng.random(n_comparisons) < rate
    candidates = np.flatnonzero(is_drawn[votes.comparison])
    rankings, example = np.unique(votes.ranking[candidates], return_index=True)
    comparison = votes.comparison[candidates[example]]
    order = rng.permutation(len(rankings))
    last = np.full(n_comparisons, -1)
    last[comparison[order]] = order  # the last of each comparison stays
    chosen = rankings[last[(last >= 0) & (tally(comparison, n=n_comparisons) >= 2)]]
    held_out = candidates[np.isin(votes.ranking[candidates], chosen)]
    found = np.zeros(len(votes.unit), dtype=np.bool_)
    found[held_out] = len(held_out) >= MIN_HELD_OUT
    return found


def temperature_of(votes: PairVotes, held_out: Flags, *, others: Evidence, fitted: Parameters) -> Estimate:
    """The temperature at which the others' votes predict the held-out ones best; n counts those.

    `fitted` are parameters that have not seen them. None with a reason where nothing was held out.
    """
    n = int(held_out.sum())
    if not n:
        return undefined(f"Not enough data to check the calibration: fewer than {MIN_HELD_OUT} votes to hold out.", n=0)
    predicted = of_pairs(others, votes.unit[held_out])
    chances = _chances_of_answers(votes, held_out, fitted.curves)

    def surprise(log_temperature: float) -> float:
        margins = margins_given(predicted, fitted, temperature=float(np.exp(log_temperature)))
        doubt = log_temperature**2 / (2 * TEMPERATURE_SPREAD**2)
        return float(doubt - np.log((margins * chances).sum(axis=1)).sum())

    low, high = np.log(TEMPERATURES)
    return Estimate(float(np.exp(_lowest(surprise, low, high))), n=n)


def _chances_of_answers(votes: PairVotes, chosen: Flags, curves: Curves) -> Floats:
    """P(the answer that was given) of each chosen vote at each margin of its pair. (votes, nodes)"""
    answer_i_first, annotator = 1 - votes.relation[chosen], votes.annotator[chosen]
    chances = np.exp(log_chances(curves))
    as_i_first = chances[answer_i_first, annotator]
    as_j_first = chances[2 - answer_i_first, annotator][:, ::-1]
    i_first = votes.i_first[chosen][:, np.newaxis]
    known = np.where(i_first == 1, as_i_first, as_j_first)
    return np.where(i_first < 0, (as_i_first + as_j_first) / 2, known)


def _lowest(of: Callable[[float], float], low: float, high: float) -> float:
    """The argument of the least value between low and high, to half a hundredth, by golden section."""
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = of(left), of(right)
    while high - low > 5e-3:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = of(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = of(right)
    return (low + high) / 2
