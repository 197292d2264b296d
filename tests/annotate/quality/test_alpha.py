"""Krippendorff's alpha against the krippendorff package, and its own properties."""

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annotate.quality import agreement, alpha
from annotate.quality.ranking import pair_counts
from tests.annotate.quality.crowds import drawn_votes, votes_on_pairs

METRICS = {"nominal": alpha.nominal, "ordinal": alpha.ordinal, "interval": alpha.interval, "ratio": alpha.ratio}
COUNTS = arrays(np.int64, st.tuples(st.integers(1, 12), st.just(3)), elements=st.integers(0, 4))


@given(COUNTS, st.sampled_from(["nominal", "ordinal", "interval", "ratio"]))
def test_alpha_equals_the_krippendorff_package(counts: np.ndarray, metric: str) -> None:
    pairable = counts[counts.sum(axis=1) >= 2]
    assume((pairable.sum(axis=0) > 0).sum() >= 2)
    values = np.array([1.0, 2.0, 5.0])

    estimate = alpha.krippendorff_alpha(alpha.ValueCounts(counts.astype(float), values), metric=METRICS[metric])

    oracle = krippendorff.alpha(value_counts=pairable, value_domain=values, level_of_measurement=metric)
    assert estimate.value == pytest.approx(oracle, abs=1e-9)


@given(COUNTS, st.sampled_from([(agreement.STRICT, "nominal"), (agreement.INTERVAL, "interval")]))
def test_pair_alpha_is_the_package_on_counts_doubled_with_the_signs_flipped(counts: np.ndarray, how: tuple) -> None:
    pairable = counts[counts.sum(axis=1) >= 2]
    doubled = np.vstack([pairable, pairable[:, ::-1]])
    assume(len(pairable) > 0 and (doubled.sum(axis=0) > 0).sum() >= 2)
    votes = votes_on_pairs(*("+" * a + "0" * b + "-" * c or "." for a, b, c in counts))

    estimate = alpha.pair_alpha(pair_counts(votes), ties=how[0])

    oracle = krippendorff.alpha(value_counts=doubled, value_domain=np.array([-1, 0, 1]), level_of_measurement=how[1])
    assert estimate.value == pytest.approx(oracle, abs=1e-9)


def test_pair_alpha_does_not_change_when_half_of_the_pairs_are_turned() -> None:
    straight = pair_counts(votes_on_pairs("++-", "++", "+0+", "--+"))
    turned = pair_counts(votes_on_pairs("--+", "++", "-0-", "--+"))

    assert alpha.pair_alpha(turned, ties=agreement.HALF_CREDIT) == alpha.pair_alpha(
        straight, ties=agreement.HALF_CREDIT
    )
    assert alpha.krippendorff_alpha(
        alpha.ValueCounts(agreement.answer_counts(turned), np.arange(3.0)), metric=alpha.nominal
    ) != alpha.krippendorff_alpha(
        alpha.ValueCounts(agreement.answer_counts(straight), np.arange(3.0)), metric=alpha.nominal
    )


def test_half_credit_alpha_of_a_choice_and_a_tie_is_worked_by_hand() -> None:
    """ "+0" and "++" with their mirrors: observed 2 (1/2 + 1/2) / 8 = 1/4; answers + 3, 0 2, - 3 of 8.

    By chance: (3*2*1/2 * 4 + 3*3*1 * 2) / (8 * 7) = 30/56; alpha = 1 - (1/4) / (30/56) = 8/15.
    """
    counts = pair_counts(votes_on_pairs("+0", "++"))

    assert alpha.pair_alpha(counts, ties=agreement.HALF_CREDIT).value == pytest.approx(8 / 15)


def test_a_perfect_crowd_has_alpha_of_exactly_one() -> None:
    counts = pair_counts(votes_on_pairs(*["+++", "---", "000"] * 40))

    assert alpha.pair_alpha(counts, ties=agreement.HALF_CREDIT).value == 1.0


def test_random_clickers_have_alpha_near_zero_over_two_hundred_projects() -> None:
    rng = np.random.default_rng(5)
    crowds = [drawn_votes(rng, slopes=[0.0] * 6, pulls=[0.0] * 6, n_pairs=40)[0] for _ in range(200)]

    values = np.array([alpha.pair_alpha(pair_counts(votes), ties=agreement.DECISIVE).value for votes in crowds])

    assert abs(values.mean()) < 3 * values.std() / np.sqrt(200)


def test_doubling_every_comparison_leaves_alpha_up_to_the_sample_term() -> None:
    once = ["++-", "+0", "--", "0++"] * 50

    single = alpha.pair_alpha(pair_counts(votes_on_pairs(*once)), ties=agreement.HALF_CREDIT).value
    double = alpha.pair_alpha(pair_counts(votes_on_pairs(*once, *once)), ties=agreement.HALF_CREDIT).value

    assert double == pytest.approx(single, abs=2e-3)


def test_when_everybody_ties_everything_chance_cannot_be_told_from_agreement() -> None:
    estimate = alpha.pair_alpha(pair_counts(votes_on_pairs("000", "00")), ties=agreement.HALF_CREDIT)

    assert estimate.value is None
    assert estimate.reason.startswith("No variation")


def test_without_a_second_opinion_alpha_is_undefined() -> None:
    estimate = alpha.pair_alpha(pair_counts(votes_on_pairs("+", ".-")), ties=agreement.STRICT)

    assert estimate.value is None
    assert estimate.n == 0
