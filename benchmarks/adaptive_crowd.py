"""Fresh pairs judged by the annotators of world B, each for as long as the queue's own rule wants more votes.

The consensus knows the annotators as a running project does, from votes on earlier pairs; the systems it does not know.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from annotate import policy
from annotate.quality.consensus import fit
from annotate.quality.ranking import PairUnits, PairVotes
from benchmarks.crowd_worlds import World, world

PAIRS = 50_000
EARLIER_PAIRS = 100_000
OVERLAP = 2
FIRST, SECOND = [[0], [1]], [[1], [0]]


class Cast(NamedTuple):
    """Votes in long form: on which pair, by whom, 1 for i or -1 for j, whether i was shown first."""

    unit: npt.NDArray
    annotator: npt.NDArray
    relation: npt.NDArray
    is_i_first: npt.NDArray


class Adaptive(NamedTuple):
    """Votes a pair that the rule asked for, accuracy of the consensus of those, and of a majority of five on all."""

    mean_votes: float
    accuracy: float
    majority_of_five: float


def adaptive_overlap(*, seed: int, cap: int = policy.MOST_VOTES) -> Adaptive:
    """The rule of policy.wants_more_votes with two votes at first and this cap, on 50,000 pairs."""
    rng, crowd = np.random.default_rng([seed, 9]), world("b", seed=seed)
    n = max(cap, 5)
    theta = crowd["theta"]
    i = rng.integers(0, len(theta), PAIRS)
    j = (i + rng.integers(1, len(theta), PAIRS)) % len(theta)
    margin = theta[i] - theta[j] + 0.7 * rng.normal(size=PAIRS)
    activity = np.bincount(crowd["annotator"], minlength=len(crowd["kind"])).astype(float)
    who = _distinct(rng, activity, n)
    is_i_first = rng.random((PAIRS, n)) < 0.5
    for_i = _answers(rng, crowd, who, is_i_first, margin)
    asked = _asked(for_i, cap=cap)
    truth = margin > 0
    fresh = _votes(who, is_i_first, for_i, np.arange(n) < asked[:, np.newaxis])
    q = fit(_after(fresh, crowd), seed=seed).q_post[:PAIRS]
    return Adaptive(
        mean_votes=float(asked.mean()),
        accuracy=float(((q > 0.5) == truth).mean()),
        majority_of_five=float(((for_i[:, :5].sum(axis=1) > 2) == truth).mean()),
    )


def _distinct(rng: np.random.Generator, weight: npt.NDArray, n: int) -> npt.NDArray:
    """n annotators for each pair, no one twice, in proportion to the weight: the largest of Gumbel draws. (PAIRS, n)"""
    who = np.empty((PAIRS, n), dtype=np.int64)
    for rows in np.array_split(np.arange(PAIRS), 10):
        drawn = np.log(weight + 1e-12) + rng.gumbel(size=(len(rows), len(weight)))
        who[rows] = rng.permuted(np.argpartition(-drawn, n, axis=1)[:, :n], axis=1)
    return who


def _answers(
    rng: np.random.Generator, crowd: World, who: npt.NDArray, is_i_first: npt.NDArray, margin: npt.NDArray
) -> npt.NDArray:
    """Whether each vote is for i, as gen.py's world B draws it; copiers, who seldom meet, click."""
    kind = crowd["kind"][who]
    toward = np.where(is_i_first, margin[:, np.newaxis], -margin[:, np.newaxis]) / crowd["scale"][who]
    is_first = toward + crowd["bpos"][who] + rng.logistic(size=who.shape) > 0
    chance = rng.random(who.shape)
    is_first = np.where((kind == 1) | (kind == 5), chance < 0.5, np.where(kind == 2, chance < 0.95, is_first))
    return (is_first != (kind == 4)) == is_i_first


def _asked(for_i: npt.NDArray, *, cap: int) -> npt.NDArray:
    """How many votes the queue's rule asks for, going by what was said so far. (PAIRS,)"""

    @cache
    def wants_more(said: tuple[bool, ...]) -> bool:
        return policy.wants_more_votes([FIRST if one else SECOND for one in said], cap=cap)

    asked = []
    for answers in for_i.tolist():
        n = OVERLAP
        while wants_more(tuple(answers[:n])):
            n += 1
        asked.append(n)
    return np.array(asked)


def _votes(who: npt.NDArray, is_i_first: npt.NDArray, for_i: npt.NDArray, is_cast: npt.NDArray) -> Cast:
    relation = np.where(for_i[is_cast], 1, -1)
    return Cast(np.nonzero(is_cast)[0], who[is_cast], relation, is_i_first[is_cast])


def _after(fresh: Cast, crowd: World) -> PairVotes:
    """The fresh votes with those of world B on its first pairs, which come after them."""
    rows = np.flatnonzero(crowd["task"] < EARLIER_PAIRS)
    task = crowd["task"][rows].astype(np.int64)
    was_i_first = crowd["left"][rows] == crowd["si"][task]
    earlier = Cast(task + PAIRS, crowd["annotator"][rows], np.where(crowd["i_wins"][rows], 1, -1), was_i_first)
    unit, who, relation, i_first = (np.concatenate(columns) for columns in zip(fresh, earlier, strict=True))
    annotators, annotator = np.unique(who, return_inverse=True)
    pairs, rankings = np.arange(PAIRS + EARLIER_PAIRS), np.arange(len(unit))
    return PairVotes(
        unit=unit,
        annotator=annotator,
        ranking=rankings,
        relation=relation.astype(np.int8),
        i_first=i_first.astype(np.int8),
        units=PairUnits(pairs, pairs, 2 * pairs, 2 * pairs + 1, comparison_ids=pairs, prompt_ids=pairs),
        annotator_ids=annotators.astype(np.int64),
        ranking_ids=rankings,
    )
