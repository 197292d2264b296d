"""How reliable each annotator is and how far the first place pulls them, from the fitted joint model, with errors.

Errors are those of slope and bias (sandwich, clusters = rankings) carried over to the two rates; the pseudo-votes count
as information, so an annotator of whom nothing is known has the error of the prior and no other.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Flags, Floats, Ints, sums, tally
from annotate.quality.estimate import Estimate
from annotate.quality.margin_model import (
    IS_BETTER,
    N_NODES,
    NODES,
    Curves,
    Evidence,
    Reals,
    Round,
    answer_columns,
    log_chances,
    pseudo_votes,
    totals,
)
from annotate.quality.minimum import ANNOTATOR_PROMPTS, POSITION
from annotate.quality.ranking import PairVotes

CHUNK = 16_384
Z95 = 1.959963984540054
STEP = 1e-4
ANSWERS: Floats = np.array([1.0, 0.0, -1.0])[:, np.newaxis, np.newaxis]  # first, tie, second

Rate = Callable[[Curves, Floats], Floats]


class AnnotatorFit(NamedTuple):
    """What the model says of each annotator, in the order of `PairVotes.annotator_ids`; all (A,).

    `reliability` J = P(choose the first | it is better) - P(choose the first | the second is better): 1 always right, 0
    a clicker, below 0 contrary. `position_bias` = P(first) - P(second): 1 always the first shown, 0 none, -1 always the
    last. `_se` are standard errors. Both are shrunk: pseudo-votes of 3 right and 1 wrong stand on either side.
    `compared_prompts`: that others judged too; `placed_prompts`: with a known order of display.
    """

    annotator_ids: Ints
    votes: Ints
    reliability: Floats
    reliability_se: Floats
    position_bias: Floats
    position_bias_se: Floats
    compared_prompts: Ints
    placed_prompts: Ints

    def reliability_of(self, code: int) -> Estimate:
        """J of one annotator with its 95 % interval, from 10 prompts that others judged too; n counts those."""
        estimate = _estimate(self.reliability[code], self.reliability_se[code], n=int(self.compared_prompts[code]))
        return ANNOTATOR_PROMPTS.of_estimate(estimate)

    def position_bias_of(self, code: int) -> Estimate:
        """Position bias of one annotator with its 95 % interval, from 20 prompts with a known order of display."""
        estimate = _estimate(self.position_bias[code], self.position_bias_se[code], n=int(self.placed_prompts[code]))
        return POSITION.of_estimate(estimate)


def annotator_fit(
    votes: PairVotes, known: Evidence, state: Round, *, weights: Floats, population: Floats
) -> AnnotatorFit:
    """The annotators of a fitted model; `population` is the distribution of the project's pairs over the nodes."""
    curves, n_units = state.parameters.curves, len(votes.units.i)
    covariance = _covariance(votes, known, state, weights)
    shared = tally(votes.unit, n=n_units)[votes.unit] >= 2
    return AnnotatorFit(
        annotator_ids=votes.annotator_ids,
        votes=tally(votes.annotator, n=len(votes.annotator_ids)),
        reliability=reliability_of(curves, population),
        reliability_se=_error(reliability_of, curves, population, covariance),
        position_bias=position_bias_of(curves, population),
        position_bias_se=_error(position_bias_of, curves, population, covariance),
        compared_prompts=_prompts_of_each(votes, shared),
        placed_prompts=_prompts_of_each(votes, votes.i_first >= 0),
    )


def reliability_of(curves: Curves, population: Floats) -> Floats:
    """J of each annotator, -1..1: half the difference of their lean to the first between better and worse. (A,)"""
    toward = np.where(IS_BETTER, population, -population)
    difference: Floats = _lean(curves) @ toward
    return difference


def position_bias_of(curves: Curves, population: Floats) -> Floats:
    """P(first) - P(second) of each annotator over the project's pairs, -1..1. (A,)"""
    pull: Floats = _lean(curves) @ population
    return pull


def _lean(curves: Curves) -> Floats:
    first, _, second = np.exp(log_chances(curves))
    difference: Floats = first - second
    return difference


def _error(rate: Rate, curves: Curves, population: Floats, covariance: Floats) -> Floats:
    """Standard error of a rate of the curves by the delta method. (A,)"""
    here = rate(curves, population)
    by_slope = rate(curves._replace(slope=curves.slope + STEP), population) - here
    by_bias = rate(curves._replace(bias=curves.bias + STEP), population) - here
    gradient = np.stack([by_slope, by_bias], axis=-1) / STEP
    error: Floats = np.sqrt(np.einsum("ap,apq,aq->a", gradient, covariance, gradient))
    return error


def _covariance(votes: PairVotes, known: Evidence, state: Round, weights: Floats) -> Floats:
    """Of slope and bias of each annotator: A^-1 B A^-1 with A the observed information and B the squared scores of
    their rankings, the prior's information counted in both. (A, 2, 2)

    Observed is complete information less what is missing because the margins are not known (Louis 1982).
    """
    first, _, second = np.exp(log_chances(state.parameters.curves))
    residual = (ANSWERS - (first - second)) / 2  # the score in the bias; times the margin, in the slope. (3, A, nodes)
    spread = (first + second - (first - second) ** 2) / 4
    (expected, _), n = totals(known, state.margins), len(votes.annotator_ids)
    prior = _moments(pseudo_votes(known).sum(axis=0) * spread)
    scores = _scores(votes, state.margins, residual, weights)
    explained = _squares(scores, votes.annotator, n)
    missing = _moments((expected * residual**2).sum(axis=0)) - explained
    observed = _at_least(prior, _moments(expected.sum(axis=0) * spread) - missing + prior)
    clustered = explained if len(votes.ranking_ids) == len(scores) else _squares(*_by_ranking(votes, scores), n)
    inverse = np.linalg.inv(observed)
    covariance: Floats = inverse @ (clustered + prior) @ inverse
    return covariance


def _scores(votes: PairVotes, margins: Reals, residual: Floats, weights: Floats) -> Floats:
    """Each vote's mean score in slope and bias over the margins of its pair. (V, 2)"""
    table = np.concatenate([residual, residual[:, :, ::-1]]).reshape(-1, N_NODES).astype(margins.dtype)
    i_first = _mean_scores(votes, margins, table)
    unknown = votes.i_first < 0
    if unknown.any():
        j_first = _mean_scores(votes._replace(i_first=np.where(unknown, 0, votes.i_first)), margins, table)
        i_first = (i_first + j_first) / 2
    i_first *= weights[:, np.newaxis]
    return i_first


def _by_ranking(votes: PairVotes, scores: Floats) -> tuple[Floats, Ints]:
    """The scores of each ranking's votes together, (R, 2), and whose it is (R,)."""
    annotator_of = np.zeros(len(votes.ranking_ids), dtype=np.int64)
    annotator_of[votes.ranking] = votes.annotator
    both = [sums(score, by=votes.ranking, n=len(votes.ranking_ids)) for score in scores.T]
    return np.stack(both, axis=1), annotator_of


def _mean_scores(votes: PairVotes, margins: Reals, table: Reals) -> Floats:
    powers = np.stack([NODES, np.ones(N_NODES)], axis=1).astype(margins.dtype)
    column, scores = answer_columns(votes), np.empty((len(votes.unit), 2))
    for begin in range(0, len(column), CHUNK):
        part = slice(begin, begin + CHUNK)
        scores[part] = (margins[votes.unit[part]] * table[column[part]]) @ powers
    scores[votes.i_first == 0, 0] *= -1  # there the margin toward the first is the other way round
    return scores


def _moments(information: Floats) -> Floats:
    """Information (A, nodes) or (nodes,) on slope and bias. (A, 2, 2)"""
    slope, cross, bias = (np.atleast_2d(information) @ NODES**power for power in (2, 1, 0))
    return np.stack([slope, cross, cross, bias], axis=-1).reshape(-1, 2, 2)


def _squares(scores: Floats, group: Ints, n: int) -> Floats:
    """Sum of outer products of the scores (n, 2) of each group. (groups, 2, 2)"""
    slope, bias = scores.T
    cells = [sums(one * other, by=group, n=n) for one, other in ((slope, slope), (slope, bias), (bias, bias))]
    return np.stack([cells[0], cells[1], cells[1], cells[2]], axis=-1).reshape(-1, 2, 2)


def _at_least(least: Floats, information: Floats) -> Floats:
    """The information where it exceeds the least in every direction; elsewhere raised to it."""
    root = np.linalg.cholesky(least)
    inverse = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(inverse @ information @ inverse.swapaxes(-1, -2))
    raised = (vectors * np.maximum(values, 1.0)[..., np.newaxis, :]) @ vectors.swapaxes(-1, -2)
    result: Floats = root @ raised @ root.swapaxes(-1, -2)
    return result


def _prompts_of_each(votes: PairVotes, counted: Flags) -> Ints:
    n_prompts = max(len(votes.units.prompt_ids), 1)
    seen = votes.annotator[counted] * n_prompts + votes.prompt[counted]
    seen.sort()  # numpy.unique takes ten times as long
    return tally(seen[np.diff(seen, prepend=-1) > 0] // n_prompts, n=len(votes.annotator_ids))


def _estimate(value: float, error: float, *, n: int) -> Estimate:
    half = Z95 * float(error)
    return Estimate(float(value), n=n, low=max(-1.0, float(value) - half), high=min(1.0, float(value) + half))
