"""One order from many: the rules of voting, for show beside the joint model. Ties stay ties.

A rule takes how many prefer each completion to each other, ties by half (K, K), and gives best-first tiers of 0..K-1.
"""

from collections.abc import Sequence

import numpy as np

from annotate.quality.arrays import Flags, Floats
from annotate.quality.tiers import Tiers, relations

MOST_EXACT = 9
"""Kemeny's order is found among all orders of so many completions: 2^9 sets by dynamic programming."""
SAME = 1e-9


def preference_matrix(rankings: Sequence[Tiers], completions: Sequence[int], weights: Floats | None = None) -> Floats:
    """How many rankings put the one above the other, a tie counting half for each; unranked is missing. (K, K)

    >>> preference_matrix([[[5], [7]], [[5, 7]]], [5, 7]).tolist()
    [[0.0, 1.5], [0.5, 0.0]]
    """
    place = {completion: number for number, completion in enumerate(completions)}
    matrix = np.zeros((len(place), len(place)))
    for ranking, weight in zip(rankings, np.ones(len(rankings)) if weights is None else weights, strict=True):
        for (i, j), sign in relations(ranking).items():
            matrix[place[i], place[j]] += weight * (1 + sign) / 2
            matrix[place[j], place[i]] += weight * (1 - sign) / 2
    return matrix


def majority(preferences: Floats) -> list[list[int]]:
    """By the number of completions that a majority puts below, less those above: Copeland's rule. (K, K) to tiers

    With a Condorcet winner, whom a majority prefers to every other, that one stands first.
    """
    return _tiers(np.sign(preferences - preferences.T).sum(axis=1))


def borda(preferences: Floats) -> list[list[int]]:
    """By the share of all votes on their pairs that completions won; with full rankings by mean midrank."""
    votes = (preferences + preferences.T).sum(axis=1)
    return _tiers(np.divide(preferences.sum(axis=1), votes, out=np.full(len(votes), 0.5), where=votes > 0))


def ranked_pairs(preferences: Floats) -> list[list[int]]:
    """Tideman (1987): majorities are taken from the widest on, unless they contradict those taken; by what they imply.

    Majorities of one width are taken together where none of them closes a circle with wider ones, so that names do not
    decide; completions of which nothing is implied share a tier.
    """
    lead = preferences - preferences.T
    above = np.zeros(lead.shape, dtype=np.bool_)
    widths = sorted({round(float(width), 9) for width in lead[lead > SAME]}, reverse=True)
    for width in widths:
        level = np.argwhere(np.abs(lead - width) < SAME)
        kept = [(i, j) for i, j in level if not above[j, i]]
        together = _closure(above | _relation(kept, len(lead)))
        above = _closure(above | _relation([(i, j) for i, j in kept if not together[j, i]], len(lead)))
    return _tiers((above.sum(axis=1) - above.sum(axis=0)).astype(np.float64))


def kemeny(preferences: Floats) -> list[list[int]]:
    """The order with the fewest votes against it (Kemeny 1959), exact; completions on which orders of least cost
    differ share a tier. Up to nine completions; ValueError beyond."""
    k = len(preferences)
    if k > MOST_EXACT:
        raise ValueError(f"Kemeny's order is searched among up to {MOST_EXACT} completions; got {k}. Use borda.")
    costs, sets = _least_costs(preferences), np.arange(1 << k)
    inside = (sets[:, np.newaxis] >> np.arange(k) & 1).astype(np.float64)
    across = np.einsum("sj,ji,si->s", 1 - inside, preferences, inside)
    is_on_top = costs + across + costs[::-1] <= costs[-1] + SAME * max(preferences.sum(), 1.0)
    size = inside.sum(axis=1).astype(np.int64)
    cuts = [found[0] for n in range(k + 1) if len(found := sets[is_on_top & (size == n)]) == 1]
    tiers = [[i for i in range(k) if (lower ^ upper) >> i & 1] for upper, lower in zip(cuts, cuts[1:], strict=False)]
    return tiers


def kemeny_score(tiers: Tiers, preferences: Floats) -> float:
    """The votes on pairs that agree with an order; of a tie, the half that either side would get.

    >>> kemeny_score([[0], [1]], np.array([[0.0, 3.0], [1.0, 0.0]]))
    3.0
    """
    score = 0.0
    for (i, j), sign in relations(tiers).items():
        score += (preferences[i, j] * (1 + sign) + preferences[j, i] * (1 - sign)) / 2
    return float(score)


def _least_costs(preferences: Floats) -> Floats:
    """For each set of completions, as bits, the fewest votes against the best order of it alone on top. (2^K,)"""
    k = len(preferences)
    costs = np.full(1 << k, np.inf)
    costs[0] = 0.0
    for chosen in range(1 << k):
        inside = [i for i in range(k) if chosen >> i & 1]
        for new in range(k):
            if not chosen >> new & 1:
                against = sum(preferences[new, i] for i in inside)
                costs[chosen | 1 << new] = min(costs[chosen | 1 << new], costs[chosen] + against)
    return costs


def _tiers(scores: Floats) -> list[list[int]]:
    """Completions by score, the highest first; equal ones share a tier."""
    tiers: list[list[int]] = []
    for completion in np.argsort(-scores, kind="stable").tolist():
        if tiers and abs(scores[tiers[-1][0]] - scores[completion]) < SAME:
            tiers[-1].append(completion)
        else:
            tiers.append([completion])
    return tiers


def _relation(pairs: Sequence[tuple[int, int]], k: int) -> Flags:
    found = np.zeros((k, k), dtype=np.bool_)
    for i, j in pairs:
        found[i, j] = True
    return found


def _closure(above: Flags) -> Flags:
    """What follows from it by transitivity (Warshall)."""
    closed = above.copy()
    for middle in range(len(above)):
        closed |= np.outer(closed[:, middle], closed[middle])
    return closed
