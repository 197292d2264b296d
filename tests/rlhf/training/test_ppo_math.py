"""The formulas of PPO on tensors small enough to work by hand."""

import math

import pytest
import torch

from rlhf.training import ppo_math

pytestmark = pytest.mark.torch

MASK = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]])


def close(found, expected):
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-5, rtol=0)


def test_the_mean_is_over_the_tokens_that_count():
    values = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 99.0]])

    assert ppo_math.masked_mean(values, MASK).item() == 3.0


def test_k1_is_the_log_ratio_and_k3_is_never_negative():
    policy, reference = torch.tensor([[-1.0, -2.0]]), torch.tensor([[-1.5, -1.0]])

    close(ppo_math.kl_k1(policy, reference), [[0.5, -1.0]])
    close(ppo_math.kl_k3(policy, reference), [[math.exp(-0.5) - 1 + 0.5, math.e - 2]])


def test_the_score_lands_on_the_last_token_and_the_kl_on_every_token():
    kl = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 50.0]])

    rewards = ppo_math.token_rewards(kl, torch.tensor([10.0, 20.0]), MASK, kl_coef=0.1)

    close(rewards, [[-0.1, -0.2, 9.7], [-0.1, 19.8, 0.0]])


def test_scores_are_centred_scaled_cut_and_fined_for_a_missing_end():
    scores, is_finished = torch.tensor([3.0, 100.0, 1.0]), torch.tensor([True, True, False])

    found = ppo_math.normalised_scores(scores, is_finished, mean=1.0, std=2.0, clip=4.0, missing_eos_penalty=1.5)

    close(found, [1.0, 4.0, -1.5])


def test_advantages_follow_the_recursion():
    """Row 1, lambda 0.5: deltas 1 + 2 - 1, 0 + 3 - 2, 4 - 3; A = 1; 1 + .5 = 1.5; 2 + .75 = 2.75."""
    rewards = torch.tensor([[1.0, 0.0, 4.0], [0.0, 2.0, 0.0]])
    values = torch.tensor([[1.0, 2.0, 3.0], [1.0, 1.0, 7.0]])

    advantages, returns = ppo_math.advantages_and_returns(rewards, values, MASK, gae_lambda=0.5)

    close(advantages, [[2.75, 1.5, 1.0], [0.5, 1.0, 0.0]])
    close(returns, [[3.75, 3.5, 4.0], [1.5, 2.0, 0.0]])


def test_whitened_values_have_mean_zero_and_unit_variance_over_the_tokens_that_count():
    white = ppo_math.whiten(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 99.0]]), MASK)

    kept = white[MASK.bool()]
    assert (kept.mean().item(), kept.var().item()) == pytest.approx((0.0, 1.0), abs=1e-6)
    assert white[1, 2] == 0.0


def test_the_policy_loss_takes_the_worse_of_plain_and_clipped():
    """Ratios 2 and 0.5 against a clip of 0.2, advantages 1 and -1: max(-2, -1.2) = -1.2; max(0.5, 0.8) = 0.8."""
    ratios, advantages = torch.tensor([[2.0, 0.5]]), torch.tensor([[1.0, -1.0]])

    loss, fraction = ppo_math.policy_loss(ratios.log(), torch.zeros(1, 2), advantages, torch.ones(1, 2), clip_range=0.2)

    assert loss.item() == pytest.approx((-1.2 + 0.8) / 2)
    assert fraction.item() == 1.0


def test_the_gradient_at_the_old_policy_is_minus_the_advantage():
    logprobs = torch.zeros(1, 2, requires_grad=True)

    loss, _ = ppo_math.policy_loss(
        logprobs, torch.zeros(1, 2), torch.tensor([[3.0, -1.0]]), torch.ones(1, 2), clip_range=0.2
    )
    loss.backward()

    close(logprobs.grad, [[-1.5, 0.5]])


def test_the_value_loss_takes_the_worse_of_plain_and_clipped():
    """V = 1, V_old = 0, R = 2, clip 0.2: max(1, (0.2 - 2)^2) = 3.24, halved."""
    loss = ppo_math.value_loss(
        torch.ones(1, 1), torch.zeros(1, 1), torch.full((1, 1), 2.0), torch.ones(1, 1), clip_range=0.2
    )

    assert loss.item() == pytest.approx(1.62)


def test_a_perfect_critic_explains_everything_and_a_constant_one_nothing():
    returns = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]])

    assert ppo_math.explained_variance(returns, returns, MASK).item() == pytest.approx(1.0)
    assert ppo_math.explained_variance(torch.ones(2, 3), returns, MASK).item() == pytest.approx(0.0)


def test_the_coefficient_moves_by_a_fifth_of_n_over_the_horizon_at_most():
    """Ziegler et al. 2019: twice the target would be + 100 %, and is cut to + 20 %."""
    adapt = ppo_math.adapted_kl_coef

    assert adapt(0.1, 12.0, target=6.0, horizon=100.0, n=100) == pytest.approx(0.12)
    assert adapt(0.1, 6.6, target=6.0, horizon=100.0, n=50) == pytest.approx(0.105)
    assert adapt(0.1, 0.0, target=6.0, horizon=100.0, n=100) == pytest.approx(0.08)


def test_rewards_to_go_add_up_what_is_still_to_come():
    rewards = torch.tensor([[1.0, 2.0, 4.0], [1.0, 2.0, 9.0]])

    close(ppo_math.rewards_to_go(rewards, MASK), [[7.0, 6.0, 4.0], [3.0, 2.0, 0.0]])


def test_the_learning_rate_rises_then_falls():
    shares = [ppo_math.learning_rate_share(s, steps=4, warmup_steps=2, is_linear=True) for s in (1, 2, 3, 4)]
    flat = [ppo_math.learning_rate_share(s, steps=4, warmup_steps=0, is_linear=False) for s in (1, 4)]

    assert shares == [0.5, 1.0, 1.0, 0.5]
    assert flat == [1.0, 1.0]
