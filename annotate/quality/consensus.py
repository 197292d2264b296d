"""What the annotators say together: for each pair the probability that i is better, and how much each annotator tells.

The model is margin_model.py. Its soft labels are calibrated by construction; where there is enough data one
temperature, fitted on held-out rankings, checks that and corrects what is left. A single vote never makes q 1.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from annotate.quality.arrays import Flags, Floats, Ints, sums, tally
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.margin_model import (
    IS_BETTER,
    Curves,
    answer_table,
    better,
    fit_curves,
    log_chances,
    margins_given,
    starting_curves,
)
from annotate.quality.ranking import PairUnits, PairVotes

HELD_OUT_RATE = 0.1
MIN_HELD_OUT = 2_000
TEMPERATURES = (0.2, 1.5)
TEMPERATURE_SPREAD = 0.1  # of its logarithm around 0: where votes tell little, held-out votes alone are too noisy
MIN_PROMPTS = 20
NEVER_SURE = 1e-6


@dataclass(frozen=True, slots=True)
class AnnotatorQuality:
    """What the model says of one annotator; n of the estimates counts prompts.

    `reliability` J = P(choose the first | it is better) - P(choose the first | the second is better): 1 always right, 0
    a clicker, below 0 contrary. `position_bias`: 1 always the first shown, 0 none, -1 always the last.
    """

    annotator: int
    votes: int
    reliability: Estimate
    position_bias: Estimate


class Consensus(NamedTuple):
    """The fitted model. Columns have one row for each judged pair, in the order of `units`.

    `q`: P(i is better), 1/2 where nothing is known; `p_tie`: chance that a further annotator calls it a tie; `n_eff`:
    how many equally good annotators the votes are worth, by their reliability. `temperature` is None with a reason
    where held-out votes did not suffice: then 1 was used.
    """

    units: PairUnits
    q: Floats  # (U,)
    p_tie: Floats  # (U,)
    n_votes: Ints  # (U,)
    n_eff: Floats  # (U,)
    annotators: list[AnnotatorQuality]
    temperature: Estimate


def fit(votes: PairVotes, *, seed: int = 0) -> Consensus:
    """Fit the joint model. The same votes and seed give the same numbers; the seed draws the held-out rankings.

    Alone, one vote gives q = 0.66; the votes of three annotators who agree give 0.88.
    """
    table = answer_table(votes, counted=np.ones(len(votes.unit), dtype=np.bool_))
    start, temperature = _temperature(votes, _held_out(votes, seed=seed))
    state = fit_curves(table, start=start)
    margins = state.margins
    if temperature.value is not None:
        margins = margins_given(table, state.curves, temperature=temperature.value)
    return Consensus(
        units=votes.units,
        q=better(margins).clip(NEVER_SURE, 1 - NEVER_SURE),
        p_tie=margins @ _crowd_tie(votes, state.curves),
        n_votes=tally(votes.unit, n=len(votes.units.i)),
        n_eff=_effective_votes(votes, state.curves),
        annotators=_annotators(votes, state.curves),
        temperature=temperature,
    )


def reliability_of(curves: Curves) -> Floats:
    """J of each annotator, -1..1: half the difference of their lean to the first between better and worse. (A,)"""
    lean = _lean(curves)
    difference: Floats = (lean[:, IS_BETTER].mean(axis=1) - lean[:, ~IS_BETTER].mean(axis=1)) / 2
    return difference


def position_bias_of(curves: Curves) -> Floats:
    """P(first) - P(second) of each annotator over all pairs, -1..1. (A,)"""
    pull: Floats = _lean(curves).mean(axis=1)
    return pull


def _lean(curves: Curves) -> Floats:
    first, _, second = np.exp(log_chances(curves))
    difference: Floats = first - second
    return difference


def _crowd_tie(votes: PairVotes, curves: Curves) -> Floats:
    """P(tie) of the crowd at each margin, annotators weighed by their votes. (nodes,)"""
    volume = tally(votes.annotator, n=len(votes.annotator_ids))
    tie = np.exp(log_chances(curves)[1])  # (A, nodes)
    chance: Floats = volume @ (tie + tie[:, ::-1]) / (2 * max(volume.sum(), 1))  # of both orientations
    return chance


def _effective_votes(votes: PairVotes, curves: Curves) -> Floats:
    n_units = len(votes.units.i)
    weight = np.maximum(reliability_of(curves), 0.0)[votes.annotator]
    total, squared = (sums(column, by=votes.unit, n=n_units) for column in (weight, weight**2))
    effective: Floats = np.divide(total**2, squared, out=np.zeros(n_units), where=squared > 0)
    return effective


def _annotators(votes: PairVotes, curves: Curves) -> list[AnnotatorQuality]:
    n = len(votes.annotator_ids)
    shared = tally(votes.unit, n=len(votes.units.i))[votes.unit] >= 2
    shared_prompts = _prompts_of_each(votes, shared)
    placed_prompts = _prompts_of_each(votes, votes.i_first >= 0)
    volume = tally(votes.annotator, n=n)
    reliability, position_bias = reliability_of(curves), position_bias_of(curves)
    return [
        AnnotatorQuality(
            annotator=int(annotator),
            votes=int(volume[code]),
            reliability=_shown(reliability[code], int(shared_prompts[code]), "that others judged too"),
            position_bias=_shown(position_bias[code], int(placed_prompts[code]), "with a known order of display"),
        )
        for code, annotator in enumerate(votes.annotator_ids)
    ]


def _shown(value: float, n_prompts: int, which: str) -> Estimate:
    if n_prompts < MIN_PROMPTS:
        return undefined(f"Not enough data: {n_prompts} prompts {which}, shown from {MIN_PROMPTS}.", n=n_prompts)
    return Estimate(float(value), n=n_prompts)


def _prompts_of_each(votes: PairVotes, counted: Flags) -> Ints:
    n_prompts = max(len(votes.units.prompt_ids), 1)
    seen = np.unique(votes.annotator[counted] * n_prompts + votes.prompt[counted])
    return tally(seen // n_prompts, n=len(votes.annotator_ids))


def _held_out(votes: PairVotes, *, seed: int) -> Flags:
    """The votes of one ranking on a tenth of the comparisons that have two rankings or more. (V,)"""
    rng = np.random.default_rng(seed)
    n_comparisons, n_rankings = len(votes.units.comparison_ids), len(votes.ranking_ids)
    comparison_of = np.full(n_rankings, -1)
    comparison_of[votes.ranking] = votes.comparison
    shuffled = rng.permutation(np.flatnonzero(comparison_of >= 0))
    drawn = np.full(n_comparisons, -1)
    drawn[comparison_of[shuffled]] = shuffled  # the last of each comparison stays
    n_of = tally(comparison_of[shuffled], n=n_comparisons)
    chosen = (rng.random(n_comparisons) < HELD_OUT_RATE) & (n_of >= 2)
    is_held_out = np.zeros(n_rankings, dtype=np.bool_)
    is_held_out[drawn[chosen]] = True
    return is_held_out[votes.ranking]


def _temperature(votes: PairVotes, held_out: Flags) -> tuple[Curves, Estimate]:
    """The temperature at which the others' votes predict the held-out ones best, and curves to start the fit from."""
    n, start = int(held_out.sum()), starting_curves(len(votes.annotator_ids))
    if n < MIN_HELD_OUT:
        reason = f"Not enough data to check the calibration: {n} votes could be held out, needed {MIN_HELD_OUT}."
        return start, undefined(reason, n=n)
    state = fit_curves(answer_table(votes, counted=~held_out), start=start)
    others = np.log(np.maximum(state.margins[votes.unit[held_out]], np.finfo(np.float64).tiny))
    chances = np.exp(_chances_of_answers(votes, held_out, state.curves))

    def surprise(temperature: float) -> float:
        margins = np.exp(temperature * (others - others.max(axis=1, keepdims=True)))
        predicted = (margins * chances).sum(axis=1) / margins.sum(axis=1)
        doubt = np.log(temperature) ** 2 / (2 * TEMPERATURE_SPREAD**2)
        return float(doubt - np.log(predicted).sum())

    best = minimize_scalar(surprise, bounds=TEMPERATURES, method="bounded")
    return state.curves, Estimate(float(best.x), n=n)


def _chances_of_answers(votes: PairVotes, chosen: Flags, curves: Curves) -> Floats:
    """log P(the answer that was given) of each chosen vote at each margin of its pair. (votes, nodes)"""
    answer_i_first = 1 - votes.relation[chosen]
    chances = log_chances(curves)
    as_i_first = chances[answer_i_first, votes.annotator[chosen]]
    as_j_first = chances[2 - answer_i_first, votes.annotator[chosen]][:, ::-1]
    i_first = votes.i_first[chosen][:, np.newaxis]
    known = np.where(i_first == 1, as_i_first, as_j_first)
    return np.where(i_first < 0, (as_i_first + as_j_first) / 2, known)
