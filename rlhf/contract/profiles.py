"""How a stage is launched: what `accelerate launch` is told, by the name that a run keeps.

In several processes gradients are summed; each holds the whole model. `batch_size` of PPO is that of all processes
together, of the other stages that of each.
"""

from dataclasses import dataclass, field

ONE = "one"


@dataclass(frozen=True)
class Profile:
    """A name for people, the arguments of accelerate launch, and what the trainer's environment has besides."""

    label: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


PROFILES = {
    ONE: Profile("one process, on the GPU where there is one", ("--num_processes=1",)),
    "cpu-2": Profile(
        "two processes on CPUs (gloo)",
        ("--multi_gpu", "--num_processes=2", "--main_process_port=0"),  # torchrun; --cpu would want mpirun
        {"CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"},
    ),
    "gpus": Profile("every GPU of the machine (NCCL)", ("--multi_gpu", "--main_process_port=0")),
}
IN_SEVERAL = ("pretrain", "sft", "reward", "ppo", "dpo")
"""The stages whose several processes make the model that one would (tests/rlhf/training/test_parallel.py)."""


def names(stage: str) -> tuple[str, ...]:
    """Return the profiles that a stage can be launched with, the default first."""
    return tuple(PROFILES) if stage in IN_SEVERAL else (ONE,)


def problem(stage: str, name: str) -> str:
    """Say what is wrong with a profile for a stage, and what to do; empty where it will do."""
    if name not in PROFILES:
        return f"expected one of {', '.join(names(stage))}; got {name[:40]!r}."
    return "" if name in names(stage) else f"{stage} runs in one process: choose {ONE}."
