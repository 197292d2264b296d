"""Verdicts and the order to show."""

import numpy as np
import pytest

from annotate.quality.consensus import fit
from annotate.quality.ranking import RankingRow, pair_votes, ranked_completions
from annotate.quality.verdict import Verdict, consensus_tiers, verdict


def tiers_after(*rankings: list[list[int]]) -> list[list[int]]:
    rows = [RankingRow(4, 1, annotator, ranking) for annotator, ranking in enumerate(rankings)]
    return consensus_tiers(fit(pair_votes(ranked_completions(rows)), seed=1), comparison=4)


@pytest.mark.parametrize(
    ("agreement", "expected"),
    [(0.6, Verdict.SETTLED), (0.59, Verdict.DISPUTED), (np.nan, Verdict.HEARD_ONCE)],
)
def test_agreement_from_the_threshold_on_settles_a_comparison(agreement: float, expected: Verdict) -> None:
    assert verdict(agreement, threshold=0.6) is expected


def test_a_unanimous_order_is_the_consensus() -> None:
    assert tiers_after(*[[[3], [1], [4], [2]]] * 3) == [[3], [1], [4], [2]]


def test_the_majority_order_wins_over_one_dissenter() -> None:
    assert tiers_after([[1], [2], [3]], [[1], [2], [3]], [[3], [2], [1]]) == [[1], [2], [3]]


def test_what_everybody_ties_is_tied() -> None:
    assert tiers_after(*[[[2], [1, 3]]] * 4) == [[2], [1, 3]]


def test_an_even_split_tells_no_order() -> None:
    assert tiers_after([[1], [2]], [[2], [1]]) == [[1, 2]]


def test_a_comparison_without_votes_has_no_order() -> None:
    rows = [RankingRow(4, 1, 0, [[1], [2]])]
    fitted = fit(pair_votes(ranked_completions(rows)), seed=1)

    assert consensus_tiers(fitted, comparison=99) == []
