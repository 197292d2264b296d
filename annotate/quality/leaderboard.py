"""Systems ranked by the votes on their completions, with the two errors: for new prompts, and for new annotators too.

Bradley-Terry-Davidson (bradley_terry.py). Errors are sandwiches, information^-1 (sum of squared cluster scores)
information^-1: clusters are prompts; or prompts plus annotators less votes, which stand in both (Cameron, Gelbach and
Miller 2011). The interval is a bootstrap of prompts.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from annotate.quality.arrays import Floats, Ints, sums
from annotate.quality.bradley_terry import Strengths, chances, derivatives, fit_counts, newton
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.intervals import LEVEL, MAX_CLUSTERS
from annotate.quality.minimum import SYSTEM
from annotate.quality.ranking import PairVotes, pair_counts

REPLICATES = 100
Z95 = 1.959963984540054
LEAST_RIDGE = 1e-4  # of a replicate, in which some systems may have been drawn winning only
STEPS = 3
"""Newton's steps of a replicate from the point estimate: the third moves strengths by less than a thousandth."""


class Leaderboard(NamedTuple):
    """Systems 0..S-1. `strengths`: log abilities, mean 0 within each part; `comparisons`: votes on other systems (S,).

    `new_prompts`, `new_annotators`: standard errors of the abilities; the second holds both. `low`, `high`: 95 %
    bootstrap interval over prompts. `wins` of the row's system over the column's, `ties` likewise (S, S).
    `note` says in a sentence what a reader must know of how it was fitted, or nothing.
    """

    strengths: Strengths
    comparisons: Ints
    new_prompts: Floats
    new_annotators: Floats
    low: Floats
    high: Floats
    wins: Floats
    ties: Floats
    note: str

    def estimate_of(self, system: int) -> Estimate:
        """The ability of a system with its bootstrap interval, from 10 comparisons; n counts those."""
        n = int(self.comparisons[system])
        if n == 0:
            return undefined("No completion of this system was compared with another system's.", n=0)
        if not self._is_decided(system):
            return undefined("Every comparison was a tie: ties alone say nothing of how far apart systems are.", n=n)
        ability = float(self.strengths.ability[system])
        return SYSTEM.of_estimate(Estimate(ability, n=n, low=float(self.low[system]), high=float(self.high[system])))

    def _is_decided(self, system: int) -> bool:
        """Say whether anybody preferred one system to another in a system's part."""
        own = self.strengths.part == self.strengths.part[system]
        return bool(self.wins[np.ix_(own, own)].any())


def leaderboard(
    votes: PairVotes, i_system: Ints, j_system: Ints, *, seed: int = 0, replicates: int = REPLICATES
) -> Leaderboard:
    """Rank the systems that wrote i and j of each pair (codes from 0, -1 unknown: such pairs do not count)."""
    pairs = _pairs(votes, i_system, j_system)
    wins, ties = _tables(pairs, pairs.answers)
    strengths = fit_counts(wins, ties)
    inverse: Floats = np.linalg.inv(derivatives(wins, ties, strengths)[1]).astype(np.float64)
    by_prompt = _sandwich(inverse, _prompt_scores(pairs, strengths))
    by_annotator = _sandwich(inverse, _annotator_scores(votes, pairs, strengths))
    by_vote = _sandwich(inverse, _vote_scores(wins, ties, strengths))
    low, high = _interval(pairs, strengths, seed=seed, replicates=replicates)
    return Leaderboard(
        strengths=strengths,
        comparisons=(wins + wins.T + ties).sum(axis=1).astype(np.int64),
        new_prompts=np.sqrt(by_prompt),
        new_annotators=np.sqrt(np.maximum(by_prompt, by_prompt + by_annotator - by_vote)),
        low=low,
        high=high,
        wins=wins,
        ties=ties,
        note=_note(strengths),
    )


def new_annotators_estimate(board: Leaderboard, system: int) -> Estimate:
    """The ability of a system with the normal interval for new prompts and new annotators, from 10 comparisons."""
    shown = board.estimate_of(system)
    if shown.value is None:
        return shown
    half = Z95 * float(board.new_annotators[system])
    return shown.within(shown.value - half, shown.value + half)


def places(board: Leaderboard) -> list[tuple[int, int]]:
    """The best and the worst place that the intervals leave each system within its part; 1 is the first.

    Whose interval lies wholly above is surely before it, whose lies wholly below surely after it. Where there are too
    few comparisons to show a strength, every place is left.
    """
    part = board.strengths.part
    is_known = board.comparisons >= SYSTEM.shown
    before = (board.low[:, np.newaxis] > board.high) & is_known[:, np.newaxis] & is_known
    beside = part[:, np.newaxis] == part
    first = 1 + (before & beside).sum(axis=0)
    last = beside.sum(axis=0) - (before & beside).sum(axis=1)
    return list(zip(first.tolist(), last.tolist(), strict=True))


class _Pairs(NamedTuple):
    """The pairs of two known systems: their codes in the votes, prompts, systems, votes for i, ties, votes for j."""

    code: Ints
    prompt: Ints
    i: Ints
    j: Ints
    answers: Floats  # (3, pairs)
    n_systems: int


def _pairs(votes: PairVotes, i_system: Ints, j_system: Ints) -> _Pairs:
    code = np.flatnonzero((i_system >= 0) & (j_system >= 0) & (i_system != j_system))
    counts = pair_counts(votes)
    answers = np.stack([counts.n_plus, counts.n_tie, counts.n_minus])[:, code].astype(np.float64)
    n_systems = int(max(i_system.max(initial=-1), j_system.max(initial=-1))) + 1
    return _Pairs(code, votes.units.prompt[code], i_system[code], j_system[code], answers, n_systems)


def _tables(pairs: _Pairs, answers: Floats) -> tuple[Floats, Floats]:
    """Wins of each system over each other, and ties (symmetric). (S, S) both"""
    n = pairs.n_systems
    cell = pairs.i * n + pairs.j
    plus, tie, minus = (sums(column, by=cell, n=n * n).reshape(n, n) for column in answers)
    return plus + minus.T, tie + tie.T


def _prompt_scores(pairs: _Pairs, strengths: Strengths) -> csr_matrix:
    """The gradient of each prompt's votes in the abilities and log nu. (P, S + 1)"""
    lead, tie = chances(strengths.ability[pairs.i] - strengths.ability[pairs.j], strengths.log_tie)
    plus, tied, minus = pairs.answers
    n = pairs.answers.sum(axis=0)
    pull, last = (plus - minus - n * lead) / 2, np.full(len(n), pairs.n_systems)
    cells = np.concatenate([pairs.i, pairs.j, last])
    values = np.concatenate([pull, -pull, tied - n * tie])
    shape = (int(pairs.prompt.max(initial=-1)) + 1, pairs.n_systems + 1)
    return csr_matrix((values, (np.tile(pairs.prompt, 3), cells)), shape=shape)


def _annotator_scores(votes: PairVotes, pairs: _Pairs, strengths: Strengths) -> csr_matrix:
    """The same of each annotator's votes. (A, S + 1)"""
    place = np.full(len(votes.units.i), -1)
    place[pairs.code] = np.arange(len(pairs.code))
    at = place[votes.unit]
    at, relation, annotator = at[at >= 0], votes.relation[at >= 0], votes.annotator[at >= 0]
    lead, tie = chances(strengths.ability[pairs.i] - strengths.ability[pairs.j], strengths.log_tie)
    width, n = pairs.n_systems + 1, len(votes.annotator_ids)
    pull, tied = (relation - lead[at]) / 2, (relation == 0) - tie[at]
    own = annotator * width
    parts = ((pull, own + pairs.i[at]), (-pull, own + pairs.j[at]), (tied, own + pairs.n_systems))
    return csr_matrix(np.sum([sums(values, by=cell, n=n * width) for values, cell in parts], axis=0).reshape(n, width))


def _vote_scores(wins: Floats, ties: Floats, strengths: Strengths) -> csr_matrix:
    """The same of each vote: a row for all equal votes, by the root of their number. (rows, S + 1)"""
    n = len(wins)
    i, j = np.nonzero(wins + np.triu(ties))
    lead, tie = chances(strengths.ability[i] - strengths.ability[j], strengths.log_tie)
    rows, columns = np.arange(2 * len(i)), np.tile(np.stack([i, j, np.full(len(i), n)]), 2)
    root = np.sqrt(np.concatenate([wins[i, j], np.triu(ties)[i, j]]))
    pull = root * np.concatenate([1 - lead, -lead]) / 2
    tied = root * np.concatenate([-tie, 1 - tie])
    values = np.concatenate([pull, -pull, tied])
    return csr_matrix((values, (np.tile(rows, 3), columns.ravel())), shape=(2 * len(i), n + 1))


def _sandwich(inverse: Floats, scores: csr_matrix) -> Floats:
    """Variances of the abilities, at least 0: of ties alone they are rounding, of either sign. (S,)"""
    variance = np.einsum("ij,jk,ik->i", inverse, (scores.T @ scores).toarray(), inverse, optimize=True)[:-1]
    held: Floats = np.maximum(variance, 0.0)
    return held


def _interval(pairs: _Pairs, strengths: Strengths, *, seed: int, replicates: int) -> tuple[Floats, Floats]:
    """Bootstrap by prompt, Poisson weights; more than 5,000 prompts are put in so many groups by chance first."""
    rng, n = np.random.default_rng(seed), pairs.n_systems
    group = rng.permutation(int(pairs.prompt.max(initial=-1)) + 1) % MAX_CLUSTERS
    cells = np.concatenate([pairs.i * n + pairs.j + answer * n * n for answer in range(3)])
    shape = (3 * n * n, max(int(group.max(initial=-1)) + 1, 1))
    by_group = csr_matrix((pairs.answers.ravel(), (cells, np.tile(group[pairs.prompt], 3))), shape=shape)
    weights = rng.poisson(1.0, size=(by_group.shape[1], replicates)).astype(np.float64)
    drawn = (by_group @ weights).T.reshape(replicates, 3, n, n)
    start = strengths._replace(ridge=max(strengths.ridge, LEAST_RIDGE))
    abilities = np.stack([_refit(answers, start) for answers in drawn]) if n else np.zeros((1, 0))
    low, high = np.quantile(abilities, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def _refit(answers: Floats, start: Strengths) -> Floats:
    plus, tie, minus = answers
    return newton(plus + minus.T, tie + tie.T, start=start, steps=STEPS).ability


def _note(strengths: Strengths) -> str:
    n_parts = int(strengths.part.max(initial=-1)) + 1
    notes = []
    if n_parts > 1:
        notes.append(f"The comparisons fall into {n_parts} parts that share no system: each is ranked apart.")
    if strengths.ridge:
        notes.append("Some systems only ever won or only lost against the others: their distance is held finite.")
    return " ".join(notes)
