"""One rollout's worth of optimisation: epochs over mini-batches, in parts that fit, with the clipped losses of PPO."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rlhf.training import parallel, ppo_math, ptx
from rlhf.training.policy import Outputs
from rlhf.training.ppo_setting import Setting
from rlhf.training.rollout import Batch
from rlhf.training.watching import check_finite

LOSSES = ("policy_loss", "value_loss", "clip_fraction", "kl_step", "loss")
"""What an update tells of itself; the value loss where the critic is trained with the policy."""


class Rollout(NamedTuple):
    """One batch of experience; (B, R) unless said otherwise, nothing in it has a gradient."""

    batch: Batch
    states: Tensor | None  # (b, P + R, H): what enters the first trained layer, of this process's rows
    old: Outputs
    kl: Tensor  # k1
    kl_k3: Tensor
    scores: Tensor  # (B,) raw, from the reward model
    distances: Tensor | None  # (B,) of the completions from the reward model's training data
    advantages: Tensor
    returns: Tensor
    watched: Tensor | None  # (B,) the watcher's scores, in deviations; None where nobody watches
    spread: Tensor | None  # (B,) the reward model's uncertainty; None where it has no ensemble


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
    rows = rows.to(setting.device)
    total = experience.batch.response_mask[rows].sum()
    mine = rows[rows % parallel.count() == parallel.rank()]
    # rows of like length go through together, each part weighted by its tokens: the gradient is that of the whole
    ordered = mine[experience.batch.attention_mask[mine].sum(1).argsort()]
    names = LOSSES if setting.policy.has_values else tuple(name for name in LOSSES if name != "value_loss")
    shares = torch.zeros(len(names), device=setting.device)
    for part in ordered.split(config.microbatch_size or len(rows)) if len(mine) else ():
        found = _accumulate(setting, experience, part, total)
        shares += torch.stack([found[name] for name in names])
    losses = dict(zip(names, parallel.summed(shares).tolist(), strict=True))
    if config.lm_coef:
        on_language = ptx.loss(
            setting.policy.model,
            ptx.draw(setting.language, config.lm_batch_size, generator),
            pad_id=setting.tokenizer.pad_token_id,
            device=setting.device,
            use_bfloat16=setting.use_bfloat16,
        )
        (config.lm_coef / parallel.count() * on_language).backward()
        losses["lm_loss"] = on_language.item()
    check_finite(step, losses)
    parallel.sum_gradients(setting.policy.trained.values())
    norm = nn.utils.clip_grad_norm_(list(setting.policy.trained.values()), config.max_grad_norm).item()
    check_finite(step, {"grad_norm": norm})
    optimiser.step()
    setting.directory.beat()
    return losses | {"grad_norm": norm}


def _accumulate(setting: Setting, experience: Rollout, rows: Tensor, total: Tensor) -> dict[str, Tensor]:
    """Add the gradient of some rows, weighted by their share of `total` tokens; return their share of the losses."""
    config, policy = setting.config, setting.policy
    batch, columns, response = experience.batch.narrowed(rows)
    states = None if experience.states is None else experience.states[rows // parallel.count()][:, columns]
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
    return {name: share * value.detach() for name, value in (losses | {"loss": loss}).items()}
