"""What chaos_runs.py breaks: trainers, launchers, supervisors, the worker, its broker and its database."""

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos_cluster import Cluster, free_port
from benchmarks.chaos_faults import Program

LEASE_SECONDS = 5
KINDS = {"trainer": 6, "launcher": 4, "supervisor": 4, "worker": 3, "stop trainer": 2, "stop supervisor": 5}
OF_POSTGRES = {"broker": 2, "database": 2}


@dataclass
class Redis:
    """A broker of the run's own that keeps nothing: a killed one has lost every message."""

    home: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        given = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.home)]
        self.process = subprocess.Popen(["redis-server", *given], stdout=subprocess.DEVNULL)

    def kill(self) -> int:
        self.process.kill()
        self.process.wait()
        return self.process.pid


@dataclass
class Faults:
    """Breaks one thing after another; keeps count."""

    rng: random.Random
    worker: Program
    directory: Path
    cluster: Cluster | None
    redis: Redis | None
    without_fence: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=time.monotonic)
    timers: list[threading.Timer] = field(default_factory=list)

    def inject(self, count: int, *, a_minute: float, until_over: threading.Event) -> None:
        chances = KINDS | (OF_POSTGRES if self.cluster else {})
        if self.without_fence:
            chances = {"stop supervisor": 1}  # what the fence is there for
        while self.counts.total() < count:
            if until_over.wait(self.rng.uniform(0.5, 1.5) * 60 / a_minute):
                return
            kind = self.rng.choices(list(chances), weights=list(chances.values()))[0]
            if broken := self._break(kind):
                self.counts[kind] += 1
                print(f"{time.monotonic() - self.started:7.1f} s  {kind}: {broken}", flush=True)

    def _break(self, kind: str) -> str:
        if kind == "worker":
            killed = self.worker.process.pid
            os.kill(killed, signal.SIGKILL)  # the master alone: what it leaves must end by itself
            self.worker.process.wait()
            self.worker.start()
            return f"kill -9 {killed}"
        if kind == "broker":
            killed = self.redis.kill()
            self.redis.start()
            return f"kill -9 {killed}"
        if kind == "database":
            killed = self.cluster.kill()
            self.cluster.start()
            return f"kill -9 {killed}"
        found = processes(self.directory).get(kind.removeprefix("stop "), [])
        if not found:
            return ""
        chosen = self.rng.choice(found)
        with contextlib.suppress(ProcessLookupError):
            if kind.startswith("stop"):
                return self._stop(chosen)
            os.kill(chosen, signal.SIGKILL)
            return f"kill -9 {chosen}"
        return ""

    def _stop(self, process: int) -> str:
        least = 1.6 if self.without_fence else 0.2  # long enough that another worker has the run meanwhile
        seconds = self.rng.uniform(least, 3) * LEASE_SECONDS
        os.kill(process, signal.SIGSTOP)
        timer = threading.Timer(seconds, _go_on, [process])
        timer.start()
        self.timers.append(timer)
        return f"SIGSTOP {process} for {seconds:.0f} s"


def _go_on(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGCONT)


def processes(directory: Path) -> dict[str, list[int]]:
    """Return the launchers and trainers that work below a data directory, and the supervisors over them."""
    found: dict[str, list[int]] = {"launcher": [], "trainer": [], "supervisor": []}
    for process in _processes():
        with contextlib.suppress(OSError):
            said = (process / "cmdline").read_bytes().split(b"\0")
            if any(one.startswith(os.fsencode(directory / "runs")) for one in said):
                is_launcher = b"launch" in said
                found["launcher" if is_launcher else "trainer"].append(int(process.name))
                if is_launcher:
                    found["supervisor"].append(int((process / "stat").read_text().rpartition(")")[2].split()[1]))
    found["supervisor"] = [pid for pid in sorted(set(found["supervisor"])) if pid > 1]
    return {kind: sorted(pids) for kind, pids in found.items()}


def left_over(directory: Path) -> list[str]:
    """Return what still works for a data directory, but this process: by its arguments, or by its environment."""
    found = []
    for process in _processes():
        with contextlib.suppress(OSError):
            said = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            is_python = "python" in os.path.basename(os.readlink(process / "exe"))  # not a server that was started anew
            if is_python and os.fsencode(directory) in said:  # of a zombie both are empty
                found.append(f"{process.name}: {(process / 'cmdline').read_text().replace(chr(0), ' ')[:120]}")
    return found


def _processes() -> Iterator[Path]:
    yield from (one for one in Path("/proc").iterdir() if one.name.isdecimal() and int(one.name) != os.getpid())
