"""Whether to compute in bfloat16: where the hardware has it on a GPU, and on a CPU only where it measures faster."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import nn
from transformers import PreTrainedModel

from rlhf.training import trunk

SMALL, SIZE = 96, 384
REPEATS = 8
HOPELESS = 3.0
"""A machine on which a small product takes so many times longer in bfloat16 is not asked about a large one."""
WORTH_IT = 0.8
"""What bfloat16 may take of float32's time, at most."""
ROWS, LENGTH = 8, 64
"""Of the text that a layer is tried on."""


def autocast(device: torch.device, *, use_bfloat16: bool) -> AbstractContextManager[None]:
    """Return the autocast context of a forward pass."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=use_bfloat16)


@contextmanager
def stored(model: nn.Module, *, use_bfloat16: bool) -> Iterator[None]:
    """Hold a model's weights in bfloat16 for a while, to decode with; then those that were there before, exactly.

    Autocast rounds every weight again at each token, which takes longer than the products of a small batch.
    """
    kept = {parameter: parameter.data for parameter in model.parameters()} if use_bfloat16 else {}
    try:
        for parameter, weights in kept.items():
            parameter.data = weights.to(torch.bfloat16)
        yield
    finally:
        for parameter, weights in kept.items():
            parameter.data = weights


def choose_bfloat16(device: torch.device) -> bool:
    """Say whether bfloat16 is worth it on this machine, and print the choice."""
    if device.type == "cuda":
        chosen = torch.cuda.is_bf16_supported()
        print(f"precision: {'bfloat16' if chosen else 'float32'} on {torch.cuda.get_device_name()}", flush=True)
        return chosen
    plain, half = _best(_product(torch.float32, SMALL), _product(torch.bfloat16, SMALL))
    if half < HOPELESS * plain:
        plain, half = _best(_product(torch.float32, SIZE), _product(torch.bfloat16, SIZE))
    return _chosen("a product", plain, half)


def choose_to_train(model: PreTrainedModel) -> bool:
    """As `choose_bfloat16`, and on a CPU only where a layer of this model is faster for it, forwards and backwards.

    In a narrow model what is cast to and fro takes longer than what is multiplied.
    """
    chosen = choose_bfloat16(model.device)
    if not chosen or model.device.type == "cuda" or not trunk.has_parts(model.base_model):
        return chosen
    with trunk.below(model.base_model, 1) as layer:
        plain, half = _best(*(_there_and_back(layer, model, use_bfloat16=use_it) for use_it in (False, True)))
    model.zero_grad()
    return _chosen("a layer", plain, half)


def _chosen(what: str, plain: float, half: float) -> bool:
    chosen = half < WORTH_IT * plain
    print(f"precision: {'bfloat16' if chosen else 'float32'} ({what} takes {plain * 1e3:.1f} ms in float32, "
          f"{half * 1e3:.1f} ms in bfloat16)", flush=True)  # fmt: skip
    return chosen


def _there_and_back(layer: nn.Module, model: PreTrainedModel, *, use_bfloat16: bool) -> Callable[[], None]:
    """A pass through a part of a model and back, which leaves gradients."""
    ids = torch.arange(ROWS * LENGTH, device=model.device).view(ROWS, LENGTH) % model.config.vocab_size

    def there_and_back() -> None:
        with autocast(model.device, use_bfloat16=use_bfloat16):
            states = layer(input_ids=ids, use_cache=False).last_hidden_state
        states.float().sum().backward()

    return there_and_back


def _product(dtype: torch.dtype, size: int) -> Callable[[], object]:
    """A matrix product such as small models do."""
    a, b = torch.ones(size, 4 * size, dtype=dtype), torch.ones(4 * size, size, dtype=dtype)
    return lambda: torch.mm(a, b)


def _best(plain: Callable[[], object], half: Callable[[], object]) -> tuple[float, float]:
    """The best seconds of each, timed in turn: what else the machine does then meets both."""
    rounds = [(_seconds(plain), _seconds(half)) for _ in range(REPEATS)]
    return min(one for one, _ in rounds), min(other for _, other in rounds)


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
