"""The worker of a chaos run on training: Concord's own, but with short waits and a quick trainer for some of the runs.

Started by chaos_runs.py as `python -m benchmarks.chaos_runs_worker worker …`; takes Celery's arguments. With
BREAK=fence in its environment a write is not asked for its fence, and the quick trainer takes its time, so that a run
still works when its frozen supervisor wakes: the verdict must turn red then.
"""

import json
import os
import sys
from pathlib import Path

import django

django.setup()

from benchmarks.quick_trainer import QUICK_SEEDS, SLOW_STEP_SECONDS, STEP_SECONDS
from config.celery import app
from rlhf import runs, supervisor
from rlhf.models import Run

TRAINER = Path(__file__).with_name("quick_trainer.py")
WITHOUT_FENCE = os.environ.get("BREAK") == "fence"
ours = supervisor.command


def command(stage: str, directory: Path, *, profile: str) -> list[str]:
    seed = json.loads((directory / "config.json").read_text(encoding="utf-8"))["config"]["seed"]
    if seed < QUICK_SEEDS:
        return ours(stage, directory, profile=profile)
    seconds = SLOW_STEP_SECONDS if WITHOUT_FENCE else STEP_SECONDS
    return [sys.executable, "-S", str(TRAINER), "launch", str(directory), str(seconds)]


def main() -> None:
    supervisor.command = command
    supervisor.POLL_SECONDS = 0.2
    supervisor.TERMINATE_GRACE_SECONDS = 3.0
    runs.RING_AGAIN_SECONDS = 3
    if WITHOUT_FENCE:
        runs._held = lambda held: Run.objects.filter(pk=held.run_id, state=Run.State.RUNNING)
    for entry in app.conf.beat_schedule.values():
        entry["schedule"] = max(1.0, entry["schedule"] / 10)
    app.start(sys.argv[1:])


if __name__ == "__main__":
    main()
