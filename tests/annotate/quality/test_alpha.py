"""Krippendorff's alpha against published values, the krippendorff package, and its own properties."""

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


def table_of(units_by_raters: list[list]) -> alpha.ValueCounts:
    cells = [(unit, value) for unit, row in enumerate(units_by_raters) for value in row if value is not None]
    return alpha.value_counts(np.array([unit for unit, _ in cells]), np.array([float(value) for _, value in cells]))


def paired(contingency: list[list[int]]) -> alpha.ValueCounts:
    rows = [[a, b] for a, row in enumerate(contingency) for b, count in enumerate(row) for _ in range(count)]
    return table_of(rows)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("krippendorff_canonical_4x12", "nominal"),
        ("krippendorff_canonical_4x12", "ordinal"),
        ("krippendorff_canonical_4x12", "interval"),
        ("krippendorff_canonical_4x12", "ratio"),
        ("krippendorff_2018_p306_binary", "nominal"),
        ("hayes_krippendorff_2007_5x40", "nominal"),
        ("hayes_krippendorff_2007_5x40", "ordinal"),
    ],
)
def test_alpha_equals_the_published_value(published: dict, name: str, metric: str) -> None:
    case = published[name]

    estimate = alpha.krippendorff_alpha(table_of(case["input"]["data"]), metric=METRICS[metric])

    assert estimate.value == pytest.approx(case["expected"][metric], abs=case["tolerance"])


@pytest.mark.parametrize("name", ["freelon_2010_R2.02", "freelon_2010_R3.01"])
def test_alpha_and_fleiss_kappa_equal_recals_tables(published: dict, name: str) -> None:
    case = published[name]
    table = table_of(case["input"]["data"])

    assert alpha.krippendorff_alpha(table, metric=alpha.nominal).value == pytest.approx(
        case["expected"]["alpha"], abs=case["tolerance"]
    )
    assert alpha.fleiss_kappa(table).value == pytest.approx(case["expected"]["scott_or_fleiss"], abs=case["tolerance"])


def test_gwets_abstractors_have_the_printed_scott_pi_and_alpha(published: dict) -> None:
    case = published["gwet_3x3_abstractors"]
    table = paired(case["input"]["data"])

    assert alpha.fleiss_kappa(table).value == pytest.approx(case["expected"]["scott"], abs=2e-6)
    assert alpha.krippendorff_alpha(table, metric=alpha.nominal).value == pytest.approx(
        case["expected"]["alpha"], abs=2e-6
    )


def test_quadratic_weights_are_the_interval_metric(published: dict) -> None:
    case = published["gwet_3x3_abstractors_quadratic"]

    estimate = alpha.krippendorff_alpha(paired(case["input"]["data"]), metric=alpha.interval)

    assert estimate.value == pytest.approx(case["expected"]["alpha"], abs=case["tolerance"])


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("fleiss_1971_psychiatric_diagnoses", "kappa"),
        ("fleiss_kappa_wikipedia_14x10", "kappa"),
        ("randolph_free_marginal_small", "fixed"),
    ],
)
def test_fleiss_kappa_equals_the_published_value(published: dict, name: str, key: str) -> None:
    case = published[name]
    counts = np.array(case["input"]["data"], dtype=np.float64)

    estimate = alpha.fleiss_kappa(alpha.ValueCounts(counts, np.arange(counts.shape[1], dtype=np.float64)))

    assert estimate.value == pytest.approx(case["expected"][key], abs=case["tolerance"])


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


def test_fleiss_kappa_wants_equally_many_answers_on_every_unit() -> None:
    estimate = alpha.fleiss_kappa(alpha.ValueCounts(np.array([[2.0, 1.0], [2.0, 0.0]]), np.arange(2.0)))

    assert "same number" in estimate.reason
