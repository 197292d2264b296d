"""What a run costs: seconds and the most memory it held, read from the operating system and the GPU."""

import resource
import sys

import torch

UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system counts resident memory."""


def measured(seconds: float) -> dict[str, float]:
    """Return what this process has cost so far.

    `cpu_seconds` and `peak_memory_bytes` (resident) are of the whole process, its threads too. `gpu_seconds` is how
    long it held a GPU, whether it kept it busy or not, `peak_gpu_memory_bytes` what its tensors took: 0 without a GPU.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    has_gpu = torch.cuda.is_available()
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_memory_bytes": used.ru_maxrss * UNIT,
        "gpu_seconds": round(seconds, 2) if has_gpu else 0.0,
        "peak_gpu_memory_bytes": torch.cuda.max_memory_allocated() if has_gpu else 0,
    }
