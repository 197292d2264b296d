"""What the votes on one comparison add to every sum of a project: whole numbers, so that taking them out is exact.

All sums are sums over comparisons. Whatever happens to a comparison's votes (one more, one revised, one withdrawn),
the sums change by its contribution now less its contribution before; a rebuild adds up the same numbers from nothing.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

LOG_SCALE = 1000
"""Logarithms of seconds are added up in thousandths, as whole numbers."""


class Vote(NamedTuple):
    """A counted ranking of one comparison; `order` is that of the page, empty where unknown, `seconds` > 0 or None."""

    ranking: int
    annotator: int
    day: str  # 2026-11-25
    guideline: int
    tiers: Sequence[Sequence[int]]
    order: Sequence[int] = ()
    seconds: float | None = None


class DaySums(NamedTuple):
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


Day = tuple[int, str, int]
"""(annotator, day, guideline)."""
Cell = tuple[int, int, int]
"""A pair's votes for one, ties, votes for the other."""


class Contribution(NamedTuple):
    """What one comparison adds: its pairs, to each annotator's day, to each two annotators, and the pairs by votes."""

    pairs: tuple[PairTally, ...]
    days: Mapping[Day, DaySums]
    met: Mapping[tuple[int, int], MetSums]
    cells: Mapping[Cell, int]


NOTHING = Contribution((), {}, {}, {})


def contribution(votes: Sequence[Vote]) -> Contribution:
    """What these votes on one comparison, at most one of each annotator, add to the sums of their project.

    >>> two = [Vote(1, 5, "2026-11-25", 1, [[7], [8]]), Vote(2, 6, "2026-11-25", 1, [[7, 8]])]
    >>> contribution(two).pairs, contribution(two).met[5, 6].agreed_halves
    ((PairTally(i=7, j=8, plus=1, tie=1, minus=0),), 1)
    """
    said = [_relations(vote.tiers) for vote in votes]
    tallies = _tallies(said)
    return Contribution(
        pairs=tuple(PairTally(*pair, *answers) for pair, answers in sorted(tallies.items())),
        days=_days(votes, said, tallies),
        met=dict(_met(votes, said)),
        cells=Counter((plus, tie, minus) for plus, tie, minus in tallies.values()),
    )


def comparison_agreement(pairs: Iterable[PairTally]) -> float | None:
    """Pair agreement within a comparison, ties by half, each vote counting once; None where nobody is a second.

    >>> comparison_agreement([PairTally(7, 8, plus=2, tie=1, minus=0)])  # 2 agree, 4 agree by half, of 6
    0.6666666666666666
    """
    agreeing, votes = 0.0, 0
    for _, _, plus, tie, minus in pairs:
        n = plus + tie + minus
        if n >= 2:
            same = plus * (plus - 1) + tie * (tie - 1) + minus * (minus - 1)
            agreeing += (same + tie * (plus + minus)) / (n - 1)
            votes += n
    return agreeing / votes if votes else None


def _relations(tiers: Sequence[Sequence[int]]) -> dict[tuple[int, int], int]:
    """Return 1 (the first is better), 0 or -1 for each pair of completions, by (i, j) with i < j."""
    ranked = sorted((completion, tier) for tier, completions in enumerate(tiers) for completion in completions)
    return {(i, j): (ti < tj) - (ti > tj) for (i, ti), (j, tj) in combinations(ranked, 2)}


def _tallies(said: Iterable[Mapping[tuple[int, int], int]]) -> dict[tuple[int, int], list[int]]:
    tallies: dict[tuple[int, int], list[int]] = {}
    for relations in said:
        for pair, relation in relations.items():
            tallies.setdefault(pair, [0, 0, 0])[1 - relation] += 1
    return tallies


def _days(
    votes: Sequence[Vote],
    said: Sequence[Mapping[tuple[int, int], int]],
    tallies: Mapping[tuple[int, int], Sequence[int]],
) -> dict[Day, DaySums]:
    return {
        (vote.annotator, vote.day, vote.guideline): _day(vote, relations, tallies)
        for vote, relations in zip(votes, said, strict=True)
    }


def _day(
    vote: Vote, relations: Mapping[tuple[int, int], int], tallies: Mapping[tuple[int, int], Sequence[int]]
) -> DaySums:
    place = {completion: number for number, completion in enumerate(vote.order)}
    ties = choices = first_chosen = compared = quarters = 0
    for pair, relation in relations.items():
        i, j = pair
        if relation == 0:
            ties += 1
        elif i in place and j in place:
            choices += 1
            first_chosen += (place[i] < place[j]) == (relation == 1)
        others = _others_consensus(tallies[pair], relation)
        if others is not None:
            compared += 1
            quarters += 4 - abs(2 * relation - others)
    log = round(LOG_SCALE * math.log(vote.seconds)) if vote.seconds and vote.seconds > 0 else None
    return DaySums(
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
        timed=int(log is not None),
        log_seconds=log or 0,
        log_seconds_squares=(log or 0) ** 2,
    )


def _others_consensus(answers: Sequence[int], relation: int) -> int | None:
    """The median answer of the others on a pair, in halves (-2..2); None where there is none.

    As `reliability.others_consensus`, for one vote.
    """
    plus, tie, minus = answers[0] - (relation == 1), answers[1] - (relation == 0), answers[2] - (relation == -1)
    total = plus + tie + minus
    if plus == minus and 2 * plus == total:  # split in two, or nobody
        return None
    return (2 * plus > total) + (2 * plus >= total) - (2 * minus > total) - (2 * minus >= total)


def _met(
    votes: Sequence[Vote], said: Sequence[Mapping[tuple[int, int], int]]
) -> Iterator[tuple[tuple[int, int], MetSums]]:
    people = sorted((vote.annotator, number) for number, vote in enumerate(votes))
    for (a, one), (b, other) in combinations(people, 2):
        mine, theirs = said[one], said[other]
        gaps = [abs(relation - theirs[pair]) for pair, relation in mine.items() if pair in theirs]
        if gaps:
            yield (a, b), MetSums(1, len(gaps), 2 * len(gaps) - sum(gaps), int(mine == theirs))
