"""Going on after an interruption, for the stages that stand on the Hugging Face trainer.

Its checkpoints lie under RUN_DIR/state/, each with a manifest of ours, written last: the newest that verifies is taken
up, so one that was not finished is passed over. PPO has its own (ppo_state.py).
"""

import shutil
import time
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rlhf.contract import rundir
from rlhf.contract.rundir import BadArtefact, RunDirectory
from rlhf.training import sharding

KEPT = 2
SECONDS = 600.0
"""Between two checkpoints where no number of steps says when: what a kill may cost."""
BY_TIME, NEVER = 0, -1
"""As `every`: a checkpoint every ten minutes (a run's `checkpoint_every` of 0), or none (of a part of one)."""


class Keeper(TrainerCallback):
    """Sets its manifest beside each checkpoint that the trainer has written, and asks for one where it is time."""

    def __init__(self, *, every: int) -> None:
        self.is_by_time, self.saved_at = _interval(every) == BY_TIME, time.monotonic()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        if self.is_by_time and _all_say(time.monotonic() - self.saved_at >= SECONDS, args):
            control.should_save = True
        return control

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        if state.is_world_process_zero:
            rundir.write_manifest(Path(args.output_dir) / f"checkpoint-{state.global_step}", {"kind": "state"})
        self.saved_at = time.monotonic()
        return control


def arguments(directory: RunDirectory, *, every: int) -> dict[str, Any]:
    """Return what the trainer's arguments say of checkpoints: one every so many steps, or when the Keeper asks."""
    every = _interval(every)
    return {
        "output_dir": str(_parent(directory)),
        "save_strategy": "steps" if every > 0 else "no",
        "save_steps": every if every > 0 else 500,
        "save_total_limit": KEPT,
    }


def newest(directory: RunDirectory) -> str | None:
    """Return the path of the newest checkpoint that verifies; None where there is none.

    What the run wrote down after that step is dropped: it will be written again.
    """
    found = {int(path.name.removeprefix("checkpoint-")): path for path in _parent(directory).glob("checkpoint-[0-9]*")}
    for step in sorted(found, reverse=True):
        try:
            rundir.verify_manifest(found[step])
        except BadArtefact as problem:
            print(f"state: {problem} The one before it is tried.", flush=True)
            continue
        print(f"state: going on after step {step}", flush=True)
        directory.forget_after(step)
        return str(found[step])
    directory.forget_after(0)
    return None


def forget(directory: RunDirectory) -> None:
    """Remove the checkpoints of a run that is over."""
    shutil.rmtree(_parent(directory), ignore_errors=True)


def _interval(every: int) -> int:
    """Return how often a checkpoint is written: never of a model in shards, as transformers cannot take it up again."""
    return NEVER if sharding.is_wanted() else every


def _all_say(mine: bool, args: TrainingArguments) -> bool:
    """Return what the first process says: all save in the same step, or none."""
    if args.world_size == 1:
        return mine
    said = torch.tensor([int(mine)], device=args.device)
    torch.distributed.broadcast(said, src=0)
    return bool(said.item())


def _parent(directory: RunDirectory) -> Path:
    return directory.path / "state"
