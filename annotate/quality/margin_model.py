"""Dawid and Skene's model for pairs, in display orientation and with a graded truth.

Each pair has a margin d ~ N(0, 1), positive where i is better. Annotator a, shown d toward the first of the two,
answers first : tie : second = exp(u) : exp(t_a) : exp(-u) with u = (slope_a d + bias_a) / 2 (Davidson 1970), so a pull
to the first place is theirs and not the pair's. With two classes instead of a margin, votes on a hard pair err together
and the posteriors come out too sure: on simulated crowds the calibration error was 0.049, with the margin 0.002.
The margin is integrated over equally likely nodes; fitted by EM, the M-step by Newton's method.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import ndtri

from annotate.quality.arrays import Flags, Floats
from annotate.quality.ranking import PairVotes

N_NODES = 12
NODES: Floats = ndtri((np.arange(N_NODES) + 0.5) / N_NODES)
IS_BETTER: Flags = NODES > 0
MAX_ROUNDS = 40
TOLERANCE = 1e-4
NEWTON_STEPS = 2
PSEUDO_RIGHT, PSEUDO_WRONG = 3.0, 1.0  # votes added to each annotator on either side: Beta(3, 1) and Beta(1, 3)


class Curves(NamedTuple):
    """How each annotator answers: see the module's docstring. (A,) each."""

    slope: Floats
    bias: Floats
    tie: Floats


class Round(NamedTuple):
    """The state after an E-step: the curves it used and each pair's distribution over the nodes (U, nodes)."""

    curves: Curves
    margins: Floats


def answer_table(votes: PairVotes, *, counted: Flags) -> csr_matrix:
    """Votes as a sparse matrix: a row for each pair, columns (i first | j first) x (first, tie, second) x annotator.

    A vote whose display order is unknown counts half in either orientation. (U, 6 A)
    """
    known = votes.i_first >= 0
    n = len(votes.annotator_ids)
    rows, columns, weights = [], [], []
    for i_first, is_certain in ((1, votes.i_first == 1), (0, votes.i_first == 0)):
        chosen = counted & (is_certain | ~known)
        answer = 1 - votes.relation[chosen] if i_first else 1 + votes.relation[chosen]
        columns.append(votes.annotator[chosen] + n * (answer + 3 * (1 - i_first)).astype(np.int64))
        rows.append(votes.unit[chosen])
        weights.append(np.where(known[chosen], 1.0, 0.5))
    cells = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    return csr_matrix(cells, shape=(len(votes.units.i), 6 * n))


def starting_curves(n_annotators: int) -> Curves:
    """Everybody alike: fairly careful, without a pull to a place."""
    return Curves(np.full(n_annotators, 1.5), np.zeros(n_annotators), np.full(n_annotators, -1.0))


def fit_curves(table: csr_matrix, *, start: Curves) -> Round:
    """Rounds of EM until a pair's probability moves by less than 1e-4 on average, 40 at most."""
    previous = np.full(table.shape[0], np.inf)
    for number, state in enumerate(em_rounds(table, start=start), start=1):
        q = better(state.margins)
        if len(q) == 0 or np.abs(q - previous).mean() < TOLERANCE or number == MAX_ROUNDS:
            return state
        previous = q
    raise AssertionError("em_rounds does not end")


def em_rounds(table: csr_matrix, *, start: Curves) -> Iterator[Round]:
    """EM without end; the posterior density of the curves never falls from one round to the next."""
    curves, pseudo = start, _pseudo_votes(table)
    while True:
        margins = margins_given(table, curves)
        yield Round(curves, margins)
        expected = _unturned(table.T @ margins) + pseudo[:, np.newaxis, :]
        for _ in range(NEWTON_STEPS):
            curves = _newton_step(curves, expected)


def margins_given(table: csr_matrix, curves: Curves, *, temperature: float = 1.0) -> Floats:
    """Each pair's distribution over the nodes; below temperature 1 the votes weigh less. (U, nodes)"""
    chances = log_chances(curves)
    both = np.concatenate([chances, chances[:, :, ::-1]]).reshape(-1, N_NODES)  # j first: the margin is turned
    margins: Floats = table @ both
    margins *= temperature
    margins -= margins.max(axis=1, keepdims=True)
    np.exp(margins, out=margins)
    margins /= margins.sum(axis=1, keepdims=True)
    return margins


def log_chances(curves: Curves) -> Floats:
    """log P(first), log P(tie), log P(second) of each annotator at each node toward the first. (3, A, nodes)"""
    return log_chances_at(curves, NODES)


def log_chances_at(curves: Curves, margins: Floats) -> Floats:
    """The same at any margins (M,) toward the first. (3, A, M)"""
    toward = (curves.slope[:, np.newaxis] * margins + curves.bias[:, np.newaxis]) / 2
    scores = np.stack([toward, np.broadcast_to(curves.tie[:, np.newaxis], toward.shape), -toward])
    chances: Floats = scores - np.logaddexp.reduce(scores, axis=0)
    return chances


def better(margins: Floats) -> Floats:
    """P(i is better), the mass on positive margins. (U,)"""
    mass: Floats = margins[:, IS_BETTER].sum(axis=1)
    return mass


def _pseudo_votes(table: csr_matrix) -> Floats:
    """What every annotator is taken to have said before: 3 right and 1 wrong on either side, and ties like the crowd.

    (3, nodes)
    """
    answers = np.asarray(table.sum(axis=0)).reshape(2, 3, -1).sum(axis=(0, 2))
    tie_rate = float(np.clip(answers[1] / max(answers.sum(), 1.0), 0.01, 0.5))
    first = np.where(IS_BETTER, PSEUDO_RIGHT, PSEUDO_WRONG)
    ties = np.full(N_NODES, tie_rate / (1 - tie_rate) * (PSEUDO_RIGHT + PSEUDO_WRONG))
    return np.stack([first, ties, first[::-1]]) * 2 / N_NODES


def _unturned(expected: Floats) -> Floats:
    """Expected votes by answer, annotator and margin toward the first, both orientations together. (3, A, nodes)"""
    i_first, j_first = expected.reshape(2, 3, -1, N_NODES)
    together: Floats = i_first + j_first[:, :, ::-1]
    return together


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
