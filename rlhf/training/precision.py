"""Whether to compute in bfloat16: where the hardware has it on a GPU, and on a CPU only where it measures faster."""

import time
from contextlib import AbstractContextManager

import torch

SIZE = 384
REPEATS = 8


def autocast(device: torch.device, *, use_bfloat16: bool) -> AbstractContextManager[None]:
    """Return the autocast context of a forward pass."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=use_bfloat16)


def choose_bfloat16(device: torch.device) -> bool:
    """Say whether bfloat16 is worth it on this machine, and print the choice."""
    if device.type == "cuda":
        chosen = torch.cuda.is_bf16_supported()
        print(f"precision: {'bfloat16' if chosen else 'float32'} on {torch.cuda.get_device_name()}", flush=True)
        return chosen
    plain, half = _seconds(torch.float32), _seconds(torch.bfloat16)
    chosen = half < 0.8 * plain
    print(f"precision: {'bfloat16' if chosen else 'float32'} (a product takes {plain * 1e3:.1f} ms in float32, "
          f"{half * 1e3:.1f} ms in bfloat16)", flush=True)  # fmt: skip
    return chosen


def _seconds(dtype: torch.dtype) -> float:
    """The best time of a matrix product of the size that small models do."""
    a, b = torch.ones(SIZE, 4 * SIZE, dtype=dtype), torch.ones(4 * SIZE, SIZE, dtype=dtype)
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        torch.mm(a, b)
        times.append(time.perf_counter() - started)
    return min(times)
