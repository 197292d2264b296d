"""Rankings become votes on pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.quality.ranking import RankingRow, pair_counts, pair_votes, ranked_completions

ANA, BEN = 71, 72


def test_a_ranking_of_three_votes_on_three_pairs_oriented_by_id() -> None:
    row = RankingRow(comparison=7, prompt=3, annotator=ANA, tiers=[[30], [10, 20]], order=[20, 30, 10])

    votes = pair_votes(ranked_completions([row]))

    assert votes.units.i.tolist() == [10, 10, 20]
    assert votes.units.j.tolist() == [20, 30, 30]
    assert votes.relation[np.argsort(votes.unit)].tolist() == [0, -1, -1]
    assert votes.i_first[np.argsort(votes.unit)].tolist() == [0, 0, 1]


def test_ids_of_comparison_prompt_and_annotator_come_back_from_their_codes() -> None:
    rows = [
        RankingRow(comparison=9, prompt=4, annotator=BEN, tiers=[[1], [2]]),
        RankingRow(comparison=7, prompt=3, annotator=ANA, tiers=[[5], [6]]),
    ]

    votes = pair_votes(ranked_completions(rows))

    assert votes.units.comparison_ids[votes.comparison].tolist() == [9, 7]
    assert votes.units.prompt_ids[votes.prompt].tolist() == [4, 3]
    assert votes.annotator_ids[votes.annotator].tolist() == [BEN, ANA]


def test_where_the_order_of_display_is_unknown_it_is_neither_first_nor_second() -> None:
    votes = pair_votes(ranked_completions([RankingRow(comparison=1, prompt=1, annotator=ANA, tiers=[[1], [2]])]))

    assert votes.i_first.tolist() == [-1]


def test_completions_that_were_not_ranked_make_no_votes() -> None:
    rows = [
        RankingRow(comparison=1, prompt=1, annotator=ANA, tiers=[[1], [2], [3]]),
        RankingRow(comparison=1, prompt=1, annotator=BEN, tiers=[[3], [1]]),
    ]

    counts = pair_counts(pair_votes(ranked_completions(rows)))

    assert counts.n_plus.tolist() == [1, 1, 1]
    assert counts.n_minus.tolist() == [0, 1, 0]
    assert (counts.n_plus + counts.n_tie + counts.n_minus).tolist() == [1, 2, 1]


def test_an_empty_project_has_no_votes() -> None:
    counts = pair_counts(pair_votes(ranked_completions([])))

    assert len(counts.n_plus) == len(counts.units.i) == 0


@given(st.permutations(range(6)))
def test_the_order_in_which_rankings_arrive_does_not_matter(order: list[int]) -> None:
    rows = [
        RankingRow(comparison=c, prompt=c, annotator=a, tiers=[[10 * c + (a + c) % 3], [10 * c + (a + c + 1) % 3]])
        for c in (1, 2)
        for a in (ANA, BEN, 73)
    ]

    shuffled = pair_counts(pair_votes(ranked_completions([rows[k] for k in order])))

    straight = pair_counts(pair_votes(ranked_completions(rows)))
    assert np.array_equal(np.stack(shuffled[:3]), np.stack(straight[:3]))
    assert np.array_equal(shuffled.units.i, straight.units.i)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([RankingRow(1, 1, ANA, [[1], [2, 1]])], "Completion 1 stands twice in one ranking"),
        ([RankingRow(1, 1, ANA, [[1], [2]]), RankingRow(2, 2, ANA, [[2], [3]])], "stands in two comparisons"),
        ([RankingRow(1, 1, ANA, [[1], [2]]), RankingRow(1, 1, ANA, [[2], [1]])], "ranked one comparison twice"),
    ],
)
def test_rankings_that_contradict_themselves_are_refused(rows: list[RankingRow], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        pair_votes(ranked_completions(rows))


def test_rows_of_one_ranking_must_name_one_annotator() -> None:
    ranked = ranked_completions([RankingRow(1, 1, ANA, [[1], [2]])])

    with pytest.raises(ValueError, match="differ in `annotator`"):
        pair_votes(ranked._replace(annotator=np.array([ANA, BEN])))
