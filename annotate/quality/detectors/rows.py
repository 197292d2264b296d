"""Votes on pairs put together again: one row for each completion of each ranking, with its worth and its place.

Both are centred within the ranking: `worth` is the midrank turned round (higher is better), `early` the same for the
order of display. Half the sum of a completion's pair relations is its centred midrank, so no ranking is read again.
"""

from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Flags, Floats, Ints, coded, sums, tally
from annotate.quality.ranking import PairVotes


class Rows(NamedTuple):
    """Columns of rows (N,); `i` and `j` are the rows of each vote (V,); the rest is by ranking (R,).

    `completion` is a code 0..`n_completions`-1 into the sorted ids `completion_ids`. `size` counts the completions of a
    ranking; one with fewer than two is in no vote and has size 0 and `author` -1. `is_placed`: its display is known.
    """

    ranking: Ints
    annotator: Ints
    completion: Ints
    worth: Floats
    early: Floats
    i: Ints
    j: Ints
    completion_ids: Ints
    author: Ints
    size: Ints
    is_placed: Flags


def rows_of(votes: PairVotes) -> Rows:
    """The rows of all rankings.

    A ranking 1 > 2 = 3 gives the worths 1, -0.5, -0.5.
    """
    n_votes, n_rankings = len(votes.unit), len(votes.ranking_ids)
    known = coded(np.concatenate([votes.units.i, votes.units.j]))
    i_code, j_code = np.split(known.codes, 2)
    ends = np.concatenate([i_code[votes.unit], j_code[votes.unit]])
    ranking, completion, place = _distinct(np.concatenate([votes.ranking, votes.ranking]), ends, len(known.ids))
    i, j = place[:n_votes], place[n_votes:]
    author = np.full(n_rankings, -1)
    author[votes.ranking] = votes.annotator
    is_placed = np.ones(n_rankings, dtype=np.bool_)
    is_placed[votes.ranking[votes.i_first < 0]] = False
    before = np.where(votes.i_first < 0, 0.0, votes.i_first - 0.5)
    return Rows(
        ranking=ranking,
        annotator=author[ranking],
        completion=completion,
        worth=_centred(votes.relation / 2, i, j, len(ranking)),
        early=_centred(before, i, j, len(ranking)) * is_placed[ranking],
        i=i,
        j=j,
        completion_ids=known.ids,
        author=author,
        size=tally(ranking, n=n_rankings),
        is_placed=is_placed & (author >= 0),
    )


def by_ranking(column: Floats, rows: Rows) -> Floats:
    """A column of rows added up for each ranking. (R,)"""
    return sums(column, by=rows.ranking, n=len(rows.author))


def by_author(column: Floats, rows: Rows, *, n: int) -> Floats:
    """A column of rankings added up for each annotator; rankings without votes are left out. (A,)"""
    made = rows.author >= 0
    return sums(column[made], by=rows.author[made], n=n)


def _distinct(ranking: Ints, completion: Ints, n_completions: int) -> tuple[Ints, Ints, Ints]:
    """The rankings and completions of the rows, and the row of each end of a vote."""
    n_votes = len(ranking) // 2
    first = ranking[:n_votes]
    if n_votes and (np.diff(first) > 0).all():  # rankings of two: each end of a vote is a row of its own
        return ranking, completion, np.arange(2 * n_votes)
    keys = coded(ranking * max(n_completions, 1) + completion)
    return keys.ids // max(n_completions, 1), keys.ids % max(n_completions, 1), keys.codes


def _centred(column: Floats, i: Ints, j: Ints, n: int) -> Floats:
    return sums(column, by=i, n=n) - sums(column, by=j, n=n)
