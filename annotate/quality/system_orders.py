"""Systems in order by other rules than their strengths: those of voting, and whole rankings taken at once.

For show beside the strengths: where all agree the order rests on nobody's model.
"""

from collections.abc import Callable

import numpy as np

from annotate.quality.arrays import Floats, Ints
from annotate.quality.detectors.rows import Rows, rows_of
from annotate.quality.orders import MOST_EXACT, borda, kemeny, majority, ranked_pairs
from annotate.quality.plackett_luce import Worths, plackett_luce
from annotate.quality.ranking import PairVotes
from annotate.quality.tiers import Tiers

MOST_RANKED_PAIRS = 30
"""Its majorities grow with the square of the systems, and each is tried against all those before it."""
MOST_ORDERS = 20_000
"""Distinct orders of systems that are fitted at once; of more, as many by chance."""
Rule = Callable[[Floats], list[list[int]]]
RULES: dict[str, tuple[Rule, int | None]] = {
    "majority": (majority, None),
    "Borda": (borda, None),
    "ranked pairs": (ranked_pairs, MOST_RANKED_PAIRS),
    "Kemeny": (kemeny, MOST_EXACT),
}
"""Each rule with the most candidates it is asked about."""


def places_by_rule(preferences: Floats) -> dict[str, list[int]]:
    """The place of each of S candidates by every rule that so many can be asked about; those that tie share one.

    `preferences`: how many prefer each to each other, ties by half. (S, S)

    >>> places_by_rule(np.array([[0.0, 3.0], [1.0, 0.0]]))["majority"]
    [1, 2]
    """
    n = len(preferences)
    return {
        name: places_in(rule(preferences), n=n) for name, (rule, most) in RULES.items() if most is None or n <= most
    }


def places_in(tiers: Tiers, *, n: int) -> list[int]:
    """The place of each of 0..n-1 in best-first tiers: one more than stand before it.

    >>> places_in([[2], [0, 1]], n=3)
    [2, 2, 1]
    """
    place, before = [0] * n, 0
    for tier in tiers:
        for one in tier:
            place[one] = before + 1
        before += len(tier)
    return place


def whole_ranking_strengths(votes: PairVotes, i_system: Ints, j_system: Ints, *, seed: int = 0) -> Worths | None:
    """Plackett and Luce's strengths of systems (codes from 0) from rankings of three or more, each taken as a whole.

    None where there are no such rankings. Rankings with an unknown system (-1) or with one system twice say nothing
    here.
    """
    rows = rows_of(votes)
    n_systems = int(max(i_system.max(initial=-1), j_system.max(initial=-1))) + 1
    orders, counts = _orders(rows, _system_of(votes, rows, i_system, j_system))
    if not orders:
        return None
    if len(orders) > MOST_ORDERS:
        chosen = np.random.default_rng(seed).choice(len(orders), MOST_ORDERS, replace=False)
        orders, counts = [orders[k] for k in chosen], [counts[k] for k in chosen]
    return plackett_luce(orders, n_items=n_systems, weights=counts)


def _system_of(votes: PairVotes, rows: Rows, i_system: Ints, j_system: Ints) -> Ints:
    """The system of each completion code of the rows."""
    found = np.full(len(rows.completion_ids), -1)
    found[np.searchsorted(rows.completion_ids, votes.units.i)] = i_system
    found[np.searchsorted(rows.completion_ids, votes.units.j)] = j_system
    return found


def _orders(rows: Rows, system_of: Ints) -> tuple[list[Tiers], list[float]]:
    """The distinct orders of systems, best first, and how often each was given."""
    by_place = np.lexsort((system_of[rows.completion], -rows.worth, rows.ranking))
    system, worth = system_of[rows.completion[by_place]], rows.worth[by_place]
    size_of = rows.size[rows.ranking[by_place]]
    orders: list[Tiers] = []
    counts: list[float] = []
    for size in np.unique(rows.size[rows.size > 2]).tolist():
        table = system[size_of == size].reshape(-1, size)
        falls = np.diff(worth[size_of == size].reshape(-1, size), axis=1) < 0
        is_told = (table >= 0).all(axis=1) & (np.diff(np.sort(table, axis=1), axis=1) > 0).all(axis=1)
        both = np.concatenate([table, falls.astype(np.int64)], axis=1)[is_told]
        distinct, count = np.unique(both, axis=0, return_counts=True)
        orders += [_tiers(row[:size], row[size:]) for row in distinct.tolist()]
        counts += count.astype(np.float64).tolist()
    return orders, counts


def _tiers(systems: list[int], falls: list[int]) -> Tiers:
    tiers = [[systems[0]]]
    for one, is_lower in zip(systems[1:], falls, strict=True):
        if is_lower:
            tiers.append([one])
        else:
            tiers[-1].append(one)
    return tiers
