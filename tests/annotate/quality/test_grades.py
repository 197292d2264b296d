"""The severity model of grades: known truth, the simulated crowd, odd projects."""

from types import ModuleType

import numpy as np
import pytest

from annotate.quality.grades import grade_consensus


def test_severity_and_noise_are_found_and_taken_out() -> None:
    rng = np.random.default_rng(1)
    truth, severity, noise = rng.normal(3, 1, 800), np.array([-0.6, 0.0, 0.0, 0.6]), np.array([0.3, 0.3, 1.0, 0.3])
    unit, annotator = np.repeat(np.arange(800), 3), (np.arange(800)[:, np.newaxis] + np.arange(3)).ravel() % 4
    grade = truth[unit] + severity[annotator] + noise[annotator] * rng.normal(size=2400)

    fitted = grade_consensus(unit, annotator, grade)

    assert fitted.severity == pytest.approx(severity, abs=0.1)
    assert fitted.spread == pytest.approx(noise, abs=0.1)
    assert np.std((fitted.grade - truth) / fitted.se) == pytest.approx(1.0, abs=0.1)


def test_the_grades_of_a_simulated_crowd_are_nearer_than_the_mean(crowd_generator: ModuleType) -> None:
    world = crowd_generator.world_a(np.random.default_rng([5, 1]), P=2000)
    unit = (world["prompt"].astype(np.int64)[:, np.newaxis] * 4 + np.arange(4)).ravel()
    annotator, grade = np.repeat(world["annotator"].astype(np.int64), 4), world["likert"].ravel().astype(np.float64)
    truth = world["true_likert"].ravel()

    fitted = np.clip(np.round(grade_consensus(unit, annotator, grade).grade), 1, 5)

    mean = np.clip(np.round(np.bincount(unit, grade) / np.bincount(unit)), 1, 5)
    assert (fitted == truth).mean() > (mean == truth).mean() + 0.02
    assert np.abs(fitted - truth).mean() < np.abs(mean - truth).mean() - 0.01


@pytest.mark.parametrize("grades", [[], [3.0], [3.0, 3.0, 3.0], [1.0, 5.0]])
def test_odd_projects_have_finite_grades(grades: list[float]) -> None:
    n = len(grades)

    fitted = grade_consensus(np.zeros(n, dtype=np.int64), np.arange(n), np.array(grades))

    assert all(np.isfinite(column).all() for column in fitted)


def test_a_unit_that_nobody_graded_has_no_grade() -> None:
    fitted = grade_consensus(np.array([0, 2]), np.array([0, 0]), np.array([2.0, 4.0]))

    assert np.isnan(fitted.grade[1]) and np.isnan(fitted.se[1])
    assert fitted.grade[[0, 2]].tolist() == [2.0, 4.0]
