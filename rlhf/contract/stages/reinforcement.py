"""Configs of the stages that learn from scores of their own completions: PPO."""

from dataclasses import dataclass

from rlhf.contract.fields import ConfigError, StageConfig, option

ROLLOUT, REWARD, OPTIMISATION = "Rollout", "Reward and KL", "Optimisation"
LOSSES, MONITORING = "Advantages and losses", "Monitoring"


@dataclass(frozen=True, kw_only=True)
class PpoConfig(StageConfig):
    """PPO with a per-token KL penalty to the starting policy; the loop is ours (rlhf/training/ppo.py)."""

    steps: int = option(
        24, help="Rollouts, each followed by passes of optimisation.", minimum=1, maximum=100_000, group=ROLLOUT
    )
    batch_size: int = option(24, help="Completions a rollout.", minimum=2, maximum=65536, group=ROLLOUT)
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
    kl_coef: float = option(
        0.03,
        help="Weight of the per-token KL penalty; where there is a target, the first one.",
        minimum=0.0,
        maximum=10.0,
        group=REWARD,
    )
    kl_estimator: str = option(
        "k1",
        help="What is penalised: k1 is the log ratio, k3 is never negative and less noisy, but biases the gradient.",
        choices=("k1", "k3"),
        group=REWARD,
    )
    kl_target: float = option(
        0.0,
        help="Mean KL (nats per completion) that the coefficient is steered to; 0 keeps it fixed.",
        minimum=0.0,
        maximum=1e6,
        group=REWARD,
    )
    kl_horizon: float = option(
        2000.0,
        help="Completions in which the coefficient may change by a fifth.",
        minimum=1.0,
        maximum=1e9,
        group=REWARD,
    )
    kl_stop: float = option(
        8.0,
        help="Stop training when the mean KL of a rollout (nats per completion) passes this; 0 never stops.",
        minimum=0.0,
        maximum=1e6,
        group=REWARD,
    )

    epochs: int = option(2, help="Passes over a rollout.", minimum=1, maximum=20, group=OPTIMISATION)
    minibatches: int = option(
        3,
        help="Optimiser steps an epoch; the batch size must be a multiple of it.",
        minimum=1,
        maximum=1024,
        group=OPTIMISATION,
    )
    microbatch_size: int = option(
        0,
        help="Completions in one forward pass; 0 takes a minibatch whole. Less needs less memory, for the same result.",
        minimum=0,
        maximum=65536,
        group=OPTIMISATION,
    )
    learning_rate: float = option(
        2e-4, help="Peak learning rate (AdamW).", minimum=1e-8, maximum=1.0, group=OPTIMISATION
    )
    schedule: str = option(
        "constant",
        help="The learning rate after the warm-up: constant, or falling to 0.",
        choices=("constant", "linear"),
        group=OPTIMISATION,
    )
    warmup_steps: int = option(
        0, help="Steps in which the learning rate rises.", minimum=0, maximum=100_000, group=OPTIMISATION
    )
    clip_range: float = option(
        0.2, help="Clip of the policy ratio and of the value step.", minimum=0.01, maximum=1.0, group=OPTIMISATION
    )
    epoch_kl_stop: float = option(
        0.1,
        help="End the passes over a rollout when the new policy is so far from the old (nats per token); 0 never.",
        minimum=0.0,
        maximum=100.0,
        group=OPTIMISATION,
    )
    critic: str = option(
        "ridge",
        help="What estimates values: least squares on the states of reference and reward model, a trained head on the "
        "policy, or a model of its own that begins as the reward model.",
        choices=("ridge", "head", "model"),
        group=LOSSES,
    )
    value_coef: float = option(
        0.1, help="Weight of the value loss, where the critic is trained.", minimum=0.0, maximum=10.0, group=LOSSES
    )
    gae_lambda: float = option(
        0.95, help="Lambda of generalised advantage estimation (gamma is 1).", minimum=0.0, maximum=1.0, group=LOSSES
    )
    lm_coef: float = option(
        0.0,
        help="Weight of the language-modelling loss on other text, mixed into each update (PPO-ptx); 0 leaves it out.",
        minimum=0.0,
        maximum=1000.0,
        group=LOSSES,
    )
    lm_text: str = option(
        "demonstrations",
        help="What that loss is on: the completions of the snapshot's demonstrations, or the corpus.",
        choices=("demonstrations", "corpus"),
        group=LOSSES,
    )
    lm_batch_size: int = option(
        4, help="Demonstrations, or blocks of the corpus, mixed into an update.", minimum=1, maximum=65536, group=LOSSES
    )
    lora_rank: int = option(
        16,
        help="Rank of the LoRA adapters, merged at the end; 0 trains every weight.",
        minimum=0,
        maximum=512,
        group=OPTIMISATION,
    )
    frozen_share: float = option(
        0.5,
        help="Share of the layers, from below, without LoRA adapters: what they make of a text is worked out once a "
        "rollout. 0 puts adapters into every layer.",
        minimum=0.0,
        maximum=0.95,
        group=OPTIMISATION,
    )
    max_grad_norm: float = option(1.0, help="Gradient clipping.", minimum=0.01, maximum=1000.0, group=OPTIMISATION)
    gradient_checkpointing: bool = option(
        False, help="Recompute activations in the backward pass: less memory, a third more time.", group=OPTIMISATION
    )

    alarms: str = option(
        "warn",
        help="What happens when a monitor finds the policy degenerating: a warning, or the end of the run.",
        choices=("warn", "stop", "off"),
        group=MONITORING,
    )
    evaluate_every: int = option(
        0,
        help="Measure on the held-out prompts every so many steps; 0 only at both ends.",
        minimum=0,
        maximum=100_000,
        group=MONITORING,
    )
    checkpoint_every: int = option(
        8,
        help="Write what a run needs to go on every so many steps; 0 never.",
        minimum=0,
        maximum=100_000,
        group=MONITORING,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size % self.minibatches:
            raise ConfigError(
                {"batch_size": f"must be a multiple of minibatches; got {self.batch_size} and {self.minibatches}."}
            )
        if self.kl_target and self.kl_stop and self.kl_target >= self.kl_stop:
            raise ConfigError(
                {"kl_target": f"must lie below kl_stop; got {self.kl_target:g} and {self.kl_stop:g}. Raise kl_stop."}
            )
        if self.lm_text == "corpus" and not self.lm_coef:
            raise ConfigError({"lm_text": "corpus is not read while lm_coef is 0. Raise lm_coef."})
        if self.warmup_steps > self.steps:
            raise ConfigError({"warmup_steps": f"must not exceed steps; got {self.warmup_steps} and {self.steps}."})
