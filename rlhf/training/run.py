"""The entry point all stages share: read the order, seed, run, write result.json, say why it failed.

accelerate launch -m rlhf.training.<stage> RUN_DIR
"""

import errno
import importlib.metadata
import platform
import random
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import transformers

from rlhf.contract.config import ConfigError
from rlhf.contract.lifeline import die_with_parent
from rlhf.contract.records import FailureReason
from rlhf.contract.rundir import BadArtefact, Result, RunDirectory, RunSpec
from rlhf.training import card, cost, parallel
from rlhf.training.events import ShownDirectory

LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")


class StageError(Exception):
    """An expected failure: the message says what was expected, what came and what to do."""

    def __init__(self, reason: FailureReason, message: str) -> None:
        self.reason = reason
        super().__init__(message)


NO_SPACE = "No space left on device"
ADVICE = {
    FailureReason.OUT_OF_MEMORY: (
        "Memory ran out: lower the batch or mini-batch size, or lengths; turn on gradient checkpointing, or train LoRA."
    ),
    FailureReason.DISK_FULL: "The disk is full: make room (old runs, states, caches), then resume the run.",
}


@dataclass(frozen=True)
class RunContext:
    """What a stage works on."""

    directory: RunDirectory
    spec: RunSpec


@dataclass(frozen=True)
class StageOutcome:
    """What a stage leaves: the figures for result.json and the kind of weights in checkpoint/, if any."""

    metrics: dict[str, Any] = field(default_factory=dict)
    checkpoint_kind: str = ""
    is_cancelled: bool = False


def main(stage: str, function: Callable[[RunContext], StageOutcome]) -> None:
    """Run a stage over the directory named on the command line; exits 0 only if it succeeded or was cancelled."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: accelerate launch -m rlhf.training.{stage} RUN_DIR")
    die_with_parent()
    parallel.quiet_unless_first()
    transformers.utils.logging.set_verbosity_error()  # what it would warn of, we check; its bars are not for a log
    transformers.utils.logging.disable_progress_bar()
    result = execute(stage, function, RunDirectory(sys.argv[1]))
    sys.exit(1 if result.status == "failed" else 0)


def execute(stage: str, function: Callable[[RunContext], StageOutcome], directory: RunDirectory) -> Result:
    """Run a stage and write result.json whatever happens; returns what was written.

    Of several processes the first writes.
    """
    started = time.monotonic()
    directory = ShownDirectory(directory.path) if parallel.is_first() else parallel.Onlooker(directory)
    try:
        context = _context(stage, directory)
        outcome = function(context)
        if outcome.checkpoint_kind and parallel.is_first():
            card.add(directory.checkpoint, context.spec, figures=outcome.metrics, versions=_versions())
        status = "cancelled" if outcome.is_cancelled else "succeeded"
        result = _result(started, status, metrics=outcome.metrics, checkpoint_kind=outcome.checkpoint_kind)
    except Exception as problem:  # whatever stops a stage ends in its result.json, and the traceback in its log
        traceback.print_exc()
        result = _result(started, "failed", reason=_reason(problem), message=_sentence(problem))
    if isinstance(directory, ShownDirectory):
        directory.close()
    print(f"{stage}: {result.status} after {result.seconds:.0f} s. {result.message}", flush=True)
    directory.write_result(result)
    return result


def _context(stage: str, directory: RunDirectory) -> RunContext:
    spec = directory.read_spec()
    if spec.stage != stage:
        raise ConfigError({"stage": f"{directory.config} orders {spec.stage!r}; this is {stage!r}."})
    random.seed(spec.config.seed)
    np.random.seed(spec.config.seed % 2**32)
    torch.manual_seed(spec.config.seed)
    directory.beat()
    return RunContext(directory, spec)


def _result(started: float, status: str, **values: Any) -> Result:
    seconds = time.monotonic() - started
    return Result(status, versions=_versions(), seconds=round(seconds, 2), cost=cost.measured(seconds), **values)


def _versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return found | {"python": platform.python_version()}


def _reason(problem: Exception) -> FailureReason:
    if isinstance(problem, StageError):
        return problem.reason
    if isinstance(problem, ConfigError):
        return FailureReason.BAD_CONFIG
    if isinstance(problem, BadArtefact):
        return FailureReason.BAD_ARTEFACT
    if isinstance(problem, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(problem):
        return FailureReason.OUT_OF_MEMORY
    if _is_disk_full(problem):
        return FailureReason.DISK_FULL
    return FailureReason.CRASHED


def _is_disk_full(problem: Exception) -> bool:
    """Say whether a write found no room: Python's, safetensors' (a text), or torch's, which wrote too little."""
    is_ours = isinstance(problem, OSError) and problem.errno == errno.ENOSPC
    said = str(problem)
    return is_ours or NO_SPACE in said or ("inline_container" in said and "unexpected pos" in said)


def _sentence(problem: Exception) -> str:
    if isinstance(problem, StageError | ConfigError | BadArtefact):
        return str(problem)
    said = f"{type(problem).__name__}: {str(problem)[:500]}"
    return " ".join(filter(None, (ADVICE.get(_reason(problem)), said)))
