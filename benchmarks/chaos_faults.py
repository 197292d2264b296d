"""What a chaos run breaks: the web server, the Celery worker, PostgreSQL; all killed with -9, all started again."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from benchmarks.chaos_cluster import Cluster
from benchmarks.workplace import ROOT

ANSWER_SECONDS = 40
ORPHAN_SECONDS = 1.0
OF_ANY = {"web worker": 6, "web master": 2, "celery worker": 2}
OF_POSTGRES = {"backend terminated": 3, "backend": 2, "postgres": 1}


@dataclass
class Program:
    """A program of ours that is started again whenever it was killed; each in a process group of its own."""

    arguments: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.arguments], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def children(self) -> list[int]:
        try:
            return sorted(
                map(int, Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split())
            )
        except OSError:
            return []

    def kill_all(self) -> None:
        """kill -9 the whole group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass
class Faults:
    """Injects faults in an order and at times that follow from the seed; keeps a log and counts."""

    rng: random.Random
    web: Program
    celery: Program
    cluster: Cluster | None
    is_up: Callable[[], bool]
    started: float = field(default_factory=time.monotonic)
    counts: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)

    def inject_until(self, end: threading.Event, *, a_minute: float) -> None:
        """Break one thing after another until told to stop. A run of the same seed draws the same faults."""
        chances = OF_ANY | (OF_POSTGRES if self.cluster else {})
        while not end.wait(self.rng.uniform(0.5, 1.5) * 60 / a_minute):
            kind = self.rng.choices(list(chances), weights=list(chances.values()))[0]
            killed = self._break(kind, self.rng.random())
            if killed:
                self.counts[kind] += 1
            self._say(f"{kind}: {'kill -9 ' + str(killed) if killed else 'nothing there to kill'}")
        self._say("no more faults")

    def _break(self, kind: str, chance: float) -> int:
        if kind == "web worker":
            return _kill_one(self.web.children(), chance)
        if kind == "web master":
            return self._kill_master()
        if kind == "celery worker":
            killed = self.celery.process.pid
            self.celery.kill_all()
            self.celery.start()
            return killed
        if kind == "postgres":
            killed = self.cluster.kill()
            self.cluster.start()
            return killed
        return self._break_backend(kind, chance)

    def _kill_master(self) -> int:
        """Orphaned workers have a moment to leave, then they are killed too, as systemd does with a service's rest."""
        killed = self.web.process.pid
        self.web.process.kill()
        time.sleep(ORPHAN_SECONDS)
        self.web.kill_all()
        until = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < until:
            self.web.start()
            while self.web.process.poll() is None and time.monotonic() < until:
                if self.web.children() and self.is_up():
                    return killed
                time.sleep(0.2)
        return killed

    def _break_backend(self, kind: str, chance: float) -> int:
        """A backend that is killed takes the whole server through a crash recovery, by PostgreSQL's own rule."""
        try:
            found = self.cluster.backends()
            if not found or kind == "backend":
                return _kill_one(found, chance)
            chosen = found[int(chance * len(found))]
            self.cluster.terminate(chosen)
        except psycopg.OperationalError:  # in recovery from the fault before
            return 0
        return chosen

    def _say(self, words: str) -> None:
        self.log.append(f"{time.monotonic() - self.started:7.2f} s  {words}")
        print(self.log[-1], flush=True)


def _kill_one(processes: list[int], chance: float) -> int:
    if not processes:
        return 0
    chosen = processes[int(chance * len(processes))]
    try:
        os.kill(chosen, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return chosen
