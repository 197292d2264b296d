"""PPO-ptx: a language-modelling loss on other text, mixed into each update (Ouyang et al. 2022, equation 2).

The text is the snapshot's demonstrations, where the loss is that of fine-tuning, or a corpus, where it is that of
pretraining. InstructGPT mixed in its pretraining data, to keep what the policy had learned before.
"""

import tempfile
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from rlhf.contract.config import ConfigError, PpoConfig
from rlhf.contract.rundir import Inputs
from rlhf.training import corpus, data, ppo_math, rollout
from rlhf.training.corpus import Blocks
from rlhf.training.data import TokenisedDemonstration


class LanguageText(Protocol):
    """Pieces of text, each with what is given and what is learned."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> TokenisedDemonstration: ...


class CorpusText:
    """Blocks of a corpus in the shape of demonstrations: the first token is given, the rest is learned."""

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks

    def __len__(self) -> int:
        return len(self.blocks)

    def __getitem__(self, index: int) -> TokenisedDemonstration:
        ids = self.blocks[index]["input_ids"].tolist()
        return TokenisedDemonstration(ids[:1], ids[1:])


def text_of(
    config: PpoConfig,
    inputs: Inputs,
    tokenizer: PreTrainedTokenizerBase,
    demonstrations: list[TokenisedDemonstration],
    *,
    left_out: int,
) -> LanguageText:
    """Return the text to mix in; nothing where the coefficient is 0. Raises StageError or ConfigError where it lacks.

    Blocks of a corpus are as long as a prompt and its completion may be.
    """
    if not config.lm_coef:
        return []
    if config.lm_text == "demonstrations":
        data.require(demonstrations, what="demonstrations for the language-modelling loss", left_out=left_out)
        return demonstrations
    if not inputs.corpus:
        raise ConfigError({"lm_text": "corpus needs one, and none is given. Choose a corpus, or take demonstrations."})
    corpus.verify(Path(inputs.corpus))
    with tempfile.TemporaryDirectory() as scratch:  # what is mapped stays after the file is gone
        stream = corpus.stream(Path(inputs.corpus), tokenizer, split="train", scratch=Path(scratch))
    size = config.max_prompt_tokens + config.max_new_tokens
    return CorpusText(corpus.blocks(stream, size=size, because="max_prompt_tokens + max_new_tokens"))


def draw(text: LanguageText, count: int, generator: torch.Generator) -> list[TokenisedDemonstration]:
    """Return so many pieces, drawn with replacement."""
    return [text[i] for i in torch.randint(len(text), (count,), generator=generator).tolist()]


def loss(
    model: nn.Module, shown: list[TokenisedDemonstration], *, pad_id: int, device: torch.device, use_bfloat16: bool
) -> Tensor:
    """Return the mean negative log-likelihood, in nats, of all tokens that are learned."""
    batch = rollout.batch_of([x.prompt for x in shown], [x.completion for x in shown], pad_id=pad_id, device=device)
    found = rollout.response_statistics(model, batch, temperature=1.0, use_bfloat16=use_bfloat16)
    return -ppo_math.masked_mean(found.logprobs, batch.response_mask)
