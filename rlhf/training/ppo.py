"""PPO with a per-token KL penalty to the starting policy; our own loop, because TRL has none since 1.13.

    accelerate launch -m rlhf.training.ppo RUN_DIR

Read `train` top to bottom: 1 roll out, 2 score, 3 advantages, 4 optimise. The mathematics is in ppo_math.py, the models
in policy.py, sampling in rollout.py, loading and checking in ppo_setting.py. Ouyang et al. 2022, section 3.5; Huang et
al. 2024 for the details.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rlhf.training import models, ppo_held_out, ppo_math, ppo_setting, rollout
from rlhf.training.data import TokenisedPrompt
from rlhf.training.policy import Outputs
from rlhf.training.ppo_setting import Setting
from rlhf.training.rollout import Batch, Generated
from rlhf.training.run import RunContext, StageOutcome, main
from rlhf.training.watching import check_finite

SHOW_EVERY = 4
LM_BATCH = 4


class Rollout(NamedTuple):
    """One batch of experience; (B, R) unless said otherwise, nothing in it has a gradient."""

    batch: Batch
    states: Tensor | None  # (B, P + R, H): what enters the first trained layer
    old: Outputs
    kl: Tensor
    scores: Tensor  # (B,) raw, from the reward model
    advantages: Tensor
    returns: Tensor


def train(context: RunContext) -> StageOutcome:
    """Tune the base policy to score high under the reward model without leaving its reference too far."""
    setting = ppo_setting.set_up(context)
    config, policy, directory = setting.config, setting.policy, setting.directory
    optimiser = torch.optim.AdamW(policy.parameter_groups(config.learning_rate), weight_decay=0.0, eps=1e-5)
    before = ppo_held_out.evaluate(setting)
    ppo_held_out.show(setting, step=0)
    prompts = _endless(setting.prompts, seed=config.seed)
    sampling = torch.Generator().manual_seed(config.seed)
    stopped_by, step = "steps", 0

    for step in range(1, config.steps + 1):
        if directory.is_cancelled():
            return StageOutcome(is_cancelled=True)
        started = time.monotonic()

        # 1 roll out
        chosen = [next(prompts) for _ in range(config.batch_size)]
        generated = setting.generate([prompt.ids for prompt in chosen], sampling)

        # 2 score, 3 advantages
        experience = _experience(setting, chosen, generated)

        # 4 optimise
        updates = [
            _update(setting, optimiser, experience, rows, step)
            for _ in range(config.epochs)
            for rows in torch.randperm(config.batch_size, generator=sampling).chunk(config.minibatches)
        ]

        values = _measured(experience, generated, updates, seconds=time.monotonic() - started)
        check_finite(step, values)
        directory.append_metric(step, values)
        print(f"step {step}/{config.steps}  " + "  ".join(f"{k} {v:.3g}" for k, v in values.items()), flush=True)
        if step % SHOW_EVERY == 0:
            ppo_held_out.show(setting, step=step)
        if config.kl_stop and values["kl"] > config.kl_stop:
            stopped_by = "kl"
            print(f"stop: the KL of {values['kl']:.2f} has passed kl_stop = {config.kl_stop:g}", flush=True)
            break

    after = ppo_held_out.evaluate(setting)
    ppo_held_out.show(setting, step=step + 1)
    models.save_checkpoint(directory.checkpoint, model=policy.model, tokenizer=setting.tokenizer, kind="policy")
    figures = {f"{name}_before": before[name] for name in ("score", "entropy", "length", "eos_rate")}
    figures |= {f"{name}_after": after[name] for name in ("score", "entropy", "length", "eos_rate")}
    figures |= {"kl": after["kl"], "steps_done": step, "stopped_by": stopped_by, "n_prompts": len(setting.prompts)}
    return StageOutcome(figures, checkpoint_kind="policy")


@torch.no_grad()
def _experience(setting: Setting, prompts: list[TokenisedPrompt], generated: list[Generated]) -> Rollout:
    """Score a rollout and turn scores and KL into advantages."""
    config, policy = setting.config, setting.policy
    batch = setting.batch([prompt.ids for prompt in prompts], [one.ids for one in generated])
    states = policy.trunk_states(batch)
    old = policy.outputs(batch, states)
    kl = ppo_math.kl_k1(old.logprobs, policy.reference_logprobs(batch, states))
    scores = setting.score(prompts, generated)
    normalised = ppo_math.normalised_scores(
        scores,
        torch.tensor([one.is_finished for one in generated], device=setting.device),
        mean=setting.score_mean,
        std=setting.score_std,
        clip=config.score_clip,
        missing_eos_penalty=config.missing_eos_penalty,
    )
    mask = batch.response_mask
    rewards = ppo_math.token_rewards(kl, normalised, mask, kl_coef=config.kl_coef)
    advantages, returns = ppo_math.advantages_and_returns(rewards, old.values, mask, gae_lambda=config.gae_lambda)
    return Rollout(batch, states, old, kl, scores, ppo_math.whiten(advantages, mask), returns)


def _update(
    setting: Setting, optimiser: torch.optim.Optimizer, experience: Rollout, rows: Tensor, step: int
) -> dict[str, float]:
    """Take one optimiser step on some rows of a rollout and return its losses."""
    config, policy = setting.config, setting.policy
    rows = rows.to(setting.device)
    batch = Batch(*(part[rows] for part in experience.batch))
    states = None if experience.states is None else experience.states[rows]
    found, mask, old = policy.outputs(batch, states), batch.response_mask, experience.old
    on_policy, clipped = ppo_math.policy_loss(
        found.logprobs, old.logprobs[rows], experience.advantages[rows], mask, clip_range=config.clip_range
    )
    on_values = ppo_math.value_loss(
        found.values, old.values[rows], experience.returns[rows], mask, clip_range=config.clip_range
    )
    loss = on_policy + config.value_coef * on_values
    if config.lm_coef:
        loss = loss + config.lm_coef * language_loss(setting)
    check_finite(step, {"loss": loss.item()})
    optimiser.zero_grad()
    loss.backward()
    trained = [p for group in optimiser.param_groups for p in group["params"]]
    norm = nn.utils.clip_grad_norm_(trained, config.max_grad_norm).item()
    check_finite(step, {"grad_norm": norm})
    optimiser.step()
    setting.directory.beat()
    losses = {"loss": loss, "policy_loss": on_policy, "value_loss": on_values, "clip_fraction": clipped}
    return {name: value.item() for name, value in losses.items()} | {"grad_norm": norm}


def language_loss(setting: Setting) -> Tensor:
    """Return the language-modelling loss on a few demonstrations (PPO-ptx, Ouyang et al. 2022, equation 2)."""
    drawn = torch.randint(len(setting.demonstrations), (LM_BATCH,)).tolist()
    shown = [setting.demonstrations[i] for i in drawn]
    batch = setting.batch([one.prompt for one in shown], [one.completion for one in shown])
    logprobs = rollout.response_statistics(
        setting.policy.model, batch, temperature=1.0, use_bfloat16=setting.use_bfloat16
    ).logprobs
    return -ppo_math.masked_mean(logprobs, batch.response_mask)


def _measured(
    experience: Rollout, generated: list[Generated], updates: list[dict[str, float]], *, seconds: float
) -> dict[str, float]:
    """Return the metrics of a step; the names are those of docs/training.md."""
    mask = experience.batch.response_mask
    means = {name: sum(u[name] for u in updates) / len(updates) for name in updates[0]}
    return means | {
        "score": experience.scores.mean().item(),
        "kl": experience.kl.sum(1).mean().item(),
        "entropy": ppo_math.masked_mean(experience.old.entropies, mask).item(),
        "length": mask.sum(1).mean().item(),
        "eos_rate": sum(one.is_finished for one in generated) / len(generated),
        "explained_variance": ppo_math.explained_variance(experience.old.values, experience.returns, mask).item(),
        "tokens_per_second": mask.sum().item() / seconds,
        "seconds": seconds,
    }


def _endless(prompts: list[TokenisedPrompt], *, seed: int) -> Iterator[TokenisedPrompt]:
    """Yield prompts for ever, each pass over them in a new order."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        for index in torch.randperm(len(prompts), generator=generator).tolist():
            yield prompts[index]


if __name__ == "__main__":
    main("ppo", train)
