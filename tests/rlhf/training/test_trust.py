"""How far a text lies from the training data, where the truth is known."""

import pytest
import torch

from rlhf.training import trust

pytestmark = pytest.mark.torch


def states(n, *, seed, shift=0.0, scale=1.0, size=16):
    drawn = torch.Generator().manual_seed(seed)
    return shift + scale * torch.randn(n, size, generator=drawn)


def test_data_like_the_training_data_lies_inside_and_other_data_outside():
    found = trust.fit(states(600, seed=1), states(400, seed=2))

    assert found.outside_rate(found.distances(states(2000, seed=3))) < 0.04
    assert found.outside_rate(found.distances(states(200, seed=4, shift=3.0))) == 1.0


def test_distances_are_about_one_on_the_training_data_whatever_its_scale_and_correlation():
    mix = torch.randn(16, 16, generator=torch.Generator().manual_seed(9))
    trained_on = 40 * states(800, seed=1) @ mix + 7

    found = trust.fit(trained_on, 40 * states(400, seed=2) @ mix + 7)

    assert found.distances(trained_on).square().mean() == pytest.approx(1.0, abs=0.2)


def test_a_direction_in_which_the_data_never_varied_counts():
    trained_on = states(400, seed=1)
    trained_on[:, 0] *= 0.01

    found = trust.fit(trained_on, trained_on)

    moved = trained_on[:1].clone()
    moved[:, 0] += 1.0
    assert found.distances(moved) > found.threshold


def test_fewer_texts_than_dimensions_still_give_a_range():
    found = trust.fit(states(60, seed=1, size=200), states(60, seed=2, size=200))

    assert torch.isfinite(found.whitening).all()
    assert found.outside_rate(found.distances(states(100, seed=3, size=200))) < 0.2
    assert found.outside_rate(found.distances(states(100, seed=4, size=200, shift=3.0))) > 0.9


def test_too_few_texts_are_not_enough_to_tell():
    assert trust.fit(states(49, seed=1), states(200, seed=2)) is None
    assert trust.fit(states(200, seed=1), states(10, seed=2)) is None


def test_the_covariance_shrinks_as_ledoit_and_wolf_say():
    """Two dimensions, by hand: S = diag(2, 1), m = 1.5, |S - mI|^2 = .5; noise = (16 + 0 + 4 + ... ) below."""
    rows = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 2**0.5], [0.0, -(2**0.5)]], dtype=torch.float64)
    # sum of |x|^4 = 16 + 16 + 4 + 4 = 40; n |S|^2 = 4 * (4 + 1) = 20; noise = 20 / 16 = 1.25 > .5, so s = 1
    found = trust.shrunk_covariance(rows)

    torch.testing.assert_close(found, 1.5 * torch.eye(2, dtype=torch.float64))
