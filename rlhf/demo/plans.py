"""How the demo runs with each model: which stages, and their configs."""

from dataclasses import dataclass, field

Config = dict[str, int | float | str]


@dataclass(frozen=True)
class Plan:
    """A model and the configs of its runs."""

    model: str  # as rlhf.training.base knows it
    name: str
    sft: Config | None  # None: the base model is fine-tuned already
    sample: Config
    reward: Config
    ppo: Config
    compare: Config = field(default_factory=dict)  # the second sampling: policy against SFT
    test_rate: float = 0.3


PLANS = {
    "smollm2": Plan(
        model="smollm2",
        name="SmolLM2-135M-Instruct",
        sft=None,
        sample={"completions_per_prompt": 4, "max_new_tokens": 64},
        reward={"epochs": 3, "batch_size": 2, "learning_rate": 4e-4},
        ppo={"steps": 16, "batch_size": 24, "max_new_tokens": 64, "learning_rate": 3e-4, "kl_coef": 0.03},
        compare={"completions_per_prompt": 2, "max_new_tokens": 64, "seed": 7},
    ),
    "tiny": Plan(
        model="tiny",
        name="tiny Llama, pretrained on the spot",
        sft={"epochs": 2, "learning_rate": 3e-4, "lora_rank": 0, "max_length": 256},
        sample={"completions_per_prompt": 4, "max_new_tokens": 40},
        reward={"epochs": 4, "batch_size": 4, "learning_rate": 1e-3, "lora_rank": 0},
        ppo={
            "steps": 30,
            "batch_size": 48,
            "minibatches": 4,
            "max_new_tokens": 40,
            "learning_rate": 4e-4,
            "kl_coef": 0.05,
            "lora_rank": 0,
            "kl_stop": 12.0,
        },
        compare={"completions_per_prompt": 2, "max_new_tokens": 40, "seed": 7},
    ),
}
