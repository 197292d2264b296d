"""Whether to compute in bfloat16: where the hardware has it on a GPU, and on a CPU only where it measures faster."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import nn

SMALL, SIZE = 96, 384
REPEATS = 8
HOPELESS = 3.0
"""A machine on which a small product takes so many times longer in bfloat16 is not asked about a large one."""


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
    plain, half = _seconds(torch.float32, SMALL), _seconds(torch.bfloat16, SMALL)
    if half < HOPELESS * plain:
        plain, half = _seconds(torch.float32, SIZE), _seconds(torch.bfloat16, SIZE)
    chosen = half < 0.8 * plain
    print(f"precision: {'bfloat16' if chosen else 'float32'} (a product takes {plain * 1e3:.1f} ms in float32, "
          f"{half * 1e3:.1f} ms in bfloat16)", flush=True)  # fmt: skip
    return chosen


def _seconds(dtype: torch.dtype, size: int) -> float:
    """The best time of a matrix product such as small models do."""
    a, b = torch.ones(size, 4 * size, dtype=dtype), torch.ones(4 * size, size, dtype=dtype)
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        torch.mm(a, b)
        times.append(time.perf_counter() - started)
    return min(times)
