"""Kendall's W, mean rho and mean tau-b; published values: test_reference_cases.py."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from annotate.quality import tiers
from annotate.quality.concordance import kendall_w, mean_rho, rho_evidence, tau_b_evidence
from annotate.quality.intervals import intervals_of
from annotate.quality.minimum import PROJECT
from annotate.quality.rank_correlation import kendall_tau_b, spearman
from annotate.quality.ranking import PairVotes, RankingRow, pair_votes, ranked_completions
from annotate.quality.resampling import resampling
from tests.annotate.quality.crowds import votes_on_pairs


def test_order_lists_are_not_rank_vectors() -> None:
    """A C D B against B D C A: ranks 1 4 2 3 and 4 1 3 2 are opposite, though the lists read as ranks agree by 0.6."""
    orders = [[[0], [2], [3], [1]], [[1], [3], [2], [0]]]
    ranks = np.array([[tiers.midranks(order)[completion] for completion in range(4)] for order in orders])

    assert mean_rho(ranks).value == pytest.approx(-1.0)
    assert mean_rho(np.array([[0.0, 2.0, 3.0, 1.0], [1.0, 3.0, 2.0, 0.0]])).value == pytest.approx(0.6)


def test_without_agreement_w_is_one_over_m_on_average_and_mean_rho_zero() -> None:
    rng = np.random.default_rng(1)
    projects = [rng.permuted(np.tile(np.arange(1.0, 5.0), (3, 1)), axis=1) for _ in range(400)]

    w = np.array([kendall_w(ranks).value for ranks in projects])
    rho = np.array([mean_rho(ranks).value for ranks in projects])

    assert w.mean() == pytest.approx(1 / 3, abs=3 * w.std() / 20)
    assert abs(rho.mean()) < 3 * rho.std() / 20


def test_a_judge_who_ties_everything_tells_nothing_and_drops_out() -> None:
    ranks = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [2.0, 2.0, 2.0]])

    assert kendall_w(ranks).value == 1.0
    assert kendall_w(ranks).n == 2


@pytest.mark.parametrize("ranks", [np.empty((0, 0)), np.array([[1.0, 2.0]]), np.full((3, 4), 2.5)])
def test_fewer_than_two_telling_judges_give_a_reason(ranks: np.ndarray) -> None:
    assert kendall_w(ranks).value is None
    assert mean_rho(ranks).reason.startswith("Fewer than two judges")


RANKINGS = st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=2, max_size=4)


def ranked(*comparisons: list[list[int]]) -> PairVotes:
    """Each comparison as the tier of its four completions for annotators 0, 1, …"""
    rows = [
        RankingRow(
            number, number, annotator, [[4 * number + c for c in np.flatnonzero(tiers == t)] for t in set(tiers)]
        )
        for number, rankings in enumerate(comparisons)
        for annotator, tiers in enumerate(np.array(rankings))
    ]
    return pair_votes(ranked_completions(rows))


def mean_of_pairs(rankings: list[list[int]], correlation) -> float:
    telling = [np.array(tiers, dtype=float) for tiers in rankings if len(set(tiers)) > 1]
    return float(np.mean([correlation(a, b).value for a, b in combinations(telling, 2)]))


@given(RANKINGS)
def test_the_mean_correlation_of_a_comparison_is_that_of_all_pairs_of_its_judges(rankings: list) -> None:
    assume(sum(len(set(tiers)) > 1 for tiers in rankings) >= 2)
    votes = ranked(rankings)

    assert rho_evidence(votes).value == pytest.approx(mean_of_pairs(rankings, spearman))
    assert tau_b_evidence(votes).value == pytest.approx(mean_of_pairs(rankings, kendall_tau_b))


def test_leaving_a_judge_out_equals_reckoning_without_their_rankings() -> None:
    rng = np.random.default_rng(4)
    comparisons = [rng.integers(0, 3, (4, 4)).tolist() for _ in range(6)]

    without = rho_evidence(ranked(*comparisons))

    fewer = rho_evidence(ranked(*[rankings[1:] for rankings in comparisons]))
    assert without.of(without.without[0]) == pytest.approx(fewer.value)


def test_a_ranking_of_some_completions_only_is_left_out() -> None:
    whole = [RankingRow(1, 1, annotator, [[1], [2], [3]]) for annotator in (1, 2)]
    part = RankingRow(1, 1, 3, [[3], [2]])

    assert rho_evidence(pair_votes(ranked_completions([*whole, part]))).value == pytest.approx(1.0)


@pytest.mark.parametrize("votes", [votes_on_pairs(), votes_on_pairs("0000"), votes_on_pairs("+")])
def test_without_two_telling_judges_the_mean_correlation_has_a_reason(votes: PairVotes) -> None:
    found = rho_evidence(votes)

    both = intervals_of(found, prompts=found.has_second_opinion, by=resampling(0, seed=1), minimum=PROJECT)

    assert both.same_annotators.reason.startswith("Not enough data: 0 prompts")
