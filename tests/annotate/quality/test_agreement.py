"""Pair agreement under the treatments of ties. Values worked by hand; published ones name their source."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.quality import agreement, tiers
from annotate.quality.estimate import Estimate
from annotate.quality.ranking import PairCounts, RankingRow, pair_counts, pair_votes, ranked_completions
from tests.annotate.quality.crowds import votes_on_pairs

SIGNS = st.lists(st.text("+0-.", min_size=2, max_size=6), min_size=1, max_size=8)


def counted(*comparisons: str) -> PairCounts:
    return pair_counts(votes_on_pairs(*comparisons))


def test_two_choices_and_a_tie_agree_by_a_third_by_two_thirds_or_wholly() -> None:
    counts = counted("++0")

    assert agreement.strict(counts).value == pytest.approx(2 / 6)
    assert agreement.half_credit(counts).value == pytest.approx(4 / 6)
    assert agreement.decisive(counts).value == 1.0


def test_a_choice_against_the_other_choice_does_not_agree_at_all() -> None:
    counts = counted("+-")

    assert agreement.strict(counts).value == agreement.half_credit(counts).value == 0.0


def test_each_vote_counts_once_so_five_votes_weigh_five_and_not_ten_pairs() -> None:
    """Agreeing ordered pairs: 2 of 2 on the first, 12 + 0 of 20 on the second (++++-)."""
    counts = counted("++", "++++-")

    assert agreement.decisive(counts).value == pytest.approx((2 / 1 + 12 / 4) / 7)
    assert agreement.raw_agreement(counts, ties=agreement.DECISIVE).value == pytest.approx(14 / 22)


def test_the_plain_mean_gives_a_comparison_with_five_votes_no_more_than_one_with_two() -> None:
    """2 of 2 agree on the first, 12 of 20 on the second; the third was heard once."""
    estimate = agreement.mean_agreement(counted("++", "++++-", "+"), ties=agreement.DECISIVE)

    assert estimate == Estimate(pytest.approx((1 + 12 / 20) / 2), n=2)
    assert agreement.mean_agreement(counted("+"), ties=agreement.STRICT).value is None


def test_n_counts_the_pairs_that_have_a_second_vote() -> None:
    assert agreement.half_credit(counted("++", "+", "0-+")).n == 2


def test_agreement_without_a_second_vote_is_no_number_but_a_reason() -> None:
    estimate = agreement.half_credit(counted("+", ".-"))

    assert estimate.value is None
    assert "two votes" in estimate.reason


def test_ties_alone_are_no_decisive_agreement() -> None:
    assert agreement.decisive(counted("000", "0+")).value is None


def test_disputed_comparisons_have_the_lowest_agreement_and_unheard_ones_none() -> None:
    values = agreement.agreement_by_comparison(counted("+++", "++-", "+"), ties=agreement.HALF_CREDIT)

    assert values[:2] == pytest.approx([1.0, 1 / 3])
    assert np.isnan(values[2])


def test_half_credit_on_full_rankings_is_one_minus_the_normalised_kemeny_distance() -> None:
    one, other = [[1], [2, 3], [4]], [[3], [1], [4, 2]]
    rows = [RankingRow(1, 1, annotator, ranking) for annotator, ranking in enumerate([one, other])]

    value = agreement.half_credit(pair_counts(pair_votes(ranked_completions(rows)))).value

    assert value == pytest.approx(1 - tiers.kemeny_distance(one, other) / (4 * 3))


@given(SIGNS)
def test_a_pair_with_one_vote_changes_nothing(comparisons: list[str]) -> None:
    alone = agreement.half_credit(counted(*comparisons))

    joined = agreement.half_credit(counted(*comparisons, "+"))

    assert joined == alone


@given(SIGNS, st.randoms(use_true_random=False))
def test_agreement_does_not_depend_on_who_is_called_what(comparisons: list[str], random) -> None:
    turned = str.maketrans("+-", "-+")
    relabelled = [random.choice([signs, signs.translate(turned)])[::-1] for signs in comparisons]

    assert agreement.half_credit(counted(*relabelled)) == agreement.half_credit(counted(*comparisons))
