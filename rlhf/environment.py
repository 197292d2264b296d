"""What a training process may know of our environment: no database, no broker, no secret."""

import os

PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "VIRTUAL_ENV",
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "CUDA_VISIBLE_DEVICES",
    "LD_LIBRARY_PATH",
    "NCCL_SOCKET_IFNAME",
    "NCCL_IB_HCA",
    "NCCL_DEBUG",
    "GLOO_SOCKET_IFNAME",
    "VLLM_PYTHON",
    "VLLM_MEMORY_SHARE",
    "VLLM_CPU_KVCACHE_SPACE",
)

KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
"""For glibc's malloc: freed blocks of up to 32 MB are used again instead of being returned. Else each pass of a model
on a CPU asks for its memory anew: in fifteen of SmolLM2 0.5-2.3 million page faults, not 0.1, and 1-6 % of the time."""


def for_training() -> dict[str, str]:
    """Return the environment of a trainer: what is passed on, and how its threads behave."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    kept.setdefault("OMP_NUM_THREADS", str(os.cpu_count() or 1))  # or accelerate would say 1
    kept.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin for work on shared cores: decoding 6-10 x slower
    return kept | KEPT_MEMORY | {"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
