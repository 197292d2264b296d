"""Sampling: prefill beside the time that its operations need, and decoding, with SmolLM2-135M at batch 16."""

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
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

    prefill, whole = _best(write(1)), _best(write(1 + NEW))
    decoding = whole - prefill
    return {
        "prefill_seconds": prefill,
        "prefill_bound": _bound(model, rows=BATCH * PROMPT, dtype=dtype),
        "tokens_per_second": BATCH * NEW / decoding,
        "decode_bound": BATCH * NEW / (NEW * _bound(model, rows=BATCH, dtype=dtype)),
        "is_bfloat16": float(use_bfloat16),
        "threads": torch.get_num_threads(),
        "gflop": 2 * BATCH * PROMPT * sum(layer.weight.numel() for layer in _linear(model)) / 1e9,
    }


class _Endless:
    """A tokenizer without an end: every completion is of full length."""

    eos_token_id = -1

    def __init__(self, tokenizer: object) -> None:
        self.pad_token_id = tokenizer.pad_token_id


def _bound(model: PreTrainedModel, *, rows: int, dtype: torch.dtype) -> float:
    """Return the seconds that the products of one forward pass take by themselves, each shape measured."""
    shapes: dict[tuple[int, int], int] = {}
    for layer in _linear(model):
        shapes[tuple(layer.weight.shape)] = shapes.get(tuple(layer.weight.shape), 0) + 1
    seconds = sum(count * _product(rows, *shape, dtype) for shape, count in shapes.items())
    return seconds + _product(BATCH, *model.get_output_embeddings().weight.shape, dtype)


def _linear(model: PreTrainedModel) -> list[nn.Linear]:
    return [part for name, part in model.named_modules() if isinstance(part, nn.Linear) and ".layers." in name]


def _product(rows: int, width: int, depth: int, dtype: torch.dtype) -> float:
    a, weight = torch.randn(rows, depth, dtype=dtype), torch.randn(width, depth, dtype=dtype)
    return _best(lambda: nn.functional.linear(a, weight))


def _best(call: Callable[[], Tensor | object]) -> float:
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
