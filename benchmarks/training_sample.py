"""Sampling: prefill beside the time that its operations need, and decoding, with SmolLM2-135M at batch 16."""

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from rlhf.training import generation, models, precision

BATCH, PROMPT, NEW, REPEATS = 16, 128, 64, 5


@torch.no_grad()
def smollm2(place: Path, seed: int) -> dict[str, float]:
    """Measure wall seconds on all of torch's threads; the best of five counts, as others work on the machine too."""
    model, tokenizer = models.load_causal_lm(place / "base"), models.load_tokenizer(place / "base")
    drawn = torch.Generator().manual_seed(seed)
    prompts = torch.randint(1000, len(tokenizer), (BATCH, PROMPT), generator=drawn).tolist()
    model.config.eos_token_id = tokenizer.eos_token_id
    use_bfloat16 = precision.choose_bfloat16(models.device())  # as the stage does
    dtype = torch.bfloat16 if use_bfloat16 else torch.float32

    def write(length: int) -> Callable[[], object]:
        return lambda: generation.generate(
            model, _Endless(tokenizer), prompts, max_new_tokens=length, temperature=1.0, batch_size=BATCH,
            generator=torch.Generator().manual_seed(seed), use_bfloat16=use_bfloat16,
        )  # fmt: skip

    with precision.stored(model, use_bfloat16=use_bfloat16):  # as generate holds them for all prompts of a stage
        prefill, prefill_bound, whole, step_bound = _best(
            write(1),
            _products(model, length=PROMPT, dtype=dtype),
            write(1 + NEW),
            _products(model, length=1, dtype=dtype),
        )
    return {
        "prefill_seconds": prefill,
        "prefill_bound": prefill_bound,
        "tokens_per_second": BATCH * NEW / (whole - prefill),
        "decode_bound": BATCH / step_bound,
        "is_bfloat16": float(use_bfloat16),
        "threads": torch.get_num_threads(),
        "gflop": 2 * BATCH * PROMPT * sum(layer.weight.numel() for layer in _linear(model)) / 1e9,
    }


class _Endless:
    """A tokenizer without an end: every completion is of full length."""

    eos_token_id = -1

    def __init__(self, tokenizer: object) -> None:
        self.pad_token_id = tokenizer.pad_token_id


def _products(model: PreTrainedModel, *, length: int, dtype: torch.dtype) -> Callable[[], None]:
    """Return what does the matrix products of a forward pass over (BATCH, length), and nothing else.

    One after the other, each layer with its own weights; in attention each token is multiplied with all of the text.
    """
    given = {layer.in_features: torch.randn(BATCH * length, layer.in_features, dtype=dtype) for layer in _linear(model)}
    config, head = model.config, model.get_output_embeddings().weight
    width = config.hidden_size // config.num_attention_heads
    tokens = torch.randn(BATCH * config.num_attention_heads, length, width, dtype=dtype)

    def products() -> None:
        for layer in _linear(model):
            nn.functional.linear(given[layer.in_features], layer.weight)
        for _ in range(config.num_hidden_layers):
            torch.bmm(torch.bmm(tokens, tokens.transpose(1, 2)), tokens)
        nn.functional.linear(given[config.hidden_size][:BATCH], head)

    return products


def _linear(model: PreTrainedModel) -> list[nn.Linear]:
    return [part for name, part in model.named_modules() if isinstance(part, nn.Linear) and ".layers." in name]


def _best(*calls: Callable[[], object]) -> list[float]:
    """Return the seconds of each call, one after the other in each round: what the machine does beside meets all."""
    rounds = [[_seconds(call) for call in calls] for _ in range(REPEATS)]
    return [min(seconds) for seconds in zip(*rounds, strict=True)]


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
