"""What the votes on one comparison add to every sum of a project: whole numbers, so that taking them out is exact.

All sums are sums over comparisons. Whatever happens to a comparison's votes (one more, one revised, one withdrawn),
the sums change by its contribution now less its contribution before; a rebuild adds up the same numbers from nothing.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from operator import attrgetter
from typing import NamedTuple

REMEMBERED = 2_000
"""Answers to one comparison whose sums are kept: all that few people can say of two completions, the last of others."""
LOG_SCALE = 1000
"""Logarithms of seconds are added up in thousandths, as whole numbers."""


class Vote(NamedTuple):
    """A counted ranking of one comparison; `order` is that of the page, empty where unknown, `seconds` > 0 or None."""

    ranking: int
    annotator: int
    week: str  # its Monday, 2026-11-23
    guideline: int
    tiers: Sequence[Sequence[int]]
    order: Sequence[int] = ()
    seconds: float | None = None


class WeekSums(NamedTuple):
    """What one annotator did; sums over rankings, all whole numbers.

    `compared` counts pairs on which the others have a consensus (see `reliability.others_consensus`), `credit_quarters`
    how far the annotator agrees there, 4 a pair (a tie against a choice: 2). Of each ranking's own two sums, c of
    quarters and n of compared pairs, `credit_squares` adds c², `credit_products` c n, and `compared_squares` n².
    """

    rankings: int = 0
    pairs: int = 0
    ties: int = 0
    choices: int = 0  # pairs with a choice whose order on the page is known
    first_chosen: int = 0
    compared: int = 0
    credit_quarters: int = 0
    compared_rankings: int = 0
    credit_squares: int = 0
    credit_products: int = 0
    compared_squares: int = 0
    timed: int = 0
    log_seconds: int = 0  # thousandths
    log_seconds_squares: int = 0


class MetSums(NamedTuple):
    """What two annotators said of the same pairs; two votes on a pair agree by 2 halves, a tie and a choice by 1."""

    comparisons: int = 0
    pairs: int = 0
    agreed_halves: int = 0
    equal_rankings: int = 0


class PairTally(NamedTuple):
    """The votes on one pair of completions, i < j: for i, ties, for j."""

    i: int
    j: int
    plus: int
    tie: int
    minus: int


Week = tuple[int, str, int]
"""(annotator, week, guideline)."""
Cell = tuple[int, int, int]
"""A pair's votes for one, ties, votes for the other."""


class Contribution(NamedTuple):
    """What one comparison adds: its pairs, to each annotator's week, to each two annotators, and the pairs by votes.

    `agreement`: pair agreement within the comparison, ties by half, each vote counting once; None without a second.
    """

    pairs: tuple[PairTally, ...]
    agreement: float | None
    weeks: Mapping[Week, tuple[int, ...]]  # the fields of WeekSums
    met: Mapping[tuple[int, int], tuple[int, ...]]  # the fields of MetSums
    cells: Mapping[Cell, int]


NOTHING = Contribution((), None, {}, {}, {})


def contribution(votes: Iterable[Vote]) -> Contribution:
    """What these votes on one comparison, at most one of each annotator, add to the sums of their project.

    >>> two = [Vote(1, 5, "2026-11-23", 1, [[7], [8]]), Vote(2, 6, "2026-11-23", 1, [[7, 8]])]
    >>> contribution(two).pairs, contribution(two).agreement
    ((PairTally(i=7, j=8, plus=1, tie=1, minus=0),), 0.5)
    """
    people = sorted(votes, key=attrgetter("annotator"))
    completions = sorted({completion for vote in people for tier in vote.tiers for completion in tier})
    said = _sums_of(tuple(_answer(vote, completions) for vote in people))
    return Contribution(
        pairs=tuple([PairTally(completions[i], completions[j], *votes) for (i, j), votes in said.pairs]),
        agreement=said.agreement,
        weeks={
            (vote.annotator, vote.week, vote.guideline): _timed(sums, vote.seconds)
            for vote, sums in zip(people, said.weeks, strict=True)
        },
        met={(people[a].annotator, people[b].annotator): sums for (a, b), sums in said.met},
        cells=said.cells,
    )


Answer = tuple[tuple[int, ...], tuple[int, ...]]
"""Of each completion its tier, and its place on the page; -1 where there is none."""
Pair = tuple[int, int]


class _Said(NamedTuple):
    """What answers add, with completions and people by their numbers in turn."""

    pairs: tuple[tuple[Pair, Cell], ...]
    agreement: float | None
    weeks: tuple[WeekSums, ...]
    met: tuple[tuple[Pair, MetSums], ...]
    cells: Mapping[Cell, int]


def _answer(vote: Vote, completions: Sequence[int]) -> Answer:
    tiers = {completion: tier for tier, together in enumerate(vote.tiers) for completion in together}
    places = {completion: place for place, completion in enumerate(vote.order)}
    return tuple([tiers.get(pk, -1) for pk in completions]), tuple([places.get(pk, -1) for pk in completions])


@lru_cache(maxsize=REMEMBERED)
def _sums_of(answers: tuple[Answer, ...]) -> _Said:
    """Reckon what the answers to one comparison add; few people on two completions can only say so much."""
    said = [_relations(tiers) for tiers, _ in answers]
    votes: dict[Pair, list[int]] = {}
    for relations in said:
        for pair, relation in relations.items():
            votes.setdefault(pair, [0, 0, 0])[1 - relation] += 1
    cells = {pair: (plus, tie, minus) for pair, (plus, tie, minus) in sorted(votes.items())}
    return _Said(
        pairs=tuple(cells.items()),
        agreement=_agreement(cells.values()),
        weeks=tuple(_week(relations, places, cells) for relations, (_, places) in zip(said, answers, strict=True)),
        met=tuple(_met(said)),
        cells=Counter(cells.values()),
    )


def _agreement(cells: Iterable[Cell]) -> float | None:
    """As `agreement.agreement_by_comparison`, ties by half; votes +, +, 0 on one pair: 2 agree, 4 by half, of 6."""
    agreeing, votes = 0.0, 0
    for plus, tie, minus in cells:
        n = plus + tie + minus
        if n >= 2:
            same = plus * (plus - 1) + tie * (tie - 1) + minus * (minus - 1)
            agreeing += (same + tie * (plus + minus)) / (n - 1)
            votes += n
    return agreeing / votes if votes else None


def _relations(tiers: Sequence[int]) -> dict[Pair, int]:
    """Return 1 (the first is better), 0 or -1 for each two completions that are ranked."""
    ranked = [(number, tier) for number, tier in enumerate(tiers) if tier >= 0]
    return {(i, j): (ti < tj) - (ti > tj) for (i, ti), (j, tj) in combinations(ranked, 2)}


def _week(relations: Mapping[Pair, int], places: Sequence[int], cells: Mapping[Pair, Cell]) -> WeekSums:
    ties = choices = first_chosen = compared = quarters = 0
    for (i, j), relation in relations.items():
        if relation == 0:
            ties += 1
        elif places[i] >= 0 and places[j] >= 0:
            choices += 1
            first_chosen += (places[i] < places[j]) == (relation == 1)
        others = _others_consensus(cells[i, j], relation)
        if others is not None:
            compared += 1
            quarters += 4 - abs(2 * relation - others)
    return WeekSums(
        rankings=1,
        pairs=len(relations),
        ties=ties,
        choices=choices,
        first_chosen=first_chosen,
        compared=compared,
        credit_quarters=quarters,
        compared_rankings=int(compared > 0),
        credit_squares=quarters * quarters,
        credit_products=quarters * compared,
        compared_squares=compared * compared,
    )


def _timed(sums: WeekSums, seconds: float | None) -> tuple[int, ...]:
    """The same with the time that the ranking took."""
    if not seconds or seconds <= 0:
        return sums
    log = round(LOG_SCALE * math.log(seconds))
    return (*sums[:-3], 1, log, log * log)


def _others_consensus(cell: Cell, relation: int) -> int | None:
    """The median answer of the others on a pair, in halves (-2..2); None where there is none.

    As `reliability.others_consensus`, for one vote.
    """
    plus, tie, minus = cell[0] - (relation == 1), cell[1] - (relation == 0), cell[2] - (relation == -1)
    total = plus + tie + minus
    if plus == minus and 2 * plus == total:  # split in two, or nobody
        return None
    return (2 * plus > total) + (2 * plus >= total) - (2 * minus > total) - (2 * minus >= total)


def _met(said: Sequence[Mapping[Pair, int]]) -> Iterator[tuple[Pair, MetSums]]:
    for a, b in combinations(range(len(said)), 2):
        mine, theirs = said[a], said[b]
        gaps = [abs(relation - theirs[pair]) for pair, relation in mine.items() if pair in theirs]
        if gaps:
            yield (a, b), MetSums(1, len(gaps), 2 * len(gaps) - sum(gaps), int(mine == theirs))
