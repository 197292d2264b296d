"""A critic in closed form: ridge regression of returns on features that do not move while the policy learns.

A value head needs epochs of training to follow a policy; the states of the reference and of the reward model stand
still, so least squares on sums over past rollouts is as good a baseline at the cost of one small solve a rollout. Each
half of a rollout is predicted from the other half and the past: a prediction that had seen its own return would hide it
from the advantage (cross-fitting, Chernozhukov et al. 2018).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from rlhf.training import parallel, ppo_math

DECAY = 0.9
"""What a rollout still counts after the next one: the returns of an older policy mislead."""
RIDGE = 0.01
"""Of the mean squared feature, added on the diagonal: a feature counts for less until returns have spoken for it."""
FOLDS = 2


class Sums(NamedTuple):
    """Sums over tokens: features times features (F, F) and features times returns (F,), float64."""

    gram: Tensor
    moment: Tensor


class RidgeCritic:
    """Predicts the sum of the rewards to come at each token."""

    def __init__(self) -> None:
        self.past: Sums | None = None

    def values(self, features: Tensor, rewards: Tensor, mask: Tensor) -> Tensor:
        """Return values (B, R) of a rollout and learn from it. `features` (B, R, F) must not know their own token.

        Where several processes share a rollout, each brings its own rows and learns from all.
        """
        targets = ppo_math.rewards_to_go(rewards, mask)
        rows = parallel.rank() + parallel.count() * torch.arange(len(features), device=features.device)
        fold = rows % FOLDS
        sums = [_sums(features[fold == k], targets[fold == k], mask[fold == k]) for k in range(FOLDS)]
        past = self.past or Sums(torch.zeros_like(sums[0].gram), torch.zeros_like(sums[0].moment))
        values = torch.zeros_like(targets)
        for k in range(FOLDS):
            others = _total([past, *(s for other, s in enumerate(sums) if other != k)])
            values[fold == k] = (features[fold == k].double() @ _solve(others)).to(values.dtype)
        self.past = Sums(*(DECAY * part for part in _total([past, *sums])))
        return values * mask

    def state(self) -> dict[str, Tensor]:
        """Return what it has learned, for a checkpoint of the run."""
        return {} if self.past is None else self.past._asdict()

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up what `state` returned."""
        self.past = Sums(**state) if state else None


def features(reference: Tensor, judge: Tensor, token_scores: Tensor, mask: Tensor) -> Tensor:
    """Return (B, R, F): the states of reference and reward model (B, R, H), its score so far, the position and 1."""
    length = mask.shape[1]
    position = torch.arange(length, device=mask.device).expand_as(mask) / length
    small = torch.stack([token_scores, position, position**2, torch.ones_like(mask)], dim=-1)
    return torch.cat([reference.float(), judge.float(), small.float()], dim=-1) * mask[:, :, None]


def _sums(found: Tensor, targets: Tensor, mask: Tensor) -> Sums:
    kept = mask.bool()
    rows, wanted = found[kept].double(), targets[kept].double()
    return Sums(parallel.summed(rows.T @ rows), parallel.summed(rows.T @ wanted))


def _total(parts: list[Sums]) -> Sums:
    return Sums(sum(p.gram for p in parts), sum(p.moment for p in parts))


def _solve(sums: Sums) -> Tensor:
    """Return the weights (F,); the last feature is the constant, which is not shrunk: the rest is centred first."""
    n = sums.gram[-1, -1]
    mean, mean_return = sums.gram[-1, :-1] / n, sums.moment[-1] / n
    spread = sums.gram[:-1, :-1] - n * torch.outer(mean, mean)
    size = spread.diagonal().mean().clamp(min=1e-6)
    eye = torch.eye(len(spread), dtype=spread.dtype, device=spread.device)
    factor = torch.linalg.cholesky(spread + RIDGE * size * eye)
    slopes = torch.cholesky_solve((sums.moment[:-1] - n * mean * mean_return)[:, None], factor).squeeze(1)
    return torch.cat([slopes, (mean_return - mean @ slopes)[None]])
