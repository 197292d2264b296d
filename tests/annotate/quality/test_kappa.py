"""Coefficients corrected for chance; published values: test_reference_cases.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annotate.quality import alpha, kappa

COUNTS = arrays(np.int64, st.tuples(st.integers(2, 12), st.just(3)), elements=st.integers(0, 4))
OF_COUNTS = [kappa.gwet, kappa.fleiss, kappa.brennan_prediger, kappa.krippendorff]


@given(COUNTS)
def test_alpha_with_gwets_error_is_krippendorffs_alpha(drawn: np.ndarray) -> None:
    table = drawn.astype(float)

    ours = kappa.krippendorff(table).estimate.value

    theirs = alpha.krippendorff_alpha(alpha.ValueCounts(table, np.arange(3.0)), metric=alpha.nominal)
    assert ours == (None if theirs.value is None or theirs.n < 2 else pytest.approx(theirs.value))


@pytest.mark.parametrize("coefficient", OF_COUNTS)
def test_the_order_of_units_and_answers_does_not_matter(coefficient) -> None:
    rng = np.random.default_rng(3)
    table = rng.integers(0, 4, (20, 3)).astype(float)

    turned = coefficient(table[rng.permutation(20)][:, [2, 0, 1]])

    assert turned.estimate.value == pytest.approx(coefficient(table).estimate.value)
    assert turned.standard_error == pytest.approx(coefficient(table).standard_error)


@pytest.mark.parametrize("coefficient", OF_COUNTS)
def test_perfect_agreement_on_two_answers_is_one(coefficient) -> None:
    assert coefficient(np.array([[3.0, 0.0], [0.0, 3.0]] * 5)).estimate.value == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("coefficient", OF_COUNTS)
@pytest.mark.parametrize(
    "table", [np.zeros((0, 2)), np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]] * 9), np.array([[3.0, 0.0]] * 9)]
)
def test_without_a_second_answer_or_a_second_kind_of_answer_there_is_a_reason(coefficient, table: np.ndarray) -> None:
    found = coefficient(table)

    assert found.estimate.value is None
    assert found.standard_error is None


def test_a_rare_flag_has_no_kappa_though_people_agree() -> None:
    table = np.repeat([[2.0, 0.0], [1.0, 1.0]], [118, 7], axis=0)

    assert kappa.fleiss(table).estimate.value == pytest.approx(-0.0288, abs=1e-4)
    assert kappa.gwet(table).estimate.value == pytest.approx(0.9408, abs=1e-4)


def test_congers_kappa_of_two_is_cohens() -> None:
    rng = np.random.default_rng(2)
    one = rng.integers(0, 3, 60)
    other = np.where(rng.random(60) < 0.6, one, rng.integers(0, 3, 60))

    conger = kappa.conger(np.column_stack([one, other]), n_values=3)

    cohen = kappa.cohen(kappa.cohen_table(one, other, n_values=3))
    assert conger.estimate.value == pytest.approx(cohen.estimate.value)
    assert conger.standard_error == pytest.approx(cohen.standard_error * np.sqrt(60 / 59))


@pytest.mark.parametrize("table", [np.zeros((2, 2)), np.array([[9.0, 0.0], [0.0, 0.0]])])
def test_cohens_kappa_without_units_or_variation_has_a_reason(table: np.ndarray) -> None:
    assert kappa.cohen(table).estimate.value is None


def test_weighted_and_plain_coefficients_are_one_with_two_answers() -> None:
    table = np.array([[2.0, 1.0], [3.0, 0.0], [0.0, 3.0]])

    weighted = kappa.gwet(table, weights=kappa.quadratic_weights(np.array([0.0, 1.0])))

    assert weighted.estimate == kappa.gwet(table).estimate
