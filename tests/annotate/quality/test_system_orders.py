"""Systems by the rules of voting and by whole rankings: hand-worked orders, and what says nothing is left out."""

import numpy as np
import pytest

from annotate.quality.leaderboard import leaderboard, places
from annotate.quality.ranking import PairVotes, RankingRow, pair_votes, ranked_completions
from annotate.quality.system_orders import places_by_rule, places_in, whole_ranking_strengths


def ranked_systems(orders: list[list[list[int]]], *, prompt_of: int = 0) -> tuple[PairVotes, np.ndarray, np.ndarray]:
    """Each order of systems, best-first tiers, as a ranking of a comparison of its own: completion 10 c + system."""
    rows = [
        RankingRow(c, c, annotator=1 + c % 3, tiers=[[10 * c + one for one in tier] for tier in order])
        for c, order in enumerate(orders, start=1)
    ]
    votes = pair_votes(ranked_completions(rows))
    return votes, votes.units.i % 10, votes.units.j % 10


def test_borda_and_the_majority_disagree_on_the_example_of_condorcet() -> None:
    # 30 A > B > C, 1 A > C > B, 29 B > A > C, 10 B > C > A, 10 C > A > B, 1 C > B > A (Condorcet 1785):
    # A beats B 41 to 40 and C 60 to 21, B beats C 69 to 12; by Borda A has 101, B 109
    preferences = np.array([[0.0, 41, 60], [40, 0, 69], [21, 12, 0]])

    found = places_by_rule(preferences)

    assert found == {
        "majority": [1, 2, 3],
        "Borda": [2, 1, 3],
        "ranked pairs": [1, 2, 3],
        "Kemeny": [1, 2, 3],
    }


def test_rules_that_take_long_are_asked_of_few_candidates() -> None:
    assert list(places_by_rule(np.ones((10, 10)))) == ["majority", "Borda", "ranked pairs"]
    assert list(places_by_rule(np.ones((31, 31)))) == ["majority", "Borda"]


def test_those_that_tie_share_a_place() -> None:
    assert places_in([[3], [0, 2], [1]], n=4) == [2, 4, 2, 1]


def test_whole_rankings_of_three_give_the_strengths_that_their_pairs_give() -> None:
    rng = np.random.default_rng(5)
    worth = np.array([0.8, 0.2, -0.3, -0.7])
    orders = [[[int(k)] for k in np.argsort(-(worth + rng.gumbel(size=4)))] for _ in range(3000)]

    whole = whole_ranking_strengths(*ranked_systems(orders))

    assert whole is not None
    assert whole.used == 3000
    assert whole.log_worth == pytest.approx(worth, abs=0.1)


def test_a_tie_of_two_counts_and_a_tie_of_three_is_left_out() -> None:
    orders = [[[0], [1, 2]], [[1], [0], [2]], [[0, 1, 2]]] * 20

    whole = whole_ranking_strengths(*ranked_systems(orders))

    assert whole is not None
    assert (whole.used, whole.left_out) == (40.0, 20.0)
    assert np.isfinite(whole.log_tie)


def test_pairs_and_unknown_or_repeated_systems_say_nothing_of_whole_rankings() -> None:
    votes, i, j = ranked_systems([[[0], [1], [2]]] * 30)

    assert whole_ranking_strengths(*ranked_systems([[[0], [1]]] * 30)) is None
    assert whole_ranking_strengths(votes, np.where(i == 0, -1, i), j) is None
    assert whole_ranking_strengths(votes, np.where(i == 2, 1, i), np.where(j == 2, 1, j)) is None


def test_places_are_left_open_where_intervals_overlap_and_where_little_is_known() -> None:
    clear = [[[0], [1]]] * 90 + [[[1], [0]]] * 10
    even = [[[0], [1]]] * 50 + [[[1], [0]]] * 50
    few = [[[0], [1]]] * 9

    found = [places(leaderboard(*ranked_systems(orders), seed=1)) for orders in (clear, even, few)]

    assert found == [[(1, 1), (2, 2)], [(1, 2), (1, 2)], [(1, 2), (1, 2)]]


def test_parts_that_share_no_system_have_places_of_their_own() -> None:
    two = [[[0], [1]]] * 90 + [[[1], [0]]] * 10 + [[[2], [3]]] * 90 + [[[3], [2]]] * 10

    assert places(leaderboard(*ranked_systems(two), seed=1)) == [(1, 1), (2, 2), (1, 1), (2, 2)]
