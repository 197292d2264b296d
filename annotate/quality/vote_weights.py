"""How much a vote counts when it is one of the pairs of a longer ranking: those are not independent votes."""

import numpy as np

from annotate.quality.arrays import Floats, coded, sums, tally
from annotate.quality.ranking import PairVotes

RANK_POWER = 0.75


def vote_weights(votes: PairVotes) -> Floats:
    """How much each vote of a ranking counts: more, the further apart its two stand there. (V,)

    (3 g / (K + 1)) ** 0.75 with g the difference of midranks in a ranking of K; 1 for a tie and for a choice between
    two. Who ranks two completions first and last has said so three times over, by what lies between. Without the power
    the weights of an order without ties are 1 on average, and evidence adds up to midranks, Borda's rule; 0.75 was the
    most accurate of 0, 0.5, 0.75, 1 and 1.25 on simulated rankings of four.

    >>> from annotate.quality.ranking import RankingRow, pair_votes, ranked_completions
    >>> rows = [RankingRow(comparison=7, prompt=3, annotator=5, tiers=[[1], [2], [4]])]
    >>> vote_weights(pair_votes(ranked_completions(rows))).round(3).tolist()  # neighbours, first and last, neighbours
    [0.806, 1.355, 0.806]
    """
    weights = np.ones(len(votes.unit))
    n_pairs = tally(votes.ranking, n=len(votes.ranking_ids))[votes.ranking]
    longer = np.flatnonzero(n_pairs > 1)
    if not longer.size:
        return weights
    relation, units, unit = votes.relation[longer].astype(np.float64), votes.units, votes.unit[longer]
    completion = coded(np.concatenate([units.i[unit], units.j[unit]]))
    places = coded(np.tile(votes.ranking[longer], 2) * len(completion.ids) + completion.codes)
    i, j = np.split(places.codes, 2)
    lead = sums(relation, by=i, n=len(places.ids)) - sums(relation, by=j, n=len(places.ids))  # twice the midrank's
    size = (1 + np.sqrt(1 + 8 * n_pairs[longer])) / 2
    weights[longer] = np.where(relation == 0, 1.0, (1.5 * np.abs(lead[i] - lead[j]) / (size + 1)) ** RANK_POWER)
    return weights
