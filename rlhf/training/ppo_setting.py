"""What a PPO run works with: models, prompts and config, loaded and checked before the first step."""

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from rlhf.contract.config import PpoConfig
from rlhf.contract.rundir import RunDirectory
from rlhf.training import data, judge, models, parallel, precision, ptx, rollout, watcher, writers
from rlhf.training.critic import RidgeCritic
from rlhf.training.data import TokenisedDemonstration, TokenisedPrompt
from rlhf.training.generation import Generated
from rlhf.training.judge import Judge
from rlhf.training.ngrams import NgramModel
from rlhf.training.policy import Policy
from rlhf.training.ptx import LanguageText
from rlhf.training.rollout import Batch
from rlhf.training.run import RunContext
from rlhf.training.value_model import ValueModel
from rlhf.training.watcher import Watcher
from rlhf.training.writers import PolicyWriter


@dataclass
class Setting:
    """What a PPO run works with."""

    config: PpoConfig
    directory: RunDirectory
    base: Path  # what the policy began as
    tokenizer: PreTrainedTokenizerBase
    policy: Policy
    writer: PolicyWriter
    judge: Judge
    critic: RidgeCritic | None  # None where the policy estimates values itself
    score_mean: float
    score_std: float
    prompts: list[TokenisedPrompt]
    held_out: list[TokenisedPrompt]
    language: LanguageText  # what the language-modelling loss is on
    ngrams: NgramModel | None  # None where the snapshot has no demonstrations
    device: torch.device
    watcher: Watcher | None = None

    @property
    def use_bfloat16(self) -> bool:
        return self.policy.use_bfloat16

    def generate(self, prompts: list[TokenisedPrompt], generator: torch.Generator) -> list[Generated]:
        """Sample one completion for each prompt from the policy as it is."""
        return self.writer.write([prompt.ids for prompt in prompts], generator)

    def batch(self, prompts: list[TokenisedPrompt], generated: list[Generated]) -> Batch:
        """Lay prompts and completions side by side on the run's device, with what the reward model reads after them."""
        return rollout.batch_of(
            [prompt.ids for prompt in prompts],
            [one.ids for one in generated],
            tails=[one.tail(self.tokenizer.eos_token_id) for one in generated],
            pad_id=self.tokenizer.pad_token_id,
            device=self.device,
        )


def set_up(context: RunContext) -> Setting:
    """Load and check everything before the first step."""
    config, inputs, snapshot = context.spec.config, context.spec.inputs, Path(context.spec.inputs.snapshot)
    assert isinstance(config, PpoConfig)  # noqa: S101  read_spec parsed it for this stage
    base, rewarding = Path(inputs.base), Path(inputs.reward_model)
    models.check_same_tokenizer(base, rewarding)
    tokenizer, device = models.load_tokenizer(base), models.device()
    prompts, held_out = _prompts(snapshot, tokenizer, config)
    length = config.max_prompt_tokens + config.max_new_tokens
    demonstrations, too_long = data.demonstrations(snapshot, tokenizer, split="train", max_length=length)
    language = ptx.text_of(config, inputs, tokenizer, demonstrations, left_out=too_long)
    manifest = models.manifest_of(rewarding)
    scale = {"mean": float(manifest["score_mean"]), "std": float(manifest["score_std"])}
    value_model = (
        ValueModel(models.load_reward_model(rewarding).to(device), **scale) if config.critic == "model" else None
    )
    policy = _policy(base, config, device, value_model)
    judged_by = judge.load(rewarding, base=base, policy=policy)
    watched_by = watcher.load(inputs.watcher, base=base, policy=policy)
    policy.hold_lean()
    writer = writers.of_policies()(
        policy=policy,
        tokenizer=tokenizer,
        longest_prompt=max(len(prompt.ids) for prompt in prompts + held_out),
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        seed=config.seed,
        on_step=context.directory.beat,
    )
    shared = "on the policy's trunk" if isinstance(judged_by, judge.OnSharedTrunk) else "a model of its own"
    print(f"ppo: the reward model is {shared}; the critic is a {config.critic}", flush=True)
    return Setting(
        config=config,
        directory=context.directory,
        base=base,
        tokenizer=tokenizer,
        policy=policy,
        writer=writer,
        judge=judged_by,
        watcher=watched_by,
        critic=RidgeCritic() if config.critic == "ridge" else None,
        score_mean=scale["mean"],
        score_std=scale["std"],
        prompts=prompts,
        held_out=held_out or prompts,
        language=language,
        ngrams=_ngrams(demonstrations, vocabulary=len(tokenizer)),
        device=device,
    )


def _prompts(
    snapshot: Path, tokenizer: PreTrainedTokenizerBase, config: PpoConfig
) -> tuple[list[TokenisedPrompt], list[TokenisedPrompt]]:
    limit = {"max_tokens": config.max_prompt_tokens}
    prompts, left_out = data.prompts(snapshot, tokenizer, split="train", **limit)
    data.require(prompts, what="training prompts", left_out=left_out)
    held_out, _ = data.prompts(snapshot, tokenizer, split="test", **limit)
    print(f"ppo: {len(prompts)} prompts, {len(held_out)} held out, {left_out} left out as too long", flush=True)
    if not held_out:
        print("no held-out prompts: the scores before and after are measured on training prompts", flush=True)
    return prompts, held_out


def _policy(base: Path, config: PpoConfig, device: torch.device, value_model: ValueModel | None) -> Policy:
    model = models.load_causal_lm(base).to(device)
    return Policy(
        model,
        lora_rank=config.lora_rank,
        frozen_share=config.frozen_share,
        temperature=config.temperature,
        use_bfloat16=parallel.agreed(precision.choose_to_train(model)),
        has_value_head=config.critic == "head",
        value_model=value_model,
        gradient_checkpointing=config.gradient_checkpointing,
    )


def _ngrams(demonstrations: list[TokenisedDemonstration], *, vocabulary: int) -> NgramModel | None:
    if not demonstrations:
        print("no demonstrations: the surprise of completions under the SFT data is not measured", flush=True)
        return None
    return NgramModel([one.completion for one in demonstrations], vocabulary=vocabulary)
