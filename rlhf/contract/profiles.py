"""How a stage is launched: what `accelerate launch` is told, by the name that a run keeps.

In several processes gradients are summed; each holds the whole model. `batch_size` of PPO is that of all processes
together, of the other stages that of each. On several machines nodes.py starts accelerate on each.
"""

from dataclasses import dataclass, field

ONE = "one"


@dataclass(frozen=True)
class Profile:
    """A name for people, the arguments of accelerate launch, and what the trainer's environment has besides."""

    label: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    is_of_nodes: bool = False


ON_CPUS = {"CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
PROFILES = {
    ONE: Profile("one process, on the GPU where there is one", ("--num_processes=1",)),
    "cpu-2": Profile(
        "two processes on CPUs (gloo)",
        ("--multi_gpu", "--num_processes=2", "--main_process_port=0"),  # torchrun; --cpu would want mpirun
        ON_CPUS,
    ),
    "gpus": Profile("every GPU of the machine (NCCL)", ("--multi_gpu", "--main_process_port=0")),
    "nodes": Profile("GPUs of several machines (NCCL)", ("--multi_gpu",), is_of_nodes=True),
    "cpu-nodes": Profile("CPUs of several machines (gloo)", ("--multi_gpu",), ON_CPUS, is_of_nodes=True),
}
IN_SEVERAL = ("pretrain", "sft", "reward", "ppo", "dpo")
"""The stages whose several processes make the model that one would (tests/rlhf/training/test_parallel.py)."""


def names(stage: str, *, has_nodes: bool) -> tuple[str, ...]:
    """Return the profiles that a stage can be launched with, the default first.

    Those on several machines only where there are some (`has_nodes`).
    """
    if stage not in IN_SEVERAL:
        return (ONE,)
    return tuple(name for name, profile in PROFILES.items() if has_nodes or not profile.is_of_nodes)


def problem(stage: str, name: str, *, has_nodes: bool) -> str:
    """Say what is wrong with a profile for a stage, and what to do; empty where it will do."""
    offered = names(stage, has_nodes=has_nodes)
    if name in offered:
        return ""
    if name not in PROFILES:
        return f"expected one of {', '.join(offered)}; got {name[:40]!r}."
    if stage not in IN_SEVERAL:
        return f"{stage} runs in one process: choose {ONE}."
    return f"{name} is for several machines, and none are named: set TRAINING_NODES (docs/operations.md, «Scale»)."
