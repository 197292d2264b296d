"""Calibration, against pairs whose probability is known."""

import pytest
import torch

from rlhf.training import calibration

pytestmark = pytest.mark.torch


def pairs(n=20_000, *, sharpness=1.0):
    """Gaps, and labels drawn with the probability that the gaps imply; then the gaps are stretched."""
    drawn = torch.Generator().manual_seed(1)
    gaps = 2 * torch.randn(n, generator=drawn)
    labels = (torch.rand(n, generator=drawn) < torch.sigmoid(gaps)).float()
    return sharpness * gaps, labels


def test_a_calibrated_model_has_hardly_any_error_and_a_temperature_of_one():
    gaps, labels = pairs()

    assert calibration.expected_calibration_error(gaps, labels) < 0.01
    assert calibration.temperature(gaps, labels) == pytest.approx(1.0, abs=0.05)


def test_a_model_that_is_too_sure_is_told_by_how_much():
    gaps, labels = pairs(sharpness=3.0)

    assert calibration.expected_calibration_error(gaps, labels) > 0.08
    assert calibration.temperature(gaps, labels) == pytest.approx(3.0, rel=0.05)


def test_which_completion_is_called_the_chosen_one_does_not_matter():
    gaps, labels = pairs(500)
    turned = torch.arange(500) % 2 == 0

    there = calibration.curve(gaps, labels)
    back = calibration.curve(torch.where(turned, -gaps, gaps), torch.where(turned, 1 - labels, labels))

    assert [b.n for b in there] == [b.n for b in back]
    assert [b.observed for b in there] == pytest.approx([b.observed for b in back])


def test_the_error_of_one_pair_worked_by_hand():
    gaps, labels = torch.tensor([0.0]), torch.tensor([1.0])  # says 0.5 and should say 1; turned: 0.5 and 0

    assert calibration.curve(gaps, labels) == [calibration.Bin(0.5, 0.6, 0.5, 0.5, 2)]
    assert calibration.expected_calibration_error(gaps, labels) == 0.0
