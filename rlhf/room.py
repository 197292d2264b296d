"""Whether a machine has the room that a run needs, before anything is loaded: disk for what it leaves, memory to read.

Rough on purpose: what certainly cannot work is refused in a second, instead of after an hour. Memory of a GPU is not
looked at: only the trainer knows it.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from rlhf.contract.records import FailureReason
from rlhf.models import Checkpoint, Run
from rlhf.preflight import LEAVE_NOTHING

SPARE_BYTES = 256 * 2**20
STATE_SHARE = 3
"""A saved state of a model of which all is trained: its weights and Adam's two moments."""
STATES = 3
"""Two are kept while a third is written."""
GIB = 2**30


@dataclass(frozen=True)
class Shortage:
    """Why a run cannot begin on this machine."""

    reason: FailureReason
    sentence: str


def shortage(run: Run, directory: Path) -> Shortage | None:
    """Return what is missing for a run that would work in a directory; None where nothing is."""
    needed, free = disk_bytes(run) + SPARE_BYTES, _free_bytes(directory)
    if free < needed:
        told = f"The run needs about {needed / GIB:.1f} GiB on the disk of {directory}; {free / GIB:.1f} GiB are free."
        return Shortage(
            FailureReason.DISK_FULL, f"{told} Make room (manage.py retention), or train an adapter (lora_rank)."
        )
    read, available = sum(one.size_bytes for one in _models(run)), _available_bytes()
    if available is not None and available < read:
        told = f"The models that the run reads have {read / GIB:.1f} GiB; {available / GIB:.1f} GiB of memory are free."
        return Shortage(FailureReason.OUT_OF_MEMORY, f"{told} Use a smaller model or a larger machine.")
    return None


def disk_bytes(run: Run) -> int:
    """Return about how many bytes a run leaves on disk: its checkpoint, and the states it saves on the way."""
    if run.base is None or run.stage in LEAVE_NOTHING:
        return 0
    is_whole = not run.config.get("lora_rank", 0)
    saves = "checkpoint_every" in run.config and (run.stage != "ppo" or run.config["checkpoint_every"] > 0)
    states = STATES * STATE_SHARE if is_whole and saves else 0
    return run.base.size_bytes * (1 + states)


def _models(run: Run) -> list[Checkpoint]:
    found = (run.base, run.reward_model, run.baseline, run.watcher)
    return list({one.pk: one for one in found if one}.values())


def _free_bytes(directory: Path) -> int:
    while not directory.exists():
        directory = directory.parent
    return shutil.disk_usage(directory).free


def _available_bytes() -> int | None:
    """Return the memory that a new process may have; None where the system does not say (not Linux)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None
