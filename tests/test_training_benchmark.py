"""How the training benchmark compares two runs at equal KL, on curves worked by hand."""

import pytest

from benchmarks import equal_kl
from benchmarks.equal_kl import Step


@pytest.fixture(autouse=True)
def every_step_is_a_point(monkeypatch):
    monkeypatch.setattr(equal_kl, "SMOOTH", 1)


def test_scores_are_read_off_at_the_kl_that_both_have_spent_and_times_at_the_lower_of_them():
    quick = [Step(1.0, 1.0, 0.0), Step(2.0, 2.0, 1.0), Step(3.0, 3.0, 4.0)]
    slow = [Step(10.0, 1.0, 0.0), Step(20.0, 1.5, 2.25)]

    found = equal_kl.at_equal_kl(quick, slow)

    assert found["kl"] == 2.25
    assert found["score"] == pytest.approx(2.5)  # half way from 1 to 2 on the root
    assert found["other_score"] == 1.5
    assert (found["seconds"], found["other_seconds"]) == (2.0, 20.0)


def test_a_curve_is_of_means_over_steps(monkeypatch):
    monkeypatch.setattr(equal_kl, "SMOOTH", 2)

    (point,) = equal_kl._smooth([Step(1.0, 1.0, 2.0), Step(2.0, 2.0, 4.0)])

    assert point == (2.0, 1.5, 3.0)
