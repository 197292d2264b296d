"""Configs of the stages that learn from preferences: the reward model and DPO."""

from dataclasses import dataclass

from rlhf.contract.fields import CHECKPOINT_HELP, ConfigError, StageConfig, option


@dataclass(frozen=True, kw_only=True)
class RewardConfig(StageConfig):
    """Reward model: Bradley-Terry on consensus pairs, by TRL's RewardTrainer."""

    trained: str = option(
        "model",
        help="The model (LoRA or every weight) with its head, or the head alone, by penalised regression on what the "
        "base makes of the texts: quick, and safer with a few hundred rankings. Epochs, rate, batch size, minutes, "
        "LoRA and clipping have no part in it then.",
        choices=("model", "head"),
    )
    epochs: int = option(
        2, help="Passes over the pairs. The pairs of a ranking are correlated: more over-fits.", minimum=1, maximum=50
    )
    learning_rate: float = option(2e-4, help="Peak learning rate (AdamW).", minimum=1e-8, maximum=1.0)
    batch_size: int = option(
        4,
        help="Prompts an optimiser step; all pairs of a prompt (at most 9 completions) stay together.",
        minimum=1,
        maximum=1024,
    )
    max_length: int = option(
        512, help="Tokens of prompt and completion; longer pairs are left out and counted.", minimum=16, maximum=32768
    )
    lora_rank: int = option(
        16, help="Rank of the LoRA adapters, merged at the end; 0 trains every weight.", minimum=0, maximum=512
    )
    frozen_share: float = option(
        0.5,
        help="Share of the layers, from below, without LoRA adapters: what they make of a text is worked out once. 0 "
        "puts adapters into every layer. PPO shares its trunk with the reward model where its own share is no larger.",
        minimum=0.0,
        maximum=0.95,
    )
    max_grad_norm: float = option(1.0, help="Gradient clipping.", minimum=0.01, maximum=1000.0)
    labels: str = option(
        "soft",
        help="What is learned of a pair: its probability; the better one, without ties or doubts; or that by a margin.",
        choices=("soft", "hard", "margin"),
    )
    half: str = option(
        "all",
        help="Which training pairs: all, or those of one half of the prompts. A reward model of each half lets PPO be "
        "tuned against one and watched by the other.",
        choices=("all", "a", "b"),
    )
    ensemble: int = option(
        0,
        help="Heads fitted besides on bootstraps of the prompts, whose spread says how unsure the model is of a text; "
        "0 leaves them out, 8 are enough.",
        minimum=0,
        maximum=64,
    )
    center_coefficient: float = option(0.01, help="Pulls scores towards mean 0.", minimum=0.0, maximum=1.0)
    minutes: float = option(
        0.0, help="Stop after so many minutes of training; 0 trains to the end.", minimum=0.0, maximum=100_000.0
    )
    learning_curve: int = option(
        0,
        help="Train on 1/2, 1/4, … of the prompts first, so many times, to see what more preferences would buy: 3 "
        "give the label budget the points it needs; the run takes twice as long.",
        minimum=0,
        maximum=8,
    )
    checkpoint_every: int = option(0, help=CHECKPOINT_HELP, minimum=0, maximum=100_000)


@dataclass(frozen=True, kw_only=True)
class DpoConfig(StageConfig):
    """Direct preference optimisation on decided pairs, by TRL's DPOTrainer: no reward model, no sampling."""

    epochs: int = option(
        1, help="Passes over the pairs. The pairs of a ranking are correlated: more over-fits.", minimum=1, maximum=50
    )
    learning_rate: float = option(5e-5, help="Peak learning rate (AdamW), falling to 0.", minimum=1e-8, maximum=1.0)
    batch_size: int = option(8, help="Pairs an optimiser step.", minimum=1, maximum=4096)
    microbatch_size: int = option(
        0,
        help="Pairs in one forward pass; the batch size must be a multiple of it. 0 takes a batch whole.",
        minimum=0,
        maximum=4096,
    )
    max_length: int = option(
        512, help="Tokens of prompt and completion; longer pairs are left out and counted.", minimum=16, maximum=32768
    )
    beta: float = option(
        0.1,
        help="How near the policy stays to its start: the implicit reward is beta times the log ratio of both.",
        minimum=1e-4,
        maximum=100.0,
    )
    loss: str = option(
        "sigmoid",
        help="The logistic loss of the paper, or ipo, which does not push a decided pair ever further apart.",
        choices=("sigmoid", "ipo"),
    )
    lora_rank: int = option(
        16, help="Rank of the LoRA adapters, merged at the end; 0 trains every weight.", minimum=0, maximum=512
    )
    max_grad_norm: float = option(1.0, help="Gradient clipping.", minimum=0.01, maximum=1000.0)
    checkpoint_every: int = option(0, help=CHECKPOINT_HELP, minimum=0, maximum=100_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.microbatch_size and self.batch_size % self.microbatch_size:
            raise ConfigError(
                {"microbatch_size": f"must divide batch_size; got {self.microbatch_size} and {self.batch_size}."}
            )
