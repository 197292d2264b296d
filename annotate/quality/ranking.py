"""Rankings as arrays: tiers in, one vote per pair of completions out.

Everything rank-like is reduced once to pair relations: +1 the first is better, 0 tie, -1 the second is better. The
orientation of a pair is fixed by completion id, never by the place on the page. Unranked is missing, never a tie.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Flags, Ints, Signs, coded, pairs_within, tally

MISSING = 2
"""In a table of relations: no vote."""


class RankingRow(NamedTuple):
    """One ranking as it is stored; `order` is the order of completions on the page, empty where unknown."""

    comparison: int
    prompt: int
    annotator: int
    tiers: Sequence[Sequence[int]]
    order: Sequence[int] = ()


class RankedCompletions(NamedTuple):
    """Rankings in long form: one row for each completion of each ranking, int64 columns of equal length.

    `ranking`, `comparison`, `prompt`, `annotator` and `completion` are ids (any integers); `tier` is 0 for the best;
    `position` is the display slot, -1 where unknown. A completion belongs to one comparison.
    """

    ranking: Ints
    comparison: Ints
    prompt: Ints
    annotator: Ints
    completion: Ints
    tier: Ints
    position: Ints


class PairUnits(NamedTuple):
    """The pairs that were judged; `i` < `j` are completion ids, `comparison` and `prompt` codes into the id arrays."""

    comparison: Ints  # (U,)
    prompt: Ints  # (U,)
    i: Ints  # (U,)
    j: Ints  # (U,)
    comparison_ids: Ints  # (C,)
    prompt_ids: Ints  # (P,)


class PairVotes(NamedTuple):
    """One row for each vote on a pair; `unit`, `annotator` and `ranking` are codes from 0.

    `relation`: 1 i is better, 0 tie, -1 j is better. `i_first`: 1 if i was shown before j, 0 after, -1 unknown.
    """

    unit: Ints  # (V,)
    annotator: Ints  # (V,)
    ranking: Ints  # (V,)
    relation: Signs  # (V,)
    i_first: Signs  # (V,)
    units: PairUnits
    annotator_ids: Ints  # (A,)
    ranking_ids: Ints  # (R,)

    @property
    def prompt(self) -> Ints:
        """The prompt code of each vote: the cluster of the bootstrap. (V,)"""
        return self.units.prompt[self.unit]

    @property
    def comparison(self) -> Ints:
        """The comparison code of each vote. (V,)"""
        return self.units.comparison[self.unit]


class PairCounts(NamedTuple):
    """How many votes each pair got: for i, ties, for j. (U,) each, in the order of `units`."""

    n_plus: Ints
    n_tie: Ints
    n_minus: Ints
    units: PairUnits


def ranked_completions(rows: Iterable[RankingRow]) -> RankedCompletions:
    """Stored rankings in long form; ranking ids are 0.. in the order of the rows.

    >>> ranked_completions([RankingRow(comparison=7, prompt=3, annotator=5, tiers=[[2], [1, 4]])]).tier
    array([0, 1, 1])
    """
    table = np.fromiter(_long_form(rows), dtype=np.dtype((np.int64, len(RankedCompletions._fields))))
    return RankedCompletions(*np.ascontiguousarray(table.T))


def pair_votes(ranked: RankedCompletions) -> PairVotes:
    """Every ranking of K completions as K(K-1)/2 votes on pairs.

    Raises ValueError where a completion stands twice in a ranking or in two comparisons, where an annotator ranked a
    comparison twice, or where the rows of one ranking differ in comparison, prompt or annotator.

    >>> rows = [RankingRow(comparison=7, prompt=3, annotator=5, tiers=[[2], [1, 4]], order=[4, 2, 1])]
    >>> votes = pair_votes(ranked_completions(rows))
    >>> votes.units.i.tolist(), votes.units.j.tolist(), votes.relation.tolist(), votes.i_first.tolist()
    ([1, 1, 2], [2, 4, 4], [-1, 0, 1], [0, 0, 0])
    """
    by_ranking = np.lexsort((ranked.completion, ranked.ranking))
    rows = RankedCompletions(*(np.asarray(column, dtype=np.int64)[by_ranking] for column in ranked))
    rankings = coded(rows.ranking)
    starts = np.searchsorted(rankings.codes, np.arange(len(rankings.ids)))
    _check(rows, rankings.codes, starts)
    first, second = pairs_within(starts, n_rows=len(rows.ranking))
    annotators = coded(rows.annotator[starts])
    units, unit = _units(rows, first, second)
    return PairVotes(
        unit=unit,
        annotator=annotators.codes[rankings.codes[first]],
        ranking=rankings.codes[first],
        relation=np.sign(rows.tier[second] - rows.tier[first]).astype(np.int8),
        i_first=_shown_before(rows.position[first], rows.position[second]),
        units=units,
        annotator_ids=annotators.ids,
        ranking_ids=rankings.ids,
    )


def pair_counts(votes: PairVotes) -> PairCounts:
    """Votes for i, ties and votes for j on each pair."""
    return PairCounts(
        n_plus=_votes_saying(1, votes),
        n_tie=_votes_saying(0, votes),
        n_minus=_votes_saying(-1, votes),
        units=votes.units,
    )


def votes_where(votes: PairVotes, rows: Flags) -> PairVotes:
    """A slice: these votes alone; all codes and ids stay as they are."""
    columns = {name: getattr(votes, name)[rows] for name in ("unit", "annotator", "ranking", "relation", "i_first")}
    return votes._replace(**columns)


def relation_table(votes: PairVotes) -> Signs:
    """The votes of each ranking as a row, its comparison's pairs as columns in the order of the units. (R, most pairs)

    `MISSING` where a ranking says nothing of a pair, or the comparison has no such pair.
    """
    comparison = votes.units.comparison
    by_comparison = np.argsort(comparison, kind="stable")
    size = tally(comparison, n=len(votes.units.comparison_ids))
    column = np.empty(len(comparison), dtype=np.int64)
    column[by_comparison] = np.arange(len(comparison)) - (np.cumsum(size) - size)[comparison[by_comparison]]
    table = np.full((len(votes.ranking_ids), int(size.max(initial=0))), MISSING, dtype=np.int8)
    table[votes.ranking, column[votes.unit]] = votes.relation
    return table


def votes_of_units(votes: PairVotes, units: Ints) -> PairVotes:
    """The votes on some pairs only, in the order given; the annotators' codes and all ids stay as they are."""
    code = np.full(len(votes.units.i), -1, dtype=np.int64)
    code[units] = np.arange(len(units))
    kept = code[votes.unit] >= 0
    columns = {name: getattr(votes, name)[kept] for name in ("annotator", "ranking", "relation", "i_first")}
    pairs = {name: getattr(votes.units, name)[units] for name in ("comparison", "prompt", "i", "j")}
    return votes._replace(unit=code[votes.unit[kept]], units=votes.units._replace(**pairs), **columns)


def _long_form(rows: Iterable[RankingRow]) -> Iterator[tuple[int, ...]]:
    for number, row in enumerate(rows):
        slots = {completion: slot for slot, completion in enumerate(row.order)}
        for tier, completions in enumerate(row.tiers):
            for completion in completions:
                slot = slots.get(completion, -1)
                yield number, row.comparison, row.prompt, row.annotator, completion, tier, slot


def _votes_saying(answer: int, votes: PairVotes) -> Ints:
    return tally(votes.unit[votes.relation == answer], n=len(votes.units.i))


def _check(rows: RankedCompletions, ranking: Ints, starts: Ints) -> None:
    repeated = (np.diff(ranking) == 0) & (np.diff(rows.completion) == 0)
    if repeated.any():
        raise ValueError(f"Completion {rows.completion[1:][repeated][0]} stands twice in one ranking; rank it once.")
    for name in ("comparison", "prompt", "annotator"):
        column = getattr(rows, name)
        if (column != column[starts][ranking]).any():
            raise ValueError(f"The rows of one ranking differ in `{name}`; each ranking has one {name}.")
    completion = coded(rows.completion)
    home = np.empty(len(completion.ids), dtype=np.int64)
    home[completion.codes] = rows.comparison
    if (home[completion.codes] != rows.comparison).any():
        raise ValueError("A completion stands in two comparisons; give it an id of its own in each.")
    comparison = coded(rows.comparison[starts])
    seats = coded(rows.annotator[starts]).codes * len(comparison.ids) + comparison.codes
    if len(np.unique(seats)) < len(seats):
        raise ValueError("An annotator ranked one comparison twice; pass the ranking that counts only.")


def _units(rows: RankedCompletions, first: Ints, second: Ints) -> tuple[PairUnits, Ints]:
    """The distinct pairs, ordered by the ids of i and j, and the code of each vote's pair."""
    completion = coded(rows.completion)
    keys = completion.codes[first] * len(completion.ids) + completion.codes[second]
    _, example, unit = np.unique(keys, return_index=True, return_inverse=True)
    i, j = first[example], second[example]
    comparisons, prompts = coded(rows.comparison), coded(rows.prompt)
    units = PairUnits(
        comparison=comparisons.codes[i],
        prompt=prompts.codes[i],
        i=rows.completion[i],
        j=rows.completion[j],
        comparison_ids=comparisons.ids,
        prompt_ids=prompts.ids,
    )
    return units, unit.astype(np.int64).reshape(-1)


def _shown_before(i: Ints, j: Ints) -> Signs:
    known = (i >= 0) & (j >= 0)
    return np.where(known, i < j, -1).astype(np.int8)
