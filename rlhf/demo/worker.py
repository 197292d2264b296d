"""A Celery worker of the demo's own, and waiting for a run while telling what its log says."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from rlhf import artefacts
from rlhf.contract.lifeline import die_with_parent
from rlhf.contract.rundir import RunDirectory
from rlhf.models import Run

POLL_SECONDS = 0.5
END_SECONDS = 20


class WorkerGone(Exception):
    """The worker ended while a run waited for it; the message names its log."""


@dataclass(frozen=True)
class Worker:
    """A worker process and where its output goes."""

    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raise WorkerGone where the process has ended."""
        if (code := self.process.poll()) is not None:
            raise WorkerGone(f"the worker ended with exit code {code}; its log is {self.log}")


@contextmanager
def running(log: Path) -> Iterator[Worker]:
    """Run a worker for every queue, with the beat, while the block lasts; its output goes to `log`."""
    options = [
        "--beat",
        "--queues",
        ",".join(["default", *settings.RUN_QUEUES]),
        "--concurrency",
        "2",
        "--loglevel",
        "INFO",
        "--hostname",
        "demo@%h",
    ]
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "config", "worker", *options],
            cwd=settings.BASE_DIR,
            stdout=out,
            stderr=out,
            preexec_fn=die_with_parent,
        )
    try:
        yield Worker(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def follow(run: Run, *, worker: Worker, tell: Callable[[str], None]) -> Run:
    """Wait until a run is over, passing on each line of its log, and return it as it ended. Raises WorkerGone."""
    seen = 0
    while True:
        run.refresh_from_db()
        is_over = run.is_over
        seen = _tell_news(run, seen, tell)
        if is_over:
            return run
        worker.check()
        time.sleep(POLL_SECONDS)


def _tell_news(run: Run, seen: int, tell: Callable[[str], None]) -> int:
    directory = artefacts.run_directory(run)
    log = directory and RunDirectory(directory).log
    if not log or not log.exists():
        return seen
    with log.open("rb") as lines:
        lines.seek(seen)
        whole, newline, _ = lines.read().rpartition(b"\n")
    ours = ("step ", f"{run.stage}:", "held out:", "stop:")
    for line in whole.decode("utf-8", errors="replace").splitlines():
        if line.startswith(ours):
            tell(line)
    return seen + len(whole) + len(newline)
