"""A policy's figures on held-out prompts, whichever stage made it: score, length, ends, diversity, KL to its start."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from rlhf.contract.rundir import RunDirectory
from rlhf.training import diversity, generation, models, rollout, scoring
from rlhf.training.data import TokenisedPrompt
from rlhf.training.generation import Generated

COMPLETIONS = 4
"""Completions a held-out prompt."""
SHOWN = 3
"""Prompts of which a completion is written to samples.jsonl."""


@dataclass
class HeldOut:
    """Held-out prompts, and how completions of them are made and scored: with the same seed each time."""

    prompts: list[TokenisedPrompt]
    tokenizer: PreTrainedTokenizerBase
    reward_model: nn.Module
    max_new_tokens: int
    temperature: float
    batch_size: int
    seed: int
    use_bfloat16: bool
    directory: RunDirectory

    def measure(self, model: nn.Module, *, step: int) -> dict[str, float]:
        """Return the means over fresh completions, and write some of them down."""
        prompts, generated = self._completions(model)
        scores, texts = self._scores(prompts, generated), [one.ids for one in generated]
        found = {
            "score": sum(scores) / len(scores),
            "entropy": sum(sum(one.entropies) / len(one.entropies) for one in generated) / len(generated),
            "length": sum(map(len, texts)) / len(texts),
            "eos_rate": sum(one.is_finished for one in generated) / len(generated),
            "distinct_2": diversity.distinct(texts, 2),
            "self_bleu": diversity.self_bleu(texts),
        }
        print("held out: " + "  ".join(f"{name} {value:.3g}" for name, value in found.items()), flush=True)
        for row in range(0, min(SHOWN, len(self.prompts)) * COMPLETIONS, COMPLETIONS):
            self._show(prompts[row], generated[row], scores[row], step)
        return found

    @torch.no_grad()
    def kl(self, model: nn.Module, started_as: AbstractContextManager[nn.Module]) -> float:
        """Return the mean KL to the model as it began (given while a block lasts), nats per own completion."""
        prompts, generated = self._completions(model)
        mine = self._logprobs(model, prompts, generated)
        with started_as as start:
            theirs = self._logprobs(start, prompts, generated)
        return (mine - theirs).mean().item()

    def _completions(self, model: nn.Module) -> tuple[list[TokenisedPrompt], list[Generated]]:
        prompts = [prompt for prompt in self.prompts for _ in range(COMPLETIONS)]
        return prompts, generation.generate(
            model,
            self.tokenizer,
            [prompt.ids for prompt in prompts],
            max_new_tokens=self.max_new_tokens,
            temperature=self.temperature,
            batch_size=self.batch_size,
            generator=torch.Generator().manual_seed(self.seed + 1),
            use_bfloat16=self.use_bfloat16,
            on_batch=self.directory.beat,
        )

    def _scores(self, prompts: list[TokenisedPrompt], generated: list[Generated]) -> list[float]:
        eos = self.tokenizer.eos_token_id
        found = scoring.score(
            self.reward_model,
            [prompt.ids + one.ended(eos) for prompt, one in zip(prompts, generated, strict=True)],
            pad_id=self.tokenizer.pad_token_id,
            batch_size=self.batch_size,
            use_bfloat16=self.use_bfloat16,
            on_batch=self.directory.beat,
        )
        return found.tolist()

    def _logprobs(self, model: nn.Module, prompts: list[TokenisedPrompt], generated: list[Generated]) -> Tensor:
        """Return the log-prob of each completion. (N,)"""
        found = []
        for start in range(0, len(prompts), self.batch_size):
            rows = slice(start, start + self.batch_size)
            batch = rollout.batch_of(
                [prompt.ids for prompt in prompts[rows]],
                [one.ids for one in generated[rows]],
                pad_id=self.tokenizer.pad_token_id,
                device=models.device(),
            )
            options = {"temperature": self.temperature, "use_bfloat16": self.use_bfloat16}
            found.append(rollout.response_statistics(model, batch, **options).logprobs.sum(1))
            self.directory.beat()
        return torch.cat(found)

    def _show(self, prompt: TokenisedPrompt, one: Generated, score: float, step: int) -> None:
        text = self.tokenizer.decode(one.ids, skip_special_tokens=True)
        said = prompt.record.messages[-1]["content"]
        self.directory.append_sample({"step": step, "prompt": said, "completion": text, "score": score})
