"""PPO with a per-token KL penalty to the starting policy; our own loop, because TRL has none since 1.13.

    accelerate launch -m rlhf.training.ppo RUN_DIR

Read `train` top to bottom: 1 roll out, 2 score, 3 advantages, 4 optimise. The mathematics is in ppo_math.py, the models
in policy.py, sampling in rollout.py. Ouyang et al. 2022, section 3.5; Huang et al. 2024 for the details.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from rlhf.contract.config import PpoConfig
from rlhf.contract.rundir import RunDirectory
from rlhf.training import data, models, ppo_math, precision, rollout, scoring
from rlhf.training.data import TokenisedDemonstration, TokenisedPrompt
from rlhf.training.policy import Outputs, Policy
from rlhf.training.rollout import Batch, Generated
from rlhf.training.run import RunContext, StageOutcome, main
from rlhf.training.watching import check_finite

HELD_OUT_COMPLETIONS = 4
"""Completions a held-out prompt, before and after."""
SHOWN_PROMPTS = 3
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


@dataclass
class Setting:
    """What a PPO run works with."""

    config: PpoConfig
    directory: RunDirectory
    tokenizer: PreTrainedTokenizerBase
    policy: Policy
    reward_model: nn.Module
    score_mean: float
    score_std: float
    prompts: list[TokenisedPrompt]
    held_out: list[TokenisedPrompt]
    demonstrations: list[TokenisedDemonstration]
    device: torch.device

    @property
    def use_bfloat16(self) -> bool:
        return self.policy.use_bfloat16


def train(context: RunContext) -> StageOutcome:
    """Tune the base policy to score high under the reward model without leaving its reference too far."""
    setting = _set_up(context)
    config, policy, directory = setting.config, setting.policy, setting.directory
    optimiser = torch.optim.AdamW(policy.parameter_groups(config.learning_rate), weight_decay=0.0, eps=1e-5)
    before = _evaluate(setting)
    _show(setting, step=0)
    prompts = _endless(setting.prompts, seed=config.seed)
    sampling = torch.Generator().manual_seed(config.seed)
    stopped_by, step = "steps", 0

    for step in range(1, config.steps + 1):
        if directory.is_cancelled():
            return StageOutcome(is_cancelled=True)
        started = time.monotonic()

        # 1 roll out
        chosen = [next(prompts) for _ in range(config.batch_size)]
        generated = _generate(setting, [prompt.ids for prompt in chosen], sampling)

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
            _show(setting, step=step)
        if config.kl_stop and values["kl"] > config.kl_stop:
            stopped_by = "kl"
            print(f"stop: the KL of {values['kl']:.2f} has passed kl_stop = {config.kl_stop:g}", flush=True)
            break

    after = _evaluate(setting)
    _show(setting, step=step + 1)
    models.save_checkpoint(directory.checkpoint, model=policy.model, tokenizer=setting.tokenizer, kind="policy")
    figures = {f"{name}_before": before[name] for name in ("score", "entropy", "length", "eos_rate")}
    figures |= {f"{name}_after": after[name] for name in ("score", "entropy", "length", "eos_rate")}
    figures |= {"kl": after["kl"], "steps_done": step, "stopped_by": stopped_by, "n_prompts": len(setting.prompts)}
    return StageOutcome(figures, checkpoint_kind="policy")


def _set_up(context: RunContext) -> Setting:
    """Load and check everything before the first step."""
    config, inputs, snapshot = context.spec.config, context.spec.inputs, Path(context.spec.inputs.snapshot)
    assert isinstance(config, PpoConfig)  # noqa: S101  read_spec parsed it for this stage
    base, judge = Path(inputs.base), Path(inputs.reward_model)
    models.check_same_tokenizer(base, judge)
    tokenizer, device = models.load_tokenizer(base), models.device()
    limit = {"max_tokens": config.max_prompt_tokens}
    prompts, left_out = data.prompts(snapshot, tokenizer, split="train", **limit)
    data.require(prompts, what="training prompts", left_out=left_out)
    held_out, _ = data.prompts(snapshot, tokenizer, split="test", **limit)
    if not held_out:
        print("no held-out prompts: the scores before and after are measured on training prompts", flush=True)
    demonstrations: list[TokenisedDemonstration] = []
    if config.lm_coef:
        length = config.max_prompt_tokens + config.max_new_tokens
        demonstrations, skipped = data.demonstrations(snapshot, tokenizer, split="train", max_length=length)
        data.require(demonstrations, what="demonstrations for the language-modelling loss", left_out=skipped)
    use_bfloat16 = precision.choose_bfloat16(device)
    model = models.load_causal_lm(base).to(device)
    options = {"lora_rank": config.lora_rank, "temperature": config.temperature, "use_bfloat16": use_bfloat16}
    policy = Policy(model, **options)
    manifest = models.manifest_of(judge)
    print(f"ppo: {len(prompts)} prompts, {len(held_out)} held out, {left_out} left out as too long", flush=True)
    return Setting(
        config=config,
        directory=context.directory,
        tokenizer=tokenizer,
        policy=policy,
        reward_model=models.load_reward_model(judge).to(device).requires_grad_(False),
        score_mean=float(manifest["score_mean"]),
        score_std=float(manifest["score_std"]),
        prompts=prompts,
        held_out=held_out or prompts,
        demonstrations=demonstrations,
        device=device,
    )


def _generate(setting: Setting, prompts: list[list[int]], generator: torch.Generator) -> list[Generated]:
    with setting.policy.decoder() as decoder:
        return rollout.generate(
            decoder,
            setting.tokenizer,
            prompts,
            max_new_tokens=setting.config.max_new_tokens,
            temperature=setting.config.temperature,
            batch_size=len(prompts),
            generator=generator,
            use_bfloat16=setting.use_bfloat16,
            on_batch=setting.directory.beat,
        )


def _score(setting: Setting, prompts: list[TokenisedPrompt], generated: list[Generated]) -> Tensor:
    """Return the raw scores (B,) of completions, on the run's device."""
    return scoring.score(
        setting.reward_model,
        [
            prompt.ids + one.ended(setting.tokenizer.eos_token_id)
            for prompt, one in zip(prompts, generated, strict=True)
        ],
        pad_id=setting.tokenizer.pad_token_id,
        batch_size=len(prompts),
        use_bfloat16=setting.use_bfloat16,
    ).to(setting.device)


@torch.no_grad()
def _experience(setting: Setting, prompts: list[TokenisedPrompt], generated: list[Generated]) -> Rollout:
    """Score a rollout and turn scores and KL into advantages."""
    config, policy = setting.config, setting.policy
    batch = _batch(setting, prompts, generated)
    states = policy.trunk_states(batch)
    old = policy.outputs(batch, states)
    kl = ppo_math.kl_k1(old.logprobs, policy.reference_logprobs(batch, states))
    scores = _score(setting, prompts, generated)
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
    batch = rollout.batch_of(
        [one.prompt for one in shown],
        [one.completion for one in shown],
        pad_id=setting.tokenizer.pad_token_id,
        device=setting.device,
    )
    logprobs = rollout.response_statistics(
        setting.policy.model, batch, temperature=1.0, use_bfloat16=setting.use_bfloat16
    ).logprobs
    return -ppo_math.masked_mean(logprobs, batch.response_mask)


@torch.no_grad()
def _evaluate(setting: Setting) -> dict[str, float]:
    """Measure fresh completions of the policy on the held-out prompts, with the same seed each time."""
    prompts = [prompt for prompt in setting.held_out for _ in range(HELD_OUT_COMPLETIONS)]
    size, generator = setting.config.batch_size, torch.Generator().manual_seed(setting.config.seed + 1)
    found: dict[str, list[float]] = {"score": [], "kl": [], "entropy": [], "length": [], "eos_rate": []}
    for start in range(0, len(prompts), size):
        part = prompts[start : start + size]
        generated = _generate(setting, [prompt.ids for prompt in part], generator)
        batch = _batch(setting, part, generated)
        states = setting.policy.trunk_states(batch)
        mine = setting.policy.outputs(batch, states)
        theirs = setting.policy.reference_logprobs(batch, states)
        lengths = batch.response_mask.sum(1)
        found["score"] += _score(setting, part, generated).tolist()
        found["kl"] += ppo_math.kl_k1(mine.logprobs, theirs).sum(1).tolist()
        found["entropy"] += (mine.entropies.sum(1) / lengths).tolist()
        found["length"] += lengths.tolist()
        found["eos_rate"] += [float(one.is_finished) for one in generated]
    means = {name: sum(values) / len(values) for name, values in found.items()}
    print("held out: " + "  ".join(f"{name} {value:.3g}" for name, value in means.items()), flush=True)
    return means


def _show(setting: Setting, *, step: int) -> None:
    """Write completions of the same few prompts to samples.jsonl, so that a person can see them change."""
    prompts = setting.held_out[:SHOWN_PROMPTS]
    generator = torch.Generator().manual_seed(setting.config.seed + 2)
    generated = _generate(setting, [prompt.ids for prompt in prompts], generator)
    scores = _score(setting, prompts, generated).tolist()
    for prompt, one, score in zip(prompts, generated, scores, strict=True):
        text = setting.tokenizer.decode(one.ids, skip_special_tokens=True)
        said = prompt.record.messages[-1]["content"]
        setting.directory.append_sample({"step": step, "prompt": said, "completion": text, "score": score})


def _batch(setting: Setting, prompts: list[TokenisedPrompt], generated: list[Generated]) -> Batch:
    return rollout.batch_of(
        [prompt.ids for prompt in prompts],
        [one.ids for one in generated],
        pad_id=setting.tokenizer.pad_token_id,
        device=setting.device,
    )


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
