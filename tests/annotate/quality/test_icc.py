"""Intraclass correlation; Shrout and Fleiss's table: test_reference_cases.py."""

import numpy as np
import pytest

from annotate.quality import alpha, icc


def test_one_way_with_unequal_numbers_of_grades_is_worked_by_hand() -> None:
    """Units (1, 3), (5, 5, 8): means 2 and 6, all 4.4; SSB 2 * 2.4² + 3 * 1.6² = 19.2, SSW 2 + 6 = 8, MSW 8/3.

    n0 = (5 - 13/5) / 1 = 2.4, so ICC = (19.2 - 8/3) / (19.2 + 1.4 * 8/3).
    """
    table = alpha.value_counts(np.array([0, 0, 1, 1, 1]), np.array([1.0, 3.0, 5.0, 5.0, 8.0]))

    assert icc.icc_one_way(table).value == pytest.approx((19.2 - 8 / 3) / (19.2 + 1.4 * 8 / 3))


def test_the_mean_of_k_grades_is_as_reliable_as_spearman_and_brown_say() -> None:
    table = alpha.value_counts(np.array([0, 0, 1, 1]), np.array([1.0, 3.0, 2.0, 5.0]))
    one = icc.icc_one_way(table).value

    assert icc.icc_one_way(table, raters=3).value == pytest.approx(3 * one / (1 + 2 * one))


def test_known_variances_are_found() -> None:
    """Items with variance 1, grades with variance 1 around them: ICC 1/2."""
    rng = np.random.default_rng(1)
    unit = np.repeat(np.arange(4_000), rng.integers(2, 5, 4_000))
    grades = rng.normal(size=4_000)[unit] + rng.normal(size=len(unit))
    by_unit = np.bincount(unit), np.bincount(unit, grades), np.bincount(unit, grades**2)

    parts = np.column_stack(
        [np.ones(4_000), by_unit[0], by_unit[0] ** 2, by_unit[1], by_unit[2], by_unit[1] ** 2 / by_unit[0]]
    )

    assert icc.icc_of(parts.sum(axis=0)) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("unit", "value"), [([], []), ([0], [3.0]), ([0, 0], [3.0, 4.0]), ([0, 0, 1, 1], [3.0] * 4), ([0, 1], [1.0, 2.0])]
)
def test_too_little_or_no_variation_gives_a_reason(unit: list, value: list) -> None:
    estimate = icc.icc_one_way(alpha.value_counts(np.array(unit, dtype=int), np.array(value, dtype=float)))

    assert estimate.value is None


@pytest.mark.parametrize("ratings", [np.zeros((0, 0)), np.ones((1, 3)), np.ones((4, 1)), np.ones((4, 3))])
def test_two_way_forms_need_two_units_two_annotators_and_variation(ratings: np.ndarray) -> None:
    assert all(form.value is None for form in icc.icc_two_way(ratings))
