"""Trainers killed with -9 in a step or inside a save, resumed, and compared with one that was left in peace.

    python benchmarks/resume_kills.py                    (20 kills: reward models and PPO of a tiny model in turn)
    python benchmarks/resume_kills.py --kills 4 --seed 7

Every second kill waits for a save and falls into it; the others fall at a random moment of the training. The run is
then resumed as the button does. It must succeed, and every step's loss must be within 1e-6 of the undisturbed run's.
Exits 1 where a run did not go on, or ended otherwise.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import chaos_runs, workplace

TOLERANCE = 1e-6
LOSS = {"reward": "loss", "ppo": "policy_loss"}


@dataclass
class Killer:
    """Kills the trainer of a run once, at a chosen moment."""

    directory: Path
    after: int  # lines of metrics.jsonl
    in_save: bool
    hit: str = ""

    def watch(self) -> None:
        while not self.hit:
            time.sleep(0.0005)
            if self._is_time():
                for pid in chaos_runs.processes(self.directory.parents[2])["trainer"]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                lines = self._lines()
                self.hit = f"inside a save, after step {lines}" if self._saving() else f"after step {lines}"

    def _is_time(self) -> bool:
        return self._lines() >= self.after and (not self.in_save or self._saving())

    def _lines(self) -> int:
        with contextlib.suppress(OSError):
            return (self.directory / "metrics.jsonl").read_bytes().count(b"\n")
        return 0

    def _saving(self) -> bool:
        """Whether a state is there that is not whole yet."""
        with contextlib.suppress(OSError):
            return any(
                not (one / "manifest.json").exists() or one.name.startswith(".")
                for one in (self.directory / "state").iterdir()
            )
        return False


def executed(run: Any) -> Any:
    """Claim and execute a run in this process; return its row as it ended."""
    from rlhf import runs, supervisor  # noqa: PLC0415  Django is set up only now
    from rlhf.models import Run  # noqa: PLC0415

    supervisor.supervise(runs.claim(run.pk))
    return Run.objects.get(pk=run.pk)


def losses(run: Any) -> dict[int, float]:
    from rlhf.models import Metric  # noqa: PLC0415

    name = LOSS[run.stage]
    return {row.step: row.values[name] for row in Metric.objects.filter(run=run)}


def killed_and_resumed(order: Any, reference: Any, *, rng: random.Random, in_save: bool) -> tuple[str, bool]:
    """Return what happened as a line, and whether it ended as the reference."""
    from django.conf import settings  # noqa: PLC0415

    from rlhf import runs  # noqa: PLC0415

    run, expected = runs.create(order, by=None), losses(reference)
    every = order.config.checkpoint_every
    after = rng.randrange(every, max(expected) - 1)
    if in_save:
        after = every * rng.randrange(1, max(2, (max(expected) - 1) // every)) - 1
    killer = Killer(settings.RUNS_DIR / str(run.pk) / "1", after, in_save)
    thread = threading.Thread(target=killer.watch, daemon=True)
    thread.start()
    broken = executed(run)
    if not killer.hit:
        killer.hit = "never"
        return f"the trainer was not killed: it {broken.state} ({broken.failure_message[-200:]})", False
    try:
        runs.resume(broken)
    except runs.CannotResume as problem:
        return f"killed {killer.hit}; {problem}", False
    ended, found = executed(broken), losses(run)
    if ended.state != "succeeded" or found.keys() != expected.keys():
        return f"killed {killer.hit}; {ended.state} {ended.failure_message[-300:]}, steps {sorted(found)}", False
    apart = max(abs(found[step] - expected[step]) for step in expected)
    log = (settings.RUNS_DIR / str(run.pk) / str(ended.fence) / "log.txt").read_text()
    went_on = next((line for line in log.splitlines() if line.startswith("--- this attempt")), "")
    return f"killed {killer.hit}; {went_on.strip('- ')}; losses apart by {apart:.1e}", apart <= TOLERANCE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, well, saves = random.Random(options.seed), 0, 0
    with workplace.fresh():
        order_of, references = chaos_runs.world(), {}
        orders = {"reward": order_of("reward", **chaos_runs.REWARD)}
        references["reward"] = chaos_runs.in_peace(orders["reward"])
        orders["ppo"] = order_of("ppo", references["reward"].checkpoint, **chaos_runs.PPO)
        references["ppo"] = chaos_runs.in_peace(orders["ppo"])
        for stage in orders:
            print(f"{stage}: undisturbed, {len(losses(references[stage]))} steps", flush=True)
        for n in range(options.kills):
            stage = list(orders)[n % len(orders)]
            said, is_well = killed_and_resumed(
                orders[stage], references[stage], rng=rng, in_save=n // len(orders) % 2 == 1
            )
            well += is_well
            saves += "inside a save" in said
            print(f"{n + 1:3}  {stage}: {said}{'' if is_well else '   NOT AS IT SHOULD BE'}", flush=True)
    print(json.dumps({"kills": options.kills, "inside a save": saves, "went on and ended equal": well}))
    sys.exit(0 if well == options.kills else 1)


if __name__ == "__main__":
    main()
