"""The joint model: what each annotator's votes tell, in display orientation, and what was to be expected beforehand.

Each pair has a margin d, positive where i is better. Before any vote d ~ N(x · coefficients, sigma²), x the row of the
pair in a design matrix (pair_design.py: +1 for the system of i, -1 for that of j, differences of style). Annotator a,
shown d toward the first of the two, answers first : tie : second = exp(u) : exp(t_a) : exp(-u) with
u = (slope_a d + bias_a) / 2 (Davidson 1970), so a pull to the first place is theirs and not the pair's. It is Dawid and
Skene's model (1979) with a graded truth: with two classes votes on a hard pair err together and posteriors come out too
sure. The margin is summed over nodes that lie closest around zero, where it matters. Fitted by EM.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack

from annotate.quality.arrays import Flags, Floats, Ints
from annotate.quality.ranking import PairVotes

N_NODES = 8
_STEPS: Floats = 2.2 * (2 * np.arange(N_NODES) + 1 - N_NODES) / N_NODES
NODES: Floats = np.sinh(_STEPS)  # -3.36 -1.85 -0.92 -0.28 0.28 0.92 1.85 3.36
LOG_SPACING: Floats = np.log(np.cosh(_STEPS))
IS_BETTER: Flags = NODES > 0

MAX_ROUNDS = 40
TOLERANCE, LARGE_TOLERANCE = 2e-4, 2e-3
PSEUDO_RIGHT, PSEUDO_WRONG = 3.0, 1.0  # votes added to each annotator on either side: Beta(3, 1) and Beta(1, 3)
PSEUDO_SPREAD = 1.2  # of the margins on which they were cast
SIGMA, PSEUDO_PAIRS = 1.5, 4.0  # pairs added with squared margin SIGMA²: a handful of pairs says nothing of sigma
LEAST_SIGMA, MOST_SIGMA = 0.8, 3.0  # a narrower prior would fall between two nodes; what is wider lies beyond them
RIDGE = 1.0
LARGE = 200_000  # votes from which single precision does
BLOCK = 4_096
SAFE_EXPONENT = 80.0  # exp of more, or of less than minus as much, is nothing that single precision can divide

Reals = npt.NDArray[np.float32 | np.float64]


class Evidence(NamedTuple):
    """What was answered on each pair and what is known of it beforehand, one row a pair, side by side.

    `table`: weights of votes in columns (i first | j first) x (first, tie, second) x annotator, then the design
    (pair_design.py) of F columns. (U, 6 A + F) `products`: the design's columns with each other (F, F).
    """

    table: csr_matrix
    n_annotators: int
    products: Floats


class Curves(NamedTuple):
    """How each annotator answers: see the module's docstring. (A,) each."""

    slope: Floats
    bias: Floats
    tie: Floats


class Parameters(NamedTuple):
    """The curves, and what margin to expect: coefficients (F,) of the design and the spread around them."""

    curves: Curves
    coefficients: Floats
    sigma: float


class Round(NamedTuple):
    """The state after an E-step: the parameters it used and each pair's distribution over the nodes (U, nodes)."""

    parameters: Parameters
    margins: Reals


def evidence(votes: PairVotes, *, weights: Floats, design: csr_matrix) -> Evidence:
    """All votes and the design; a vote whose display order is unknown counts half in either orientation."""
    answers = _answers(votes, weights, np.arange(len(votes.unit)))
    whole = hstack([answers, design.astype(answers.dtype)], format="csr") if design.shape[1] else answers
    return Evidence(whole, len(votes.annotator_ids), _products(design))


def of_pairs(known: Evidence, pairs: Ints) -> Evidence:
    """The evidence on some pairs only."""
    table = known.table[pairs]
    return known._replace(table=table, products=_products(table[:, 6 * known.n_annotators :]))


def without(known: Evidence, votes: PairVotes, *, weights: Floats, left_out: Flags) -> Evidence:
    """The evidence that is left without some of the votes."""
    if not left_out.any():
        return known
    answers = _answers(votes, weights, np.flatnonzero(left_out))
    answers.resize(known.table.shape)
    return known._replace(table=known.table - answers)


def answer_columns(votes: PairVotes) -> Ints:
    """The column of `Evidence.answers` that each vote falls into, i taken as the first where that is unknown. (V,)"""
    answer = np.where(votes.i_first == 0, np.int8(4) + votes.relation, np.int8(1) - votes.relation)
    return answer.astype(np.int64) * len(votes.annotator_ids) + votes.annotator


def start(n_annotators: int, n_coefficients: int) -> Parameters:
    """Everybody alike, fairly careful, without a pull to a place; nothing expected of any pair."""
    curves = Curves(np.full(n_annotators, 1.2), np.zeros(n_annotators), np.full(n_annotators, -1.0))
    return Parameters(curves, np.zeros(n_coefficients), SIGMA)


def fit_model(known: Evidence, *, start: Parameters) -> Round:
    """Rounds of EM until pairs' probabilities move by less than 2e-4 on average (a large project: 2e-3); 40 at most."""
    tolerance = LARGE_TOLERANCE if known.table.dtype == np.float32 else TOLERANCE
    previous = np.full(known.table.shape[0], np.inf)
    for number, state in enumerate(em_rounds(known, start=start), start=1):
        q = better(state.margins)
        if len(q) == 0 or np.abs(q - previous).mean() < tolerance or number == MAX_ROUNDS:
            return state
        previous = q
    raise AssertionError("em_rounds does not end")


def em_rounds(known: Evidence, *, start: Parameters) -> Iterator[Round]:
    """EM without end; the posterior density of the parameters never falls from one round to the next."""
    parameters, pseudo = start, pseudo_votes(known)
    while True:
        margins = margins_given(known, parameters)
        yield Round(parameters, margins)
        votes, leads = totals(known, margins)
        curves = _newton_step(parameters.curves, votes + pseudo[:, np.newaxis, :])
        parameters = Parameters(curves, *_expectations(known.products, leads @ NODES, margins))


def margins_given(known: Evidence, parameters: Parameters, *, temperature: float = 1.0) -> Reals:
    """Each pair's distribution over the nodes; below temperature 1 the votes weigh less. (U, nodes)"""
    return normalised(log_likelihood(known, parameters, temperature=temperature), log_prior(parameters.sigma))


def log_likelihood(known: Evidence, parameters: Parameters, *, temperature: float = 1.0) -> Reals:
    """log P(the votes on each pair | its margin), with the tilt that its design gives the prior. (U, nodes)"""
    chances = temperature * log_chances(parameters.curves)
    both = np.concatenate([chances, chances[:, :, ::-1]]).reshape(-1, N_NODES)  # j first: the margin is turned
    tilts = np.outer(parameters.coefficients / parameters.sigma**2, NODES)
    logs: Reals = known.table @ np.concatenate([both, tilts]).astype(known.table.dtype)
    return logs


def log_prior(sigma: float) -> Floats:
    """log of the prior's mass on each node where no design tilts it, up to a constant. (nodes,)"""
    mass: Floats = LOG_SPACING - NODES**2 / (2 * sigma**2)
    return mass


def log_chances(curves: Curves) -> Floats:
    """log P(first), log P(tie), log P(second) of each annotator at each node toward the first. (3, A, nodes)"""
    return log_chances_at(curves, NODES)


def log_chances_at(curves: Curves, margins: Floats) -> Floats:
    """The same at any margins (M,) toward the first. (3, A, M)"""
    toward = (curves.slope[:, np.newaxis] * margins + curves.bias[:, np.newaxis]) / 2
    scores = np.stack([toward, np.broadcast_to(curves.tie[:, np.newaxis], toward.shape), -toward])
    chances: Floats = scores - np.logaddexp.reduce(scores, axis=0)
    return chances


def better(margins: Reals) -> Floats:
    """P(i is better), the mass on positive margins. (U,)"""
    mass: Floats = (margins @ IS_BETTER.astype(margins.dtype)).astype(np.float64)
    return mass


def totals(known: Evidence, margins: Reals) -> tuple[Floats, Floats]:
    """Expected votes by answer, annotator and margin toward the first (3, A, nodes), and the design's (F, nodes)."""
    sums = (known.table.T @ margins).astype(np.float64)
    i_first, j_first = sums[: 6 * known.n_annotators].reshape(2, 3, -1, N_NODES)
    return i_first + j_first[:, :, ::-1], sums[6 * known.n_annotators :]


def normalised(logs: Reals, prior: Floats) -> Reals:
    """Log-likelihoods (U, nodes) with a log prior (nodes,) to distributions, in place; by blocks that fit a cache.

    Blocks meet arrays of their own shape only: numpy takes thrice as long where it repeats a row of eight or a column.
    """
    priors = np.tile(prior.astype(logs.dtype), (min(BLOCK, len(logs)), 1))
    ones = np.ones((N_NODES, N_NODES), dtype=logs.dtype)
    for begin in range(0, len(logs), BLOCK):
        block = logs[begin : begin + BLOCK]
        block += priors[: len(block)]
        if np.abs(block).max() > SAFE_EXPONENT:
            block -= block.max(axis=1)[:, np.newaxis]
        np.exp(block, out=block)
        block /= block @ ones
    return logs


def pseudo_votes(known: Evidence) -> Floats:
    """What every annotator is taken to have said before: 3 right and 1 wrong on either side, and ties like the crowd.

    (3, nodes)
    """
    said = np.asarray(known.table.sum(axis=0)).ravel()[: 6 * known.n_annotators].reshape(2, 3, -1).sum(axis=(0, 2))
    tie_rate = float(np.clip(said[1] / max(said.sum(), 1.0), 0.01, 0.5))
    first: Floats = np.where(IS_BETTER, PSEUDO_RIGHT, PSEUDO_WRONG)
    density = np.exp(log_prior(PSEUDO_SPREAD))
    share: Floats = density / density.sum()
    ties = np.full(N_NODES, tie_rate / (1 - tie_rate) * (PSEUDO_RIGHT + PSEUDO_WRONG))
    cast: Floats = np.stack([first, ties, first[::-1]]) * 2 * share
    return cast


def _answers(votes: PairVotes, weights: Floats, chosen: Ints) -> csr_matrix:
    """The chosen votes as columns of `Evidence.table`. (U, 6 A)"""
    unit, column, weight = votes.unit[chosen], answer_columns(votes)[chosen], weights[chosen]
    is_unknown = votes.i_first[chosen] < 0
    if is_unknown.any():
        weight = np.where(is_unknown, weight / 2, weight)
        j_first = answer_columns(votes._replace(i_first=np.zeros_like(votes.i_first)))[chosen]
        unit, weight = (np.concatenate([whole, whole[is_unknown]]) for whole in (unit, weight))
        column = np.concatenate([column, j_first[is_unknown]])
    precision = np.float32 if len(votes.unit) > LARGE else np.float64
    shape = (len(votes.units.i), 6 * len(votes.annotator_ids))
    return csr_matrix((weight.astype(precision), (unit, column)), shape=shape)


def _products(design: csr_matrix) -> Floats:
    products: Floats = (design.T @ design).toarray().astype(np.float64)
    return products


def _expectations(products: Floats, leads: Floats, margins: Reals) -> tuple[Floats, float]:
    """The coefficients by least squares on the pairs' mean margins, and the spread that is left."""
    coefficients: Floats = np.linalg.solve(products + RIDGE * np.eye(len(leads)), leads).astype(np.float64)
    mass: Floats = (np.ones(len(margins), dtype=margins.dtype) @ margins).astype(np.float64)
    squares = float(mass @ NODES**2)
    unexplained: Floats = products @ coefficients + RIDGE * coefficients - 2 * leads
    left = squares + float(coefficients @ unexplained)
    n = len(margins) + len(coefficients) + PSEUDO_PAIRS
    sigma = float(np.sqrt(max(left + PSEUDO_PAIRS * SIGMA**2, 0.0) / n))
    return coefficients, min(max(sigma, LEAST_SIGMA), MOST_SIGMA)


def _newton_step(curves: Curves, expected: Floats) -> Curves:
    """One Newton step on each annotator's three parameters; the likelihood is concave (an exponential family)."""
    first, tie, second = np.exp(log_chances(curves))
    votes = expected.sum(axis=0)  # (A, nodes)
    pull = (expected[0] - expected[2] - votes * (first - second)) / 2
    gradient = np.stack([(pull * NODES).sum(1), pull.sum(1), (expected[1] - votes * tie).sum(1)], axis=-1)
    spread = votes * (first + second - (first - second) ** 2) / 4
    tie_spread, cross = votes * tie * (1 - tie), -votes * (first - second) * tie / 2
    entries = [(spread * NODES**2), (spread * NODES), (cross * NODES), spread, cross, tie_spread]
    aa, ab, at, bb, bt, tt = (entry.sum(axis=1) for entry in entries)
    information = np.stack([aa, ab, at, ab, bb, bt, at, bt, tt], axis=-1).reshape(-1, 3, 3)
    step = np.linalg.solve(information, gradient[:, :, np.newaxis])[:, :, 0].clip(-1, 1)
    return Curves(curves.slope + step[:, 0], curves.bias + step[:, 1], curves.tie + step[:, 2])
