"""PPO with a per-token KL penalty to the starting policy; our own loop, because TRL has none since 1.13.

    accelerate launch -m rlhf.training.ppo RUN_DIR

Read `train` top to bottom: 1 roll out, 2 score, 3 advantages, 4 optimise. The mathematics is in ppo_math.py, the models
in policy.py and judge.py, the critic in critic.py, sampling in generation.py, loading and checking in ppo_setting.py,
optimisation in ppo_update.py,
going on after an interruption in ppo_state.py. Ouyang et al. 2022, section 3.5; Huang et al. 2024 for the details.
"""

import time
from collections.abc import Iterator

import torch
from torch import Tensor

from rlhf.training import (
    critic,
    models,
    parallel,
    ppo_held_out,
    ppo_math,
    ppo_report,
    ppo_setting,
    ppo_state,
    ppo_update,
    rollout,
)
from rlhf.training.data import TokenisedPrompt
from rlhf.training.generation import Generated
from rlhf.training.policy import Outputs
from rlhf.training.ppo_setting import Setting
from rlhf.training.ppo_state import Progress
from rlhf.training.ppo_update import Rollout
from rlhf.training.rollout import Batch
from rlhf.training.run import RunContext, StageOutcome, main
from rlhf.training.watching import check_finite

MEASURED = ("score", "entropy", "length", "eos_rate", "distinct_2", "self_bleu")


def train(context: RunContext) -> StageOutcome:
    """Tune the base policy to score high under the reward model without leaving its reference too far."""
    parallel.start()
    setting = ppo_setting.set_up(context)
    with setting.writer:
        return _tune(setting)


def _tune(setting: Setting) -> StageOutcome:
    config, policy, directory = setting.config, setting.policy, setting.directory
    optimiser = torch.optim.AdamW(policy.parameter_groups(config.learning_rate), weight_decay=0.0, eps=1e-5, fused=True)
    sampling = torch.Generator().manual_seed(config.seed)
    progress = ppo_state.restore(setting, optimiser, sampling) or _begin(setting)
    directory.forget_after(progress.step)
    prompts = _endless(setting.prompts, seed=config.seed, skipped=progress.drawn)
    stopped_by = ""

    for step in range(progress.step + 1, config.steps + 1):
        if parallel.agreed(directory.is_cancelled()):
            return StageOutcome(is_cancelled=True)
        started = time.monotonic()
        _set_learning_rate(setting, optimiser, step)

        # 1 roll out
        chosen = [next(prompts) for _ in range(config.batch_size)]
        generated = setting.generate(chosen, sampling)

        # 2 score, 3 advantages
        experience = _experience(setting, chosen, generated, kl_coef=progress.kl_coef)

        # 4 optimise
        updates = ppo_update.optimise(setting, optimiser, experience, sampling, step)
        setting.writer.moved()

        seconds = time.monotonic() - started
        values = ppo_report.measured(setting, experience, generated, updates, seconds=seconds)
        values["kl_coef"] = progress.kl_coef
        if config.evaluate_every and step % config.evaluate_every == 0:
            values |= {f"held_out_{name}": value for name, value in ppo_held_out.evaluate(setting).items()}
        check_finite(step, values)
        progress.step, progress.drawn = step, progress.drawn + config.batch_size
        progress.history.append(values)
        progress.kl_coef = _next_kl_coef(setting, progress.kl_coef, values["kl"])
        ppo_report.report(setting, progress)
        if config.checkpoint_every and step % config.checkpoint_every == 0 and step < config.steps:
            ppo_state.save(setting, optimiser, sampling, progress)
        if stopped_by := _reason_to_stop(setting, progress):
            break

    return _finish(setting, progress, stopped_by or "steps")


def _begin(setting: Setting) -> Progress:
    """Measure the policy before anything moves."""
    before = ppo_held_out.evaluate(setting)
    ppo_held_out.show(setting, step=0)
    return Progress(kl_coef=setting.config.kl_coef, before=before)


@torch.no_grad()
def _experience(
    setting: Setting, prompts: list[TokenisedPrompt], generated: list[Generated], *, kl_coef: float
) -> Rollout:
    """Score a rollout and turn scores and KL into advantages."""
    config, policy, batch = setting.config, setting.policy, setting.batch(prompts, generated)
    mine, n = batch.own(), len(prompts)
    states = policy.trunk_states(mine)
    old = _old_outputs(setting, batch, states, generated)
    reference, judged = policy.reference(mine, states), setting.judge.read(mine, states)
    mask, scores, ref_logprobs = (
        batch.response_mask,
        *(parallel.whole(x, n) for x in (judged.scores, reference.logprobs)),
    )
    kl, kl_k3 = (estimate(old.logprobs, ref_logprobs) * mask for estimate in (ppo_math.kl_k1, ppo_math.kl_k3))
    normalised = ppo_math.normalised_scores(
        scores,
        torch.tensor([one.is_finished for one in generated], device=setting.device),
        mean=setting.score_mean,
        std=setting.score_std,
        clip=config.score_clip,
        missing_eos_penalty=config.missing_eos_penalty,
    )
    penalised = kl if config.kl_estimator == "k1" else kl_k3
    rewards = ppo_math.token_rewards(penalised, normalised, mask, kl_coef=kl_coef)
    if setting.critic is not None:
        known = critic.features(reference.hidden, judged.hidden, judged.token_scores, mine.response_mask)
        values = setting.critic.values(known, rewards[parallel.own(n)], mine.response_mask)
        old = old._replace(values=parallel.whole(values, n))
    advantages, returns = ppo_math.advantages_and_returns(rewards, old.values, mask, gae_lambda=config.gae_lambda)
    whitened = ppo_math.whiten(advantages, mask)
    distances = None if judged.distances is None else parallel.whole(judged.distances, n)
    watched = parallel.whole(setting.watcher.scores(mine, states), n) if setting.watcher else None
    spread = None if judged.spread is None else parallel.whole(judged.spread, n)
    return Rollout(batch, states, old, kl, kl_k3, scores, distances, whitened, returns, watched, spread)


def _old_outputs(setting: Setting, batch: Batch, states: Tensor | None, generated: list[Generated]) -> Outputs:
    """Return what the policy thought of its completions when it wrote them.

    Our loop in float32 knows that already. By what rounds otherwise than the training path the ratios would not start
    at 1; values of the policy's own take a forward pass in any case.
    """
    if setting.policy.has_values or not setting.writer.knows:
        return Outputs(*(parallel.whole(x, len(generated)) for x in setting.policy.outputs(batch.own(), states)))
    found = ([one.logprobs for one in generated], [one.entropies for one in generated])
    logprobs, entropies = (rollout.per_token(rows, batch) for rows in found)
    return Outputs(logprobs, entropies, torch.zeros_like(logprobs))


def _reason_to_stop(setting: Setting, progress: Progress) -> str:
    """Return why training must not go on, or an empty string."""
    config, kl = setting.config, progress.history[-1]["kl"]
    if config.kl_stop and kl > config.kl_stop:
        print(f"stop: the KL of {kl:.2f} has passed kl_stop = {config.kl_stop:g}", flush=True)
        return "kl"
    if config.alarms == "stop" and progress.alarms:
        print(f"stop: {progress.alarms[-1].sentence}", flush=True)
        return f"alarm: {progress.alarms[-1].name}"
    return ""


def _finish(setting: Setting, progress: Progress, stopped_by: str) -> StageOutcome:
    """Measure again, save, and report."""
    before, after = progress.before, ppo_held_out.evaluate(setting)
    ppo_held_out.show(setting, step=progress.step + 1)
    model = setting.policy.whole(setting.base)
    models.save_checkpoint(setting.directory.checkpoint, model=model, tokenizer=setting.tokenizer, kind="policy")
    ppo_state.forget(setting)
    figures = {f"{name}_before": before[name] for name in MEASURED} | {
        f"{name}_after": after[name] for name in MEASURED
    }
    if setting.watcher:
        figures |= {"watched_score_before": before["watched_score"], "watched_score_after": after["watched_score"]}
    figures |= {
        "kl": after["kl"],
        "steps_done": progress.step,
        "stopped_by": stopped_by,
        "n_prompts": len(setting.prompts),
        "alarms": [alarm.sentence for alarm in progress.alarms],
    }
    return StageOutcome(figures, checkpoint_kind="policy")


def _next_kl_coef(setting: Setting, kl_coef: float, kl: float) -> float:
    config = setting.config
    if not config.kl_target:
        return kl_coef
    return ppo_math.adapted_kl_coef(
        kl_coef, kl, target=config.kl_target, horizon=config.kl_horizon, n=config.batch_size
    )


def _set_learning_rate(setting: Setting, optimiser: torch.optim.Optimizer, step: int) -> None:
    config = setting.config
    share = ppo_math.learning_rate_share(
        step, steps=config.steps, warmup_steps=config.warmup_steps, is_linear=config.schedule == "linear"
    )
    for group in optimiser.param_groups:
        group.setdefault("peak", group["lr"])
        group["lr"] = share * group["peak"]


def _endless(prompts: list[TokenisedPrompt], *, seed: int, skipped: int = 0) -> Iterator[TokenisedPrompt]:
    """Yield prompts for ever, each pass over them in a new order, but for the first so many."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        for index in torch.randperm(len(prompts), generator=generator).tolist():
            if skipped:
                skipped -= 1
            else:
                yield prompts[index]


if __name__ == "__main__":
    main("ppo", train)
