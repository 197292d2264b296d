"""One ranking, or two, as lists of tiers: in words, as pair relations, as ranks, and how far apart two are.

A ranking is a bucket order: best-first tiers of completion ids, several in a tier being a tie.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

Tiers = Sequence[Sequence[int]]


def sentence(tiers: Tiers, *, labels: Mapping[int, str]) -> str:
    """The ranking in words, best first.

    >>> sentence([[3], [1, 4], [2]], labels={1: "A", 2: "B", 3: "C", 4: "D"})
    'C > A = D > B'
    """
    return " > ".join(" = ".join(sorted(labels[completion] for completion in tier)) for tier in tiers)


def relations(tiers: Tiers) -> dict[tuple[int, int], int]:
    """For each pair of ids, the smaller first: 1 the first is better, 0 tie, -1 the second is better.

    >>> relations([[3], [1, 4]])
    {(1, 3): -1, (1, 4): 0, (3, 4): 1}
    """
    tier_of = {completion: tier for tier, completions in enumerate(tiers) for completion in completions}
    return {(i, j): _sign(tier_of[j] - tier_of[i]) for i, j in combinations(sorted(tier_of), 2)}


def midranks(tiers: Tiers) -> dict[int, float]:
    """The rank of each completion, 1 the best; those that tie share the mean of their places.

    >>> midranks([[3], [1, 4], [2]])
    {3: 1.0, 1: 2.5, 4: 2.5, 2: 4.0}
    """
    ranks: dict[int, float] = {}
    for tier in tiers:
        middle = len(ranks) + (1 + len(tier)) / 2
        ranks |= dict.fromkeys(tier, middle)
    return ranks


def kemeny_distance(one: Tiers, other: Tiers) -> int:
    """Kemeny and Snell's distance over the pairs that both rank: 2 for a reversed pair, 1 for a tie against a win.

    >>> kemeny_distance([[1], [2], [3]], [[3], [1, 2]])
    5
    """
    ours, theirs = relations(one), relations(other)
    return sum(abs(ours[pair] - theirs[pair]) for pair in ours.keys() & theirs.keys())


def tau_x(one: Tiers, other: Tiers) -> float | None:
    """Emond and Mason's rank correlation over the pairs that both rank: 1 - distance / pairs; None without such a pair.

    Unlike tau-b it is defined for those who tie everything.

    >>> tau_x([[1], [2], [3]], [[1], [2, 3]])
    0.6666666666666667
    """
    shared = len(relations(one).keys() & relations(other).keys())
    return 1 - kemeny_distance(one, other) / shared if shared else None


def pair_agreement(one: Tiers, other: Tiers) -> float | None:
    """The share of pairs on which two rankings agree; a tie against a win counts half. None without a shared pair.

    >>> pair_agreement([[1], [2], [3]], [[1], [2, 3]])
    0.8333333333333334
    """
    tau = tau_x(one, other)
    return None if tau is None else (1 + tau) / 2


def _sign(difference: int) -> int:
    return (difference > 0) - (difference < 0)
