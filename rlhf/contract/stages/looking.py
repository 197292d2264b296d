"""Configs of the stages that leave no weights: sampling and evaluation."""

from dataclasses import dataclass

from rlhf.contract.fields import StageConfig, option


@dataclass(frozen=True, kw_only=True)
class SampleConfig(StageConfig):
    """Completions for the snapshot's prompts, returned as comparisons to rank."""

    completions_per_prompt: int = option(
        4, help="Completions a prompt and model: with a baseline, each model gives so many.", minimum=1, maximum=9
    )
    max_new_tokens: int = option(64, help="Tokens of a completion.", minimum=1, maximum=8192)
    max_prompt_tokens: int = option(
        256, help="Prompts longer than this are left out and counted.", minimum=8, maximum=32768
    )
    temperature: float = option(1.0, help="Sampling temperature.", minimum=0.05, maximum=5.0)
    top_p: float = option(1.0, help="Nucleus sampling; 1 keeps every token.", minimum=0.01, maximum=1.0)
    batch_size: int = option(32, help="Completions decoded together.", minimum=1, maximum=4096)
    prompts: str = option("all", help="Which prompts of the snapshot.", choices=("all", "train", "test"))
    max_prompts: int = option(0, help="At most so many prompts; 0 takes all.", minimum=0, maximum=10_000_000)


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(StageConfig):
    """Held-out accuracy of a reward model; mean score, KL and diversity of a policy on held-out prompts."""

    completions_per_prompt: int = option(
        4, help="Completions a held-out prompt (policies only).", minimum=1, maximum=64
    )
    max_new_tokens: int = option(64, help="Tokens of a completion.", minimum=1, maximum=8192)
    max_prompt_tokens: int = option(
        256, help="Prompts longer than this are left out and counted.", minimum=8, maximum=32768
    )
    temperature: float = option(1.0, help="Sampling temperature.", minimum=0.05, maximum=5.0)
    max_length: int = option(
        512, help="Tokens of prompt and completion; longer pairs are left out and counted.", minimum=16, maximum=32768
    )
    batch_size: int = option(32, help="Sequences handled together.", minimum=1, maximum=4096)
