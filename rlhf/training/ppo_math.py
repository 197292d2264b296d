"""The mathematics of PPO as pure functions of tensors; the loop (ppo.py) has none of its own.

B is the batch, R the response's length. Masks are 1.0 on response tokens up to and including EOS, 0.0 on padding. The
formulas: Ziegler et al. 2019 (rewards), Schulman et al. 2016 (GAE) and 2017 (clipping), Schulman's note on KL
estimators, Huang et al. 2024 («The N+ Implementation Details of RLHF with PPO»).
"""

import torch
from torch import Tensor


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of `values` (B, R) over the tokens that count."""
    return (values * mask).sum() / mask.sum()


def kl_k1(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Return log pi - log pi_ref, per token: unbiased, may be negative."""
    return logprobs - ref_logprobs


def kl_k3(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Return exp(-d) - 1 + d with d = log pi - log pi_ref, per token: unbiased, never negative, less variance."""
    difference = logprobs - ref_logprobs
    return torch.exp(-difference) - 1 + difference


def token_rewards(kl: Tensor, scores: Tensor, mask: Tensor, *, kl_coef: float) -> Tensor:
    """Return r_t = -kl_coef * kl_t, plus the score at the last response token. kl and mask (B, R), scores (B,).

    >>> token_rewards(torch.tensor([[1.0, 2.0]]), torch.tensor([5.0]), torch.ones(1, 2), kl_coef=0.5)
    tensor([[-0.5000,  4.0000]])
    """
    rewards = -kl_coef * kl * mask
    last = (mask.sum(1).long() - 1).clamp(min=0)
    rewards[torch.arange(len(rewards)), last] += scores
    return rewards


def normalised_scores(
    scores: Tensor, is_finished: Tensor, *, mean: float, std: float, clip: float, missing_eos_penalty: float
) -> Tensor:
    """Return (score - mean) / std cut at +-`clip`, less the penalty where a completion did not end. All (B,)."""
    normalised = ((scores - mean) / max(std, 1e-6)).clamp(-clip, clip)
    return normalised - missing_eos_penalty * (~is_finished).float()


def advantages_and_returns(
    rewards: Tensor, values: Tensor, mask: Tensor, *, gae_lambda: float, gamma: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Return generalised advantages and returns, both (B, R), of rewards and values (B, R).

    delta_t = r_t + gamma V_{t+1} - V_t and A_t = delta_t + gamma lambda A_{t+1}; beyond the last token V and A are 0.
    Schulman et al. 2016, equations 11 and 16. Returns are A + V.
    """
    values = values * mask
    advantages = torch.zeros_like(rewards)
    following_advantage = following_value = torch.zeros(len(rewards), device=rewards.device)
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + gamma * following_value - values[:, t]
        following_advantage = (delta + gamma * gae_lambda * following_advantage) * mask[:, t]
        following_value = values[:, t]
        advantages[:, t] = following_advantage
    return advantages, (advantages + values) * mask


def rewards_to_go(rewards: Tensor, mask: Tensor) -> Tensor:
    """Return the sum of the rewards from each token on, (B, R): the return without a critic, gamma 1.

    >>> rewards_to_go(torch.tensor([[1.0, 2.0, 4.0]]), torch.ones(1, 3))
    tensor([[7., 6., 4.]])
    """
    kept = rewards * mask
    return kept.flip(1).cumsum(1).flip(1) * mask


def adapted_kl_coef(kl_coef: float, kl: float, *, target: float, horizon: float, n: int) -> float:
    """Return the coefficient after n episodes of mean KL `kl`: larger above the target, smaller below it.

    kl_coef (1 + clip(kl / target - 1, -0.2, 0.2) n / horizon); Ziegler et al. 2019, section 2.2.

    >>> adapted_kl_coef(0.1, 12.0, target=6.0, horizon=1000.0, n=100)
    0.10200000000000001
    """
    error = min(max(kl / target - 1, -0.2), 0.2)
    return kl_coef * (1 + error * n / horizon)


def learning_rate_share(step: int, *, steps: int, warmup_steps: int, is_linear: bool) -> float:
    """Return the share of the peak learning rate at a step, 1..steps: a linear rise, then constant or to 0 at the end.

    >>> [round(learning_rate_share(s, steps=5, warmup_steps=2, is_linear=True), 2) for s in range(1, 6)]
    [0.5, 1.0, 1.0, 0.67, 0.33]
    """
    if step <= warmup_steps:
        return step / warmup_steps
    return (steps - step + 1) / max(steps - warmup_steps, 1) if is_linear else 1.0


def whiten(values: Tensor, mask: Tensor) -> Tensor:
    """Return `values` (B, R) shifted and scaled to mean 0 and variance 1 (n - 1) over the tokens that count."""
    mean = masked_mean(values, mask)
    variance = ((values - mean) ** 2 * mask).sum() / (mask.sum() - 1).clamp(min=1)
    return (values - mean) * torch.rsqrt(variance + 1e-8) * mask


def policy_loss(
    logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, mask: Tensor, *, clip_range: float
) -> tuple[Tensor, Tensor]:
    """Return the clipped surrogate loss and the share of clipped tokens. All (B, R) to scalars.

    mean of max(-A rho, -A clip(rho, 1 - eps, 1 + eps)), rho = pi / pi_old; Schulman et al. 2017, equation 7, negated.
    """
    ratio = torch.exp(logprobs - old_logprobs)
    plain = -advantages * ratio
    clipped = -advantages * ratio.clamp(1 - clip_range, 1 + clip_range)
    fraction = masked_mean((clipped > plain).float(), mask)
    return masked_mean(torch.maximum(plain, clipped), mask), fraction


def value_loss(values: Tensor, old_values: Tensor, returns: Tensor, mask: Tensor, *, clip_range: float) -> Tensor:
    """Return half the mean of max((V - R)^2, (V_old + clip(V - V_old) - R)^2) over the tokens. All (B, R)."""
    clipped = old_values + (values - old_values).clamp(-clip_range, clip_range)
    return 0.5 * masked_mean(torch.maximum((values - returns) ** 2, (clipped - returns) ** 2), mask)


def explained_variance(values: Tensor, returns: Tensor, mask: Tensor) -> Tensor:
    """Return 1 - Var(returns - values) / Var(returns) over the tokens: 1 is a perfect critic, 0 a constant."""
    kept = mask.bool()
    spread = returns[kept].var()
    return 1 - (returns[kept] - values[kept]).var() / spread.clamp(min=1e-8)
