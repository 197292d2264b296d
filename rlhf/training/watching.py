"""The bridge from the Hugging Face trainers to a run directory: metrics, heartbeat, cancel, time limit, NaN."""

import math
import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rlhf.contract.records import FailureReason
from rlhf.contract.rundir import RunDirectory
from rlhf.training import parallel
from rlhf.training.run import StageError

NAMES = {"loss": "loss", "learning_rate": "learning_rate", "grad_norm": "grad_norm", "accuracy": "accuracy"}
"""The trainers' names of what we log, and ours (docs/training.md)."""


class Watcher(TrainerCallback):
    """Writes metrics, stops on cancel or after `minutes`, and raises on a loss or gradient that is not finite."""

    def __init__(self, directory: RunDirectory, *, minutes: float = 0.0) -> None:
        self.directory = directory
        self.stop_at = time.monotonic() + 60 * minutes if minutes else math.inf
        self.is_cancelled = False

    @property
    def losses(self) -> list[float]:
        """The loss of each step, those before an interruption too."""
        return [row["values"]["loss"] for row in self.directory.read_metrics()]

    def values_of(self, logs: dict[str, float]) -> dict[str, float]:
        """Return what the trainer logged that we keep, under our names."""
        return {ours: float(logs[theirs]) for theirs, ours in NAMES.items() if theirs in logs}

    def more_values(self, step: int) -> dict[str, float]:
        """Return what a stage measures at a step besides the trainer's own figures."""
        return {}

    def on_substep_end(self, *args: Any, **kwargs: Any) -> None:
        self.directory.beat()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        if self.should_stop():
            control.should_training_stop = True
        return control

    def should_stop(self) -> bool:
        """Say whether training is to end here; `is_cancelled` tells why."""
        self.directory.beat()
        # one answer for all: a process that went on alone would wait for the others for ever
        self.is_cancelled, is_late = parallel.agreed((self.directory.is_cancelled(), time.monotonic() > self.stop_at))
        return self.is_cancelled or is_late

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        values = self.values_of(logs or {})
        if "loss" not in values:
            return
        values |= self.more_values(state.global_step)
        self.report(state.global_step, values, of=state.max_steps)

    def report(self, step: int, values: dict[str, float], *, of: int) -> None:
        """Keep and print what a step measured; raises StageError where it is not finite."""
        check_finite(step, values)
        self.directory.append_metric(step, values)
        shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        print(f"step {step}/{of}  {shown}", flush=True)


def check_finite(step: int, values: dict[str, float]) -> None:
    """Raise StageError naming the first value that is NaN or infinite."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise StageError(
                FailureReason.NON_FINITE,
                f"non-finite {name.replace('_', ' ')} at step {step} ({value}). Lower the learning rate, or look at "
                "the data of this step.",
            )
