"""How a stage is launched: what `accelerate launch` is told, by the name that a run keeps.

In several processes gradients are summed; each holds the whole model or, where it is in shards, a part of every
weight. `batch_size` of PPO is that of all processes together, of the other stages that of each. On several machines
nodes.py starts accelerate on each.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

ONE = "one"
SHARDED = "RLHF_SHARDED"
"""The variable that tells a trainer to hold a part of the model: "true"."""
WRITER = "RLHF_WRITER"
"""The variable that says what writes completions: "vllm", or our own loop where it is not set."""
NODES, VLLM = "TRAINING_NODES", "VLLM_PYTHON"
"""Settings without which some profiles are not offered."""
VLLM_SHARE = "VLLM_MEMORY_SHARE"
"""The variable that says how much of the memory vLLM takes, above 0 and below 1."""
IN_SHARDS = ("pretrain", "sft", "reward", "dpo")
"""The stages that can hold a model in shards. PPO writes with it, row by row, and no two processes equally long."""
IN_SEVERAL = (*IN_SHARDS, "ppo")
"""Those whose several processes make the model that one would (tests/rlhf/training/test_parallel.py)."""


@dataclass(frozen=True)
class Profile:
    """A name for people, the arguments of accelerate launch, what the environment has besides, and for which stages."""

    label: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    stages: tuple[str, ...] = IN_SEVERAL
    needs: str = ""  # a setting

    @property
    def is_of_nodes(self) -> bool:
        return self.needs == NODES

    @property
    def is_sharded(self) -> bool:
        return SHARDED in self.environment


_CPU = {"CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
_SHARDS = {SHARDED: "true"}
_HERE = ("--multi_gpu", "--main_process_port=0")  # torchrun, on CPUs too; --cpu would want mpirun
_TWO, _THERE = (*_HERE, "--num_processes=2"), ("--multi_gpu",)
PROFILES = {
    ONE: Profile("one process, on the GPU where there is one", ("--num_processes=1",)),
    "cpu-2": Profile("two processes on CPUs (gloo)", _TWO, _CPU),
    "cpu-2-fsdp": Profile("in shards (FSDP2): two processes on CPUs (gloo)", _TWO, _CPU | _SHARDS, IN_SHARDS),
    "gpus": Profile("every GPU of the machine (NCCL)", _HERE),
    "gpus-fsdp": Profile("in shards (FSDP2): every GPU of the machine (NCCL)", _HERE, _SHARDS, IN_SHARDS),
    "nodes": Profile("GPUs of several machines (NCCL)", _THERE, needs=NODES),
    "nodes-fsdp": Profile(
        "in shards (FSDP2): GPUs of several machines (NCCL)", _THERE, _SHARDS, IN_SHARDS, needs=NODES
    ),
    "cpu-nodes": Profile("CPUs of several machines (gloo)", _THERE, _CPU, needs=NODES),
    "vllm": Profile(
        "vLLM writes, one process", ("--num_processes=1",), {WRITER: "vllm"}, ("sample", "ppo"), needs=VLLM
    ),
}


def names(stage: str, *, given: Collection[str]) -> tuple[str, ...]:
    """Return the profiles that a stage can be launched with, the default first; `given` are the settings there are."""
    fitting = (name for name, one in PROFILES.items() if stage in one.stages and (not one.needs or one.needs in given))
    return (ONE, *(name for name in fitting if name != ONE))


def problem(stage: str, name: str, *, given: Collection[str]) -> str:
    """Say what is wrong with a profile for a stage, and what to do; empty where it will do."""
    offered = names(stage, given=given)
    if name in offered:
        return ""
    if name not in PROFILES:
        return f"expected one of {', '.join(offered)}; got {name[:40]!r}."
    if stage not in PROFILES[name].stages:
        return f"{stage} does not run as {name}: choose {' or '.join(offered)}."
    return f"{name} needs {PROFILES[name].needs}, which is not set (docs/operations.md, «Scale»)."
