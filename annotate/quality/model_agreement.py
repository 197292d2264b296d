"""A reward model beside the annotators: how often its scores order a pair as they did. It has no vote of its own.

Its word on a pair is the sign of the difference of its scores; equal scores are a tie. A tie half agrees with a choice.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from annotate.quality.agreement import answer_counts
from annotate.quality.arrays import Flags, Floats, Ints
from annotate.quality.estimate import Estimate
from annotate.quality.minimum import ANNOTATOR_PAIRS, ANNOTATOR_PROMPTS
from annotate.quality.ranking import PairUnits, PairVotes, pair_counts
from annotate.quality.shares import clustered_shares, share_estimate


class ModelAgreement(NamedTuple):
    """Agreement of a model; n counts pairs (of `annotators`: votes). Intervals allow for several pairs of a prompt.

    `consensus`: with the median answer of all who judged the pair, who are the others: the model is none of them.
    `annotators`: with each, by id; `categories`: with the consensus on prompts of each category, by code.
    """

    consensus: Estimate
    annotators: dict[int, Estimate]
    categories: dict[int, Estimate]


def model_agreement(votes: PairVotes, scores: Floats, *, category: Ints) -> ModelAgreement:
    """How far a model agrees; shown from 20 pairs on 10 prompts.

    scores: P(i is better) by the model, 0..1, NaN where it has not scored both, of each pair (U,): see `chances`.
    category: the code of each prompt's category (P,).
    """
    said = np.sign(scores - 0.5)
    units = votes.units
    crowd = consensus(votes)
    judged = np.isfinite(crowd) & np.isfinite(said)
    credit = 1 - np.abs(said[judged] - crowd[judged]) / 2
    prompt = units.prompt[judged]
    everyone = np.zeros(len(credit), dtype=np.int64)
    by_vote = np.isfinite(said)[votes.unit]
    vote_credit = 1 - np.abs(said[votes.unit[by_vote]] - votes.relation[by_vote]) / 2
    of_each = _shares(vote_credit, votes.annotator[by_vote], votes.prompt[by_vote], len(votes.annotator_ids))
    of_categories = _shares(credit, category[prompt], prompt, int(category.max(initial=-1)) + 1)
    return ModelAgreement(
        consensus=_shares(credit, everyone, prompt, 1)[0],
        annotators=dict(zip(votes.annotator_ids.tolist(), of_each, strict=True)),
        categories=dict(enumerate(of_categories)),
    )


def chances(units: PairUnits, score_of: dict[int, float]) -> Floats:
    """P(i is better) by the Bradley-Terry model of the scores (by completion id), NaN where one is missing. (U,)"""
    i, j = (np.array([score_of.get(pk, np.nan) for pk in ids.tolist()], dtype=np.float64) for ids in (units.i, units.j))
    better: Floats = expit(i - j)
    return better


def confident_disagreements(model: Floats, people: Floats, *, sure: float) -> Ints:
    """Pairs on which both are at least so sure (0.5..1) and of different minds, the surest first. (codes of units)

    model, people: P(i is better), NaN where unknown. (U,)

    >>> confident_disagreements(np.array([0.95, 0.1, 0.9]), np.array([0.1, 0.2, 0.02]), sure=0.85).tolist()
    [2, 0]
    """
    is_known: Flags = np.isfinite(model) & np.isfinite(people)
    certainty = np.minimum(np.maximum(model, 1 - model), np.maximum(people, 1 - people))
    apart = is_known & ((model > 0.5) != (people > 0.5)) & (certainty >= sure)
    found = np.flatnonzero(apart)
    distance = np.abs(model[found] - people[found])
    return found[np.argsort(-distance, kind="stable")].astype(np.int64)


def consensus(votes: PairVotes) -> Floats:
    """The median answer to each pair, -1..1 in halves; NaN where as many are for either side. (U,)"""
    counts = answer_counts(pair_counts(votes))
    total = counts.sum(axis=1)
    above = (2 * counts[:, 0] > total).astype(np.float64) + (2 * counts[:, 0] >= total)
    below = (2 * counts[:, 2] > total).astype(np.float64) + (2 * counts[:, 2] >= total)
    is_split = (counts[:, 0] == counts[:, 2]) & (2 * counts[:, 0] == total)
    return np.where(is_split, np.nan, (above - below) / 2)


def _shares(credit: Floats, group: Ints, cluster: Ints, n_groups: int) -> list[Estimate]:
    found = clustered_shares(credit, group=group, cluster=cluster, n_groups=n_groups)
    limits = {"min_votes": ANNOTATOR_PAIRS.shown, "min_clusters": ANNOTATOR_PROMPTS.shown}
    return [share_estimate(found, code, **limits, of="pairs that the model scored") for code in range(n_groups)]
