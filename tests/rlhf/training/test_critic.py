"""The critic in closed form, against returns whose truth is known."""

import pytest
import torch

from rlhf.training import critic, ppo_math

pytestmark = pytest.mark.torch


def experience(seed, n=64, length=6, noise=0.1):
    """Rewards at the last token that a feature foretells: 2 x - 1 and noise."""
    drawn = torch.Generator().manual_seed(seed)
    told = torch.randn(n, 1, 3, generator=drawn).expand(n, length, 3)
    mask = torch.ones(n, length)
    rewards = torch.zeros(n, length)
    rewards[:, -1] = 2 * told[:, 0, 0] - 1 + noise * torch.randn(n, generator=drawn)
    known = torch.cat([told, torch.ones(n, length, 1)], dim=-1)
    return known, rewards, mask


def test_values_foretell_returns_that_the_features_foretell():
    learner = critic.RidgeCritic()
    learner.values(*experience(0))
    known, rewards, mask = experience(1)

    values = learner.values(known, rewards, mask)

    explained = ppo_math.explained_variance(values, ppo_math.rewards_to_go(rewards, mask), mask)
    assert explained > 0.98


def test_a_constant_return_is_foretold_exactly():
    known, _, mask = experience(0)
    rewards = torch.zeros_like(mask)
    rewards[:, -1] = -3.0

    values = critic.RidgeCritic().values(known, rewards, mask)

    torch.testing.assert_close(values, torch.full_like(mask, -3.0), atol=1e-4, rtol=0)


def test_a_prediction_never_saw_its_own_return():
    """Changing the returns of one half leaves the values of that half as they were."""
    known, rewards, mask = experience(0)
    changed = rewards.clone()
    changed[0::2] += 100.0

    before = critic.RidgeCritic().values(known, rewards, mask)
    after = critic.RidgeCritic().values(known, changed, mask)

    assert torch.equal(before[0::2], after[0::2])
    assert not torch.allclose(before[1::2], after[1::2])


def test_what_was_learned_can_be_taken_up_again():
    learner, other = critic.RidgeCritic(), critic.RidgeCritic()
    learner.values(*experience(0))

    other.restore(learner.state())

    assert torch.equal(learner.values(*experience(1)), other.values(*experience(1)))


def test_padding_has_no_value_and_teaches_nothing():
    known, rewards, mask = experience(0)
    mask[:, 4:] = 0
    rewards[:, 3] = rewards[:, -1]
    poisoned = rewards.clone()
    poisoned[:, 4:] = 1e6

    clean = critic.RidgeCritic().values(known * mask[:, :, None], rewards * mask, mask)
    dirty = critic.RidgeCritic().values(known * mask[:, :, None], poisoned, mask)

    assert torch.equal(clean, dirty)
    assert not clean[:, 4:].any()
