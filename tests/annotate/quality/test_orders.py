"""Voting rules: worked elections, and what every rule must keep."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.quality import orders
from tests.annotate.quality.test_tiers import bucket_orders

RULES = [orders.majority, orders.borda, orders.ranked_pairs, orders.kemeny]


def matrix_of(*ballots: tuple[int, str]) -> np.ndarray:
    """(voters, "ABC") to the preference matrix of A, B, C …"""
    rankings = [[[ord(letter) - 65] for letter in order] for _, order in ballots]
    size = max(len(order) for _, order in ballots)
    return orders.preference_matrix(rankings, range(size), np.array([float(n) for n, _ in ballots]))


def test_borda_elects_another_than_the_majority() -> None:
    """Three of five put A first, but B is everybody's first or second: Borda 6 + 0 against 3 + 4."""
    preferences = matrix_of((3, "ABC"), (2, "BCA"))

    assert orders.majority(preferences) == [[0], [1], [2]]
    assert orders.borda(preferences) == [[1], [0], [2]]


def test_ranked_pairs_breaks_a_circle_at_its_weakest_link() -> None:
    """A over B by 12 to 6, B over C by 13 to 5, C over A by 11 to 7: the last is dropped."""
    preferences = np.array([[0.0, 12, 7], [6, 0, 13], [11, 5, 0]])

    assert orders.ranked_pairs(preferences) == [[0], [1], [2]]
    assert orders.kemeny(preferences) == [[0], [1], [2]]


@pytest.mark.parametrize("rule", RULES)
def test_a_perfect_circle_is_a_tie(rule) -> None:
    assert rule(matrix_of((1, "ABC"), (1, "BCA"), (1, "CAB"))) == [[0, 1, 2]]


@pytest.mark.parametrize("rule", RULES)
def test_ties_are_kept_and_no_votes_are_one_tie(rule) -> None:
    preferences = orders.preference_matrix([[[2], [0, 1]], [[2], [0, 1]]], range(3))

    assert rule(preferences) == [[2], [0, 1]]
    assert rule(np.zeros((3, 3))) == [[0, 1, 2]]
    assert rule(np.zeros((1, 1))) == [[0]]


@pytest.mark.parametrize("rule", RULES)
@given(ranking=bucket_orders(), turn=st.permutations(range(5)))
def test_what_all_say_is_the_order_whatever_the_names(rule, ranking: list, turn: list) -> None:
    renamed = [sorted(turn[i] for i in tier) for tier in ranking]

    assert rule(orders.preference_matrix([ranking] * 3, range(5))) == [sorted(tier) for tier in ranking]
    assert [sorted(tier) for tier in rule(orders.preference_matrix([renamed] * 3, range(5)))] == renamed


@given(st.lists(st.integers(0, 5), min_size=12, max_size=12))
def test_kemeny_is_the_best_of_all_orders(counts: list[int]) -> None:
    preferences = np.zeros((4, 4))
    preferences[~np.eye(4, dtype=bool)] = counts

    found = orders.kemeny(preferences)

    best = max(orders.kemeny_score([[i] for i in order], preferences) for order in permutations(range(4)))
    strict = [[i] for tier in found for i in tier]
    assert orders.kemeny_score(strict, preferences) <= best
    if all(len(tier) == 1 for tier in found):
        assert orders.kemeny_score(found, preferences) == best


def test_ten_completions_are_too_many_for_kemeny() -> None:
    with pytest.raises(ValueError, match="up to 9 completions; got 10"):
        orders.kemeny(np.zeros((10, 10)))
