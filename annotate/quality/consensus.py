"""What the annotators say together: for each pair the probability that i is better, and how much each annotator tells.

The model is margin_model.py; how sure the votes may make is checked on held-out rankings (temperature.py). A single
vote never makes q 1.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from annotate.quality.annotator_curves import AnnotatorFit, annotator_fit, reliability_of
from annotate.quality.arrays import Floats, Ints, sums, tally
from annotate.quality.estimate import Estimate
from annotate.quality.margin_model import (
    Curves,
    Evidence,
    Parameters,
    Reals,
    Round,
    better,
    evidence,
    fit_model,
    log_chances,
    log_likelihood,
    margins_given,
    normalised,
    of_pairs,
    start,
    without,
)
from annotate.quality.pair_design import nothing_known
from annotate.quality.ranking import PairUnits, PairVotes
from annotate.quality.temperature import held_out_votes, temperature_of
from annotate.quality.vote_weights import vote_weights

WARMING_PAIRS = 40_000
NEVER_SURE = 1e-6
LEAST_MEAN_RELIABILITY = 0.2
LEAST_VOTES_TO_ALARM = 200


class Consensus(NamedTuple):
    """The fitted model. Columns have one row for each judged pair, in the order of `units`.

    `q_post`: P(i is better) of all that is known; `q_votes`: the same without what was known beforehand of the pair's
    systems and style, equal to q_post where nothing was; 1/2 where nobody knows. `p_tie`: chance that a further
    annotator calls it a tie; `n_eff`: how many equally good annotators the votes are worth, by their reliability.
    `coefficients`: of the columns of the design, in units of margin. `temperature` is None with a reason where held-out
    votes did not suffice: then 1 was used. `alarm` is a sentence where the crowd as a whole tells next to nothing, so
    that better and worse may have changed places; empty otherwise.
    """

    units: PairUnits
    q_post: Floats  # (U,)
    q_votes: Floats  # (U,)
    p_tie: Floats  # (U,)
    n_votes: Ints  # (U,)
    n_eff: Floats  # (U,)
    annotators: AnnotatorFit
    coefficients: Floats  # (F,)
    temperature: Estimate
    alarm: str

    @property
    def q(self) -> Floats:
        """The label to train on: with all that is known. (U,)"""
        return self.q_post


def fit(votes: PairVotes, *, design: csr_matrix | None = None, seed: int = 0) -> Consensus:
    """Fit the joint model; `design` (pair_design.py) says what is known of the pairs beforehand.

    The same votes, design and seed give the same numbers; the seed draws the held-out rankings. Alone, one vote gives
    q = 0.68; the votes of three annotators who agree give 0.92.
    """
    design = nothing_known(len(votes.units.i)) if design is None else design
    if design.shape[0] != len(votes.units.i):
        raise ValueError(f"`design` has {design.shape[0]} rows; expected one for each of {len(votes.units.i)} pairs.")
    weights, held_out = vote_weights(votes), held_out_votes(votes, seed=seed)
    known = evidence(votes, weights=weights, design=design)
    others = without(known, votes, weights=weights, left_out=held_out)
    state = fit_model(others, start=_warm(others, start(known.n_annotators, design.shape[1]), seed=seed))
    temperature = temperature_of(votes, held_out, others=others, fitted=state.parameters)
    if held_out.any():
        state = fit_model(known, start=state.parameters)
    return _read(votes, known, state, weights=weights, temperature=temperature)


def _read(votes: PairVotes, known: Evidence, state: Round, *, weights: Floats, temperature: Estimate) -> Consensus:
    curves, population = state.parameters.curves, _population(state.margins)
    margins, q_votes = _tempered(known, state, temperature.value or 1.0, population)
    annotators = annotator_fit(votes, known, state, weights=weights, population=population)
    return Consensus(
        units=votes.units,
        q_post=better(margins).clip(NEVER_SURE, 1 - NEVER_SURE),
        q_votes=q_votes.clip(NEVER_SURE, 1 - NEVER_SURE),
        p_tie=(margins @ _crowd_tie(votes, curves).astype(margins.dtype)).astype(np.float64),
        n_votes=tally(votes.unit, n=len(votes.units.i)),
        n_eff=_effective_votes(votes, reliability_of(curves, population)),
        annotators=annotators,
        coefficients=state.parameters.coefficients,
        temperature=temperature,
        alarm=_alarm(annotators),
    )


def _warm(known: Evidence, begin: Parameters, *, seed: int) -> Parameters:
    """Where to start from: of a large project what a part of its pairs at random says, which is near the end."""
    n_pairs = known.table.shape[0]
    if n_pairs <= 2 * WARMING_PAIRS:
        return begin
    part = np.sort(np.random.default_rng(seed).choice(n_pairs, WARMING_PAIRS, replace=False))
    return fit_model(of_pairs(known, part), start=begin).parameters


def _tempered(known: Evidence, state: Round, temperature: float, population: Floats) -> tuple[Reals, Floats]:
    """The margins by all that is known, and P(i is better) where every pair is a pair like any other."""
    parameters, margins = state.parameters, state.margins
    if temperature != 1.0:
        margins = margins_given(known, parameters, temperature=temperature)
    if not len(parameters.coefficients):
        return margins, better(margins)
    untilted = parameters._replace(coefficients=np.zeros_like(parameters.coefficients))
    of_any_pair = np.log(np.maximum(population, np.finfo(np.float32).tiny))
    return margins, better(normalised(log_likelihood(known, untilted, temperature=temperature), of_any_pair))


def _population(margins: Reals) -> Floats:
    """The margins of the project's pairs, turned both ways: which completion is i means nothing. (nodes,)"""
    mean = (margins.sum(axis=0, dtype=np.float64) + 1e-9) / max(len(margins), 1)
    both: Floats = (mean + mean[::-1]) / (2 * mean.sum())
    return both


def _crowd_tie(votes: PairVotes, curves: Curves) -> Floats:
    """P(tie) of the crowd at each margin, annotators weighed by their votes. (nodes,)"""
    volume = tally(votes.annotator, n=len(votes.annotator_ids))
    tie = np.exp(log_chances(curves)[1])  # (A, nodes)
    chance: Floats = volume @ (tie + tie[:, ::-1]) / (2 * max(volume.sum(), 1))  # of both orientations
    return chance


def _effective_votes(votes: PairVotes, reliability: Floats) -> Floats:
    n_units = len(votes.units.i)
    weight = np.maximum(reliability, 0.0)[votes.annotator]
    total, squared = (sums(column, by=votes.unit, n=n_units) for column in (weight, weight**2))
    effective: Floats = np.divide(total**2, squared, out=np.zeros(n_units), where=squared > 0)
    return effective


def _alarm(annotators: AnnotatorFit) -> str:
    """Why the orientation of the truth itself is in doubt: it rests on most annotators being right."""
    total = int(annotators.votes.sum())
    if total < LEAST_VOTES_TO_ALARM:
        return ""
    mean = float(annotators.reliability @ annotators.votes) / total
    if mean >= LEAST_MEAN_RELIABILITY:
        return ""
    return (
        f"The annotators' reliability is {mean:.2f} on average, under {LEAST_MEAN_RELIABILITY}: they tell so little "
        "together that better and worse may be mistaken for each other. Check the guidelines and the gold first."
    )
