"""What a call costs: CPU seconds and growth of memory, each in a fresh process; and the rows of the tables.

    from benchmarks.measuring import Row, at_most, cost
    spent = cost(prepare_alpha, seed=7)  # prepare_alpha(seed) gets ready and returns the call that is measured

A row of the quality benchmark names its part, what is measured, our figure, a library's name and figure (None where
there is none), the goal (None where none was set) and the unit. Units of time and memory make the speed table.
"""

import importlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SPEED_UNITS = {"CPU s", "s", "CPU ms", "ms", "MB"}
REPEATED_BELOW_SECONDS = 1.0


class Goal(NamedTuple):
    """A figure is good from `low` to `high`."""

    low: float
    high: float

    def __str__(self) -> str:
        if self.low == -float("inf"):
            return f"≤ {self.high:g}"
        return f"≥ {self.low:g}" if self.high == float("inf") else f"{self.low:g} to {self.high:g}"

    def is_met(self, value: float) -> bool:
        return self.low <= value <= self.high


def at_most(high: float) -> Goal:
    return Goal(-float("inf"), high)


def at_least(low: float) -> Goal:
    return Goal(low, float("inf"))


def between(low: float, high: float) -> Goal:
    return Goal(low, high)


class Row(NamedTuple):
    part: str
    what: str
    ours: float
    library_name: str
    library_value: float | None
    goal: Goal | None
    unit: str


class Cost(NamedTuple):
    """CPU seconds (user and system), growth of peak memory in MB, and what the call returned, if a plain value."""

    cpu_seconds: float
    megabytes: float
    result: object


def cost(prepare: Callable[[int], Callable[[], object]], *, seed: int) -> Cost:
    """What the call that `prepare(seed)` returns costs, in a process of its own; `prepare` stands in a module.

    Below one second the call is made three times and the cheapest counts; memory is the growth of the first.
    """
    command = [sys.executable, "-m", "benchmarks.measuring", prepare.__module__, prepare.__qualname__, str(seed)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{prepare.__qualname__} failed:\n{done.stderr}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def _measure(module: str, name: str, seed: int) -> Cost:
    call = getattr(importlib.import_module(module), name)(seed)
    Path("/proc/self/clear_refs").write_text("5")  # the peak of memory starts anew
    before = _megabytes("VmRSS")
    seconds, result = _timed(call)
    growth = _megabytes("VmHWM") - before
    repeats = [_timed(call)[0] for _ in range(2)] if seconds < REPEATED_BELOW_SECONDS else []
    plain = result if isinstance(result, int | float | str | list | dict) else None
    return Cost(min([seconds, *repeats]), growth, plain)


def _timed(call: Callable[[], object]) -> tuple[float, object]:
    before = _cpu_seconds()
    result = call()
    return _cpu_seconds() - before, result


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _megabytes(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))._asdict()))
