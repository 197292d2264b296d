"""How each annotator judges: agreement with the others, ties, the pull of what is shown first.

An annotator is never compared with a consensus that holds their own vote: with three votes a clicker agrees with such a
majority about 66 % of the time instead of 50 %.
"""

from dataclasses import dataclass

import numpy as np

from annotate.quality.agreement import answer_counts
from annotate.quality.arrays import Floats, Ints, tally
from annotate.quality.estimate import Estimate
from annotate.quality.minimum import ANNOTATOR_PAIRS, ANNOTATOR_PROMPTS, POSITION
from annotate.quality.ranking import PairVotes, pair_counts
from annotate.quality.shares import Shares, clustered_shares, share_estimate


@dataclass(frozen=True, slots=True)
class AnnotatorReliability:
    """One annotator's row. n of each estimate counts pair votes; intervals allow for several votes on one prompt."""

    annotator: int
    rankings: int
    pairs_compared: int
    prompts_compared: int
    agreement: Estimate
    tie_rate: Estimate
    first_shown_rate: Estimate


def annotator_reliability(votes: PairVotes) -> list[AnnotatorReliability]:
    """One row for each annotator, in the order of `votes.annotator_ids`.

    `agreement`: with the consensus of the others (see `others_consensus`), a tie half agreeing with a choice; from 20
    pairs on 10 prompts. `first_shown_rate`: share of choices that went to the completion shown first, 0.5 without
    position bias; from 20 prompts. `tie_rate`: share of ties, from the first pair on.
    """
    agreement, ties, first_shown = _agreement(votes), _ties(votes), _first_shown(votes)
    rankings = _rankings(votes)
    return [
        AnnotatorReliability(
            annotator=int(annotator),
            rankings=int(rankings[code]),
            pairs_compared=int(agreement.votes[code]),
            prompts_compared=int(agreement.clusters[code]),
            agreement=share_estimate(
                agreement,
                code,
                min_votes=ANNOTATOR_PAIRS.shown,
                min_clusters=ANNOTATOR_PROMPTS.shown,
                of="pairs that others judged",
            ),
            tie_rate=share_estimate(ties, code, min_votes=1, min_clusters=1, of="pairs"),
            first_shown_rate=share_estimate(
                first_shown,
                code,
                min_votes=POSITION.shown,
                min_clusters=POSITION.shown,
                of="choices with a known order",
            ),
        )
        for code, annotator in enumerate(votes.annotator_ids)
    ]


def others_consensus(votes: PairVotes) -> Floats:
    """For each vote the median answer of the others on that pair, -1..1 in halves; NaN where there is none. (V,)

    The median is the answer of least total disagreement, ties counting half. There is none where nobody else judged
    the pair, or where the others are split in equal parts for either side.
    """
    others = answer_counts(pair_counts(votes))[votes.unit]
    others[np.arange(len(others)), 1 - votes.relation] -= 1  # +1, 0, -1 stand in columns 0, 1, 2
    total = others.sum(axis=1)
    doubled = 2 * others
    above = (doubled[:, 0] > total).astype(np.float64) + (doubled[:, 0] >= total)
    below = (doubled[:, 2] > total).astype(np.float64) + (doubled[:, 2] >= total)
    is_split = (others[:, 0] == others[:, 2]) & (doubled[:, 0] == total)  # also true where nobody else voted
    return np.where(is_split, np.nan, (above - below) / 2)


def _agreement(votes: PairVotes) -> Shares:
    consensus = others_consensus(votes)
    compared = np.isfinite(consensus)
    credit = 1 - np.abs(votes.relation[compared] - consensus[compared]) / 2
    return clustered_shares(
        credit,
        group=votes.annotator[compared],
        cluster=votes.prompt[compared],
        n_groups=len(votes.annotator_ids),
    )


def _ties(votes: PairVotes) -> Shares:
    is_tie = (votes.relation == 0).astype(np.float64)
    return clustered_shares(is_tie, group=votes.annotator, cluster=votes.prompt, n_groups=len(votes.annotator_ids))


def _first_shown(votes: PairVotes) -> Shares:
    chosen = (votes.relation != 0) & (votes.i_first >= 0)
    credit = ((votes.relation[chosen] == 1) == (votes.i_first[chosen] == 1)).astype(np.float64)
    return clustered_shares(
        credit,
        group=votes.annotator[chosen],
        cluster=votes.prompt[chosen],
        n_groups=len(votes.annotator_ids),
    )


def _rankings(votes: PairVotes) -> Ints:
    annotator_of = np.zeros(len(votes.ranking_ids), dtype=np.int64)
    annotator_of[votes.ranking] = votes.annotator
    made = np.unique(votes.ranking)
    return tally(annotator_of[made], n=len(votes.annotator_ids))
