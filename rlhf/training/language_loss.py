"""The language-modelling loss on blocks of text, and the perplexity of a stream of them."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, Trainer
from trl.trainer.utils import add_fused_lm_head

from rlhf.training import precision
from rlhf.training.corpus import Stream
from rlhf.training.trainers import InOurPrecision


def without_logits(model: PreTrainedModel) -> PreTrainedModel:
    """Teach a model to return log-probs, by TRL's fused head, without the logits of the whole vocabulary."""
    add_fused_lm_head(model)
    return model


class LanguageTrainer(InOurPrecision, Trainer):
    """The Hugging Face trainer over a model `without_logits`."""

    def compute_loss(self, model: nn.Module, inputs: dict[str, Tensor | Any], *args: Any, **kwargs: Any) -> Tensor:
        return super().compute_loss(model, {**inputs, "fused_lm_head": True}, *args, **kwargs)


@torch.no_grad()
def perplexity(
    model: nn.Module,
    found: Stream,
    *,
    block_size: int,
    batch_size: int,
    use_bfloat16: bool,
    on_batch: Callable[[], None],
) -> dict[str, float]:
    """Return `perplexity` and `bits_per_byte` of a model on a stream, in blocks of the length it was trained on.

    The perplexity is exp of the mean loss per token, the first of each block left out, which has nothing before it; it
    depends on the tokenizer. Bits per byte do not: the same loss for all tokens, over the bytes of the text.
    """
    device, total, count = next(model.parameters()).device, 0.0, 0
    whole = len(found.tokens) // block_size * block_size
    for start in range(0, len(found.tokens), block_size * batch_size):
        piece = torch.from_numpy(found.tokens[start : start + block_size * batch_size].astype("int64")).to(device)
        full, rest = piece[: max(0, whole - start)].view(-1, block_size), piece[max(0, whole - start) :][None]
        for ids in (full, rest):
            if ids.shape[0] and ids.shape[1] > 1:
                with precision.autocast(device, use_bfloat16=use_bfloat16):
                    total -= model(input_ids=ids, labels=ids, fused_lm_head=True).log_probs.sum().item()
                count += ids[:, 1:].numel()
        on_batch()
    mean = total / count
    return {
        "perplexity": math.exp(min(mean, 700.0)),
        "bits_per_byte": mean * len(found.tokens) / math.log(2) / found.byte_count,
    }
