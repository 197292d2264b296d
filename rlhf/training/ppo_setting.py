"""What a PPO run works with: models, prompts and config, loaded and checked before the first step."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from rlhf.contract.config import PpoConfig
from rlhf.contract.rundir import RunDirectory
from rlhf.training import data, models, precision, rollout, scoring
from rlhf.training.data import TokenisedDemonstration, TokenisedPrompt
from rlhf.training.policy import Policy
from rlhf.training.rollout import Batch, Generated
from rlhf.training.run import RunContext


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

    def generate(self, prompts: list[list[int]], generator: torch.Generator) -> list[Generated]:
        """Sample one completion for each prompt from the policy as it is."""
        with self.policy.decoder() as decoder:
            return rollout.generate(
                decoder,
                self.tokenizer,
                prompts,
                max_new_tokens=self.config.max_new_tokens,
                temperature=self.config.temperature,
                batch_size=len(prompts),
                generator=generator,
                use_bfloat16=self.use_bfloat16,
                on_batch=self.directory.beat,
            )

    def score(self, prompts: list[TokenisedPrompt], generated: list[Generated]) -> Tensor:
        """Return the raw scores (B,) of completions, on the run's device."""
        eos = self.tokenizer.eos_token_id
        return scoring.score(
            self.reward_model,
            [prompt.ids + one.ended(eos) for prompt, one in zip(prompts, generated, strict=True)],
            pad_id=self.tokenizer.pad_token_id,
            batch_size=len(prompts),
            use_bfloat16=self.use_bfloat16,
        ).to(self.device)

    def batch(self, prompts: list[list[int]], completions: list[list[int]]) -> Batch:
        """Pad prompts and completions into one batch on the run's device."""
        return rollout.batch_of(prompts, completions, pad_id=self.tokenizer.pad_token_id, device=self.device)


def set_up(context: RunContext) -> Setting:
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
