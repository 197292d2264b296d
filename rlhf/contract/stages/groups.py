"""Configs of the stages that learn from scores within groups of completions of one prompt, by TRL: RLOO and GRPO."""

from dataclasses import dataclass

from rlhf.contract.fields import ConfigError, StageConfig, option

ROLLOUT, REWARD, OPTIMISATION, MONITORING = "Rollout", "Reward and KL", "Optimisation", "Monitoring"


@dataclass(frozen=True, kw_only=True)
class GroupConfig(StageConfig):
    """What RLOO and GRPO share: no critic; a completion is measured against the others of its prompt."""

    steps: int = option(24, help="Optimiser steps.", minimum=1, maximum=100_000, group=ROLLOUT)
    batch_size: int = option(24, help="Completions an optimiser step.", minimum=2, maximum=65536, group=ROLLOUT)
    completions_per_prompt: int = option(
        4,
        help="Completions of a prompt that are measured against each other; the batch size must be a multiple of it.",
        minimum=2,
        maximum=1024,
        group=ROLLOUT,
    )
    max_new_tokens: int = option(48, help="Tokens of a completion.", minimum=1, maximum=8192, group=ROLLOUT)
    max_prompt_tokens: int = option(
        256, help="Prompts longer than this are left out and counted.", minimum=8, maximum=32768, group=ROLLOUT
    )
    temperature: float = option(1.0, help="Sampling temperature.", minimum=0.05, maximum=5.0, group=ROLLOUT)

    score_clip: float = option(
        4.0, help="Normalised scores are cut at plus and minus this.", minimum=0.1, maximum=100.0, group=REWARD
    )
    missing_eos_penalty: float = option(
        1.0, help="Taken from the score of a completion that does not end.", minimum=0.0, maximum=100.0, group=REWARD
    )

    passes: int = option(1, help="Optimiser steps on the same completions.", minimum=1, maximum=100, group=OPTIMISATION)
    microbatch_size: int = option(
        0,
        help="Completions in one forward pass; the batch size must be a multiple of it. 0 takes a batch whole.",
        minimum=0,
        maximum=65536,
        group=OPTIMISATION,
    )
    learning_rate: float = option(2e-4, help="Learning rate (AdamW).", minimum=1e-8, maximum=1.0, group=OPTIMISATION)
    warmup_steps: int = option(
        0, help="Steps in which the learning rate rises.", minimum=0, maximum=100_000, group=OPTIMISATION
    )
    clip_range: float = option(
        0.2, help="Clip of the ratio of new and old policy.", minimum=0.01, maximum=1.0, group=OPTIMISATION
    )
    lora_rank: int = option(
        16,
        help="Rank of the LoRA adapters, merged at the end; 0 trains every weight.",
        minimum=0,
        maximum=512,
        group=OPTIMISATION,
    )
    max_grad_norm: float = option(1.0, help="Gradient clipping.", minimum=0.01, maximum=1000.0, group=OPTIMISATION)
    evaluate_every: int = option(
        0,
        help="Measure on the held-out prompts every so many steps; 0 only at both ends.",
        minimum=0,
        maximum=100_000,
        group=MONITORING,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        errors: dict[str, str] = {}
        if self.batch_size % self.completions_per_prompt:
            errors["batch_size"] = (
                f"must be a multiple of completions_per_prompt; got {self.batch_size} and "
                f"{self.completions_per_prompt}. Set it to {_near(self.batch_size, self.completions_per_prompt)}."
            )
        if self.microbatch_size and self.batch_size % self.microbatch_size:
            errors["microbatch_size"] = (
                f"must divide batch_size; got {self.microbatch_size} and {self.batch_size}. Set it to 0 or a divisor."
            )
        if self.warmup_steps > self.steps:
            errors["warmup_steps"] = f"must not exceed steps; got {self.warmup_steps} and {self.steps}."
        if errors:
            raise ConfigError(errors)


@dataclass(frozen=True, kw_only=True)
class RlooConfig(GroupConfig):
    """REINFORCE with the mean of a prompt's other completions as baseline, by TRL's RLOOTrainer."""

    kl_coef: float = option(
        0.03,
        help="Weight of the KL to the starting policy (nats per completion), taken from the reward.",
        minimum=0.0,
        maximum=10.0,
        group=REWARD,
    )


@dataclass(frozen=True, kw_only=True)
class GrpoConfig(GroupConfig):
    """Group relative policy optimisation, by TRL's GRPOTrainer."""

    kl_coef: float = option(
        0.03,
        help="Weight of the KL to the starting policy (nats per token), added to the loss.",
        minimum=0.0,
        maximum=10.0,
        group=REWARD,
    )
    loss: str = option(
        "grpo",
        help="How tokens are averaged: over each completion (grpo), over all tokens (dapo), over a fixed length, "
        "which does not favour short or long ones (dr_grpo).",
        choices=("grpo", "dapo", "dr_grpo"),
        group=OPTIMISATION,
    )
    scale: str = option(
        "group",
        help="What rewards are divided by: the deviation within a prompt, or nothing, which does not favour prompts "
        "whose completions are nearly alike.",
        choices=("group", "none"),
        group=OPTIMISATION,
    )


def _near(value: int, of: int) -> int:
    """Return the multiple of a number that is nearest to a value, and at least once the number."""
    return max(1, round(value / of)) * of
