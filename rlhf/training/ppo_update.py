"""One rollout's worth of optimisation: epochs over mini-batches, in parts that fit, with the clipped losses of PPO."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rlhf.training import ppo_math, ptx
from rlhf.training.policy import Outputs
from rlhf.training.ppo_setting import Setting
from rlhf.training.rollout import Batch
from rlhf.training.watching import check_finite


class Rollout(NamedTuple):
    """One batch of experience; (B, R) unless said otherwise, nothing in it has a gradient."""

    batch: Batch
    states: Tensor | None  # (B, P + R, H): what enters the first trained layer
    old: Outputs
    kl: Tensor  # k1
    kl_k3: Tensor
    scores: Tensor  # (B,) raw, from the reward model
    distances: Tensor | None  # (B,) of the completions from the reward model's training data
    advantages: Tensor
    returns: Tensor


def optimise(
    setting: Setting, optimiser: torch.optim.Optimizer, experience: Rollout, generator: torch.Generator, step: int
) -> list[dict[str, float]]:
    """Pass over a rollout until the epochs are over or the policy has moved far enough."""
    config, updates = setting.config, []
    for _ in range(config.epochs):
        order = torch.randperm(config.batch_size, generator=generator)
        passed = [
            _update(setting, optimiser, experience, rows, generator, step) for rows in order.chunk(config.minibatches)
        ]
        updates += passed
        moved = sum(update["kl_step"] for update in passed) / len(passed)
        if config.epoch_kl_stop and moved > config.epoch_kl_stop:
            break
    return updates


def _update(
    setting: Setting,
    optimiser: torch.optim.Optimizer,
    experience: Rollout,
    rows: Tensor,
    generator: torch.Generator,
    step: int,
) -> dict[str, float]:
    """Take one optimiser step on some rows of a rollout and return its losses."""
    config = setting.config
    optimiser.zero_grad()
    # rows of like length go through together, each part weighted by its tokens: the gradient is that of the whole
    ordered = rows.to(setting.device)[experience.batch.attention_mask[rows].sum(1).argsort()]
    parts = ordered.split(config.microbatch_size or len(rows))
    total = experience.batch.response_mask[ordered].sum()
    losses: dict[str, float] = {}
    for part in parts:
        for name, value in _accumulate(setting, experience, part, total).items():
            losses[name] = losses.get(name, 0.0) + value
    if config.lm_coef:
        on_language = ptx.loss(
            setting.policy.model,
            ptx.draw(setting.language, config.lm_batch_size, generator),
            pad_id=setting.tokenizer.pad_token_id,
            device=setting.device,
            use_bfloat16=setting.use_bfloat16,
        )
        (config.lm_coef * on_language).backward()
        losses["lm_loss"] = on_language.item()
    check_finite(step, losses)
    norm = nn.utils.clip_grad_norm_(list(setting.policy.trained.values()), config.max_grad_norm).item()
    check_finite(step, {"grad_norm": norm})
    optimiser.step()
    setting.directory.beat()
    return losses | {"grad_norm": norm}


def _accumulate(setting: Setting, experience: Rollout, rows: Tensor, total: Tensor) -> dict[str, float]:
    """Add the gradient of some rows, weighted by their share of `total` tokens; return their share of the losses."""
    config, policy = setting.config, setting.policy
    batch, columns, response = experience.batch.narrowed(rows)
    states = None if experience.states is None else experience.states[rows][:, columns]
    old = Outputs(*(part[rows][:, response] for part in experience.old))
    advantages, returns = experience.advantages[rows][:, response], experience.returns[rows][:, response]
    found, mask = policy.outputs(batch, states), batch.response_mask
    on_policy, clipped = ppo_math.policy_loss(
        found.logprobs, old.logprobs, advantages, mask, clip_range=config.clip_range
    )
    losses = {"policy_loss": on_policy, "clip_fraction": clipped}
    loss = on_policy
    if policy.has_values:
        losses["value_loss"] = ppo_math.value_loss(
            found.values, old.values, returns, mask, clip_range=config.clip_range
        )
        loss = loss + config.value_coef * losses["value_loss"]
    share = mask.sum() / total
    (share * loss).backward()
    with torch.no_grad():
        losses["kl_step"] = ppo_math.masked_mean(ppo_math.kl_k3(old.logprobs, found.logprobs), mask)
    return {name: (share * value).item() for name, value in (losses | {"loss": loss}).items()}
