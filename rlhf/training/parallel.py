"""Several processes that do the work of one: each takes every so many-th row, and sums make the whole.

    accelerate launch --multi_gpu --num_processes 4 -m rlhf.training.ppo RUN_DIR

With one process every function gives back what it was given. The first process writes; the others only look on.
"""

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed
from torch import Tensor, nn

from rlhf.contract.rundir import RunDirectory

T = TypeVar("T")


def start() -> None:
    """Join the other processes that the launcher started, where it started any."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or torch.distributed.is_initialized():
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def count() -> int:
    """Return how many processes there are."""
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def rank() -> int:
    """Return which of them this is, from 0."""
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


def is_first() -> bool:
    """Say whether this process writes; the launcher has told before the processes have met."""
    return int(os.environ.get("RANK", "0")) == 0


def own(n: int) -> slice:
    """Return which of n rows are this process's."""
    return slice(rank(), n, count())


def gathered(mine: list[T], n: int) -> list[T]:
    """Return all n rows where each process brings its own."""
    if count() == 1:
        return mine
    parts: list[list[T]] = [[] for _ in range(count())]
    torch.distributed.all_gather_object(parts, mine)
    return [parts[row % count()][row // count()] for row in range(n)]


def whole(mine: Tensor, n: int) -> Tensor:
    """Return all n rows of a tensor where each process brings its own."""
    if count() == 1:
        return mine
    rows = torch.zeros((n, *mine.shape[1:]), dtype=mine.dtype, device=mine.device)
    rows[own(n)] = mine
    return summed(rows)


def summed(mine: Tensor) -> Tensor:
    """Return the sum over the processes."""
    if count() > 1:
        torch.distributed.all_reduce(mine := mine.clone())
    return mine


def sum_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Give every process the sum of the gradients; one without a gradient brings 0."""
    if count() == 1:
        return
    for parameter in parameters:
        parameter.grad = summed(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)


def average_gradients(parameters: list[nn.Parameter]) -> None:
    """Give every process the mean of the gradients."""
    sum_gradients(parameters)
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad /= count()


def agreed(value: T) -> T:
    """Return what the first process says: a clock or a file may tell each another thing."""
    if count() == 1:
        return value
    said = [value]
    torch.distributed.broadcast_object_list(said)
    return said[0]


class Onlooker(RunDirectory):
    """The run's directory as a process sees it that does not write: orders come from it, the rest is thrown away."""

    def __init__(self, real: RunDirectory) -> None:
        self.scratch = tempfile.TemporaryDirectory()
        super().__init__(Path(self.scratch.name))
        self.config, self.cancel, self.state = real.config, real.cancel, real.state


def quiet_unless_first() -> None:
    """Let one process speak: the log is of the run, not of each process."""
    if not is_first():
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  for the life of the process
