"""Single rankings: words, relations, ranks, distances. Values worked by hand unless a source stands beside them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.quality import tiers


@st.composite
def bucket_orders(draw: st.DrawFn, size: int = 5) -> list[list[int]]:
    places = draw(st.lists(st.integers(0, size - 1), min_size=size, max_size=size))
    return [[item for item in range(size) if places[item] == place] for place in sorted(set(places))]


def test_a_ranking_is_read_back_best_first_with_its_ties() -> None:
    labels = {1: "A", 2: "B", 3: "C", 4: "D"}

    assert tiers.sentence([[3], [4, 1], [2]], labels=labels) == "C > A = D > B"


def test_relations_are_oriented_by_id_and_not_by_place() -> None:
    assert tiers.relations([[9], [2, 5]]) == {(2, 5): 0, (2, 9): -1, (5, 9): -1}


def test_midranks_are_ranks_of_completions_and_not_the_order_list() -> None:
    assert tiers.midranks([[2], [3], [0], [1]]) == {2: 1.0, 3: 2.0, 0: 3.0, 1: 4.0}


def test_tied_completions_share_the_mean_of_their_places() -> None:
    assert tiers.midranks([[7, 8, 9], [1]]) == {7: 2.0, 8: 2.0, 9: 2.0, 1: 4.0}


def test_reversing_a_ranking_of_four_reverses_its_six_pairs() -> None:
    assert tiers.kemeny_distance([[1], [2], [3], [4]], [[4], [3], [2], [1]]) == 12
    assert tiers.tau_x([[1], [2], [3], [4]], [[4], [3], [2], [1]]) == -1.0


def test_a_tie_is_halfway_between_two_orders() -> None:
    assert tiers.tau_x([[1, 2]], [[1], [2]]) == 0.0


def test_only_pairs_that_both_ranked_are_compared() -> None:
    assert tiers.tau_x([[1], [2], [3]], [[3], [9], [1]]) == -1.0
    assert tiers.tau_x([[1], [2]], [[2], [3]]) is None


@given(bucket_orders(), bucket_orders())
def test_tau_x_is_the_product_of_emond_and_masons_score_matrices(one: list[list[int]], other: list[list[int]]) -> None:
    """Emond and Mason (2002), J. Multi-Criteria Decision Analysis 11:17-28: ties score +1 in both directions."""
    ours, theirs = _place_of(one), _place_of(other)
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]

    product = sum(_score(ours, i, j) * _score(theirs, i, j) for i, j in pairs) / len(pairs)

    assert tiers.tau_x(one, other) == pytest.approx(product, abs=1e-12)


def _place_of(order: list[list[int]]) -> dict[int, int]:
    return {item: place for place, tier in enumerate(order) for item in tier}


def _score(place_of: dict[int, int], i: int, j: int) -> int:
    return 1 if place_of[i] <= place_of[j] else -1
