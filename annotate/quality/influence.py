"""How far the labels rest on single annotators, and what each ranking said most plainly."""

from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Floats, Ints, coded, sums, tally
from annotate.quality.ranking import PairVotes, pair_counts


class Influence(NamedTuple):
    """Of each annotator the votes, and the pairs whose majority is another one without them; (A,) each.

    A pair that turns: its majority is gone, is the other completion, or a tie stands where none stood or the reverse.
    """

    n_votes: Ints
    n_turned: Ints


class PlainChoices(NamedTuple):
    """One choice of each ranking that has any: (R',) each; `annotator` is a code, the others are completion ids."""

    ranking: Ints
    annotator: Ints
    chosen: Ints
    rejected: Ints


def influence(votes: PairVotes) -> Influence:
    """Count what rests on each annotator.

    >>> from annotate.quality.ranking import RankingRow, pair_votes, ranked_completions
    >>> said = [RankingRow(1, 1, 5, [[2], [3]]), RankingRow(1, 1, 6, [[2], [3]]), RankingRow(4, 4, 5, [[7], [8]])]
    >>> influence(pair_votes(ranked_completions(said)))
    Influence(n_votes=array([2, 1]), n_turned=array([1, 0]))
    """
    counts, unit, n = pair_counts(votes), votes.unit, len(votes.annotator_ids)
    lead = counts.n_plus - counts.n_minus
    total = counts.n_plus + counts.n_tie + counts.n_minus
    without = lead[unit] - votes.relation
    has_turned = (np.sign(without) != np.sign(lead[unit])) | (total[unit] == 1)
    return Influence(tally(votes.annotator, n=n), tally(votes.annotator[has_turned], n=n))


def plain_choices(votes: PairVotes) -> PlainChoices:
    """Return of each ranking the choice between a completion that it puts high and one that it puts low.

    The pairs of one ranking are not independent; one of them stands for it. High and low are by the pairs won in the
    ranking less those lost; of equals the pair that comes first in `units`.
    """
    is_choice = votes.relation != 0
    unit, ranking, relation = votes.unit[is_choice], votes.ranking[is_choice], votes.relation[is_choice]
    i, j = votes.units.i[unit], votes.units.j[unit]
    chosen, rejected = np.where(relation > 0, i, j), np.where(relation > 0, j, i)
    gap = _standing(ranking, chosen, rejected)
    order = np.lexsort((unit, -gap, ranking))
    is_first = np.append(True, np.diff(ranking[order]) != 0) if len(order) else np.zeros(0, dtype=np.bool_)
    kept = order[is_first]
    return PlainChoices(ranking[kept], votes.annotator[is_choice][kept], chosen[kept], rejected[kept])


def _standing(ranking: Ints, chosen: Ints, rejected: Ints) -> Floats:
    """How far apart a ranking puts the two of each choice: pairs won less pairs lost, of one less of the other."""
    completions = coded(np.concatenate([chosen, rejected]))
    span = max(len(completions.ids), 1)
    places = coded(np.tile(ranking, 2) * span + completions.codes)
    won = np.repeat([1.0, -1.0], len(ranking))
    standing = sums(won, by=places.codes, n=len(places.ids))[places.codes]
    gap: Floats = standing[: len(ranking)] - standing[len(ranking) :]
    return gap
