"""Start a stage as a subprocess, bring its metrics into the database, pass on a cancel, end it in time.

The trainer runs in a session of its own and dies with this process; whatever happens, its whole process group is ended
before the run is closed. Success is a verified result (publishing.py), not an exit code.
"""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from annotate import sealing
from rlhf import artefacts, attempts, corpora, environment, publishing, room, runs, store
from rlhf.contract import config as configs
from rlhf.contract import lifeline, profiles
from rlhf.contract.records import FailureReason
from rlhf.contract.rundir import MANIFEST, BadArtefact, Inputs, RunDirectory, RunSpec
from rlhf.mirror import Mirror
from rlhf.models import Checkpoint, Run
from rlhf.runs import Claim, LostClaim

log = logging.getLogger(__name__)
Value = TypeVar("Value")
POLL_SECONDS = 1.0
CANCEL_GRACE_SECONDS = 60.0
TERMINATE_GRACE_SECONDS = 15.0
LOG_TAIL_CHARS = 1500
NO_SPACE = "No space left on device"
KILLED_BELOW_LAUNCHER = ("died with <Signals.SIGKILL: 9>", "Signal 9 (SIGKILL) received by PID")
"""What accelerate's launchers say, of one process and of several, when one was killed; their own exit code is 1."""


def supervise(held: Claim) -> None:
    """Execute a claimed run to its end and close it. Where the claim is lost meanwhile, end the trainer and leave."""
    run = Run.objects.select_related(
        "snapshot", "corpus", "base", "reward_model", "baseline", "watcher", "project"
    ).get(pk=held.run_id)
    directory = RunDirectory(settings.RUNS_DIR / str(run.pk) / str(held.fence))
    try:
        with _failing_without_store(held, directory):
            _execute(run, held, directory)
    except LostClaim:
        log.warning("run %s: the claim (fence %s) no longer holds; its trainer was ended", held.run_id, held.fence)
    except Exception as problem:  # ours, not the trainer's: said on the run's page, not found out by the sweeper
        runs.fail(held, FailureReason.CRASHED, message=f"The worker failed: {type(problem).__name__}: {problem}")
        raise


def command(stage: str, directory: Path, *, profile: str = profiles.ONE) -> list[str]:
    """Return the command that executes a stage over a run directory as a profile says; it works by hand, too."""
    chosen = profiles.PROFILES[profile]
    launch = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", *chosen.arguments]
    common = ["--mixed_precision=no", "--dynamo_backend=no", "-m", f"rlhf.training.{stage}", str(directory)]
    if not chosen.is_of_nodes:
        return [*launch, "--num_machines=1", *common]
    address, *others = settings.TRAINING_NODES
    there = ["--hosts", *others, "--shell", settings.TRAINING_NODE_SHELL]
    here = ["--address", address, "--processes", str(settings.TRAINING_NODE_PROCESSES)]
    return [sys.executable, "-m", "rlhf.contract.nodes", *there, *here, "--", *launch, *common]


def _execute(run: Run, held: Claim, directory: RunDirectory) -> None:
    if short := room.shortage(run, directory.path):
        runs.fail(held, short.reason, message=short.sentence)
        return
    seal = _in_database(sealing.seal)
    try:
        begins_after = _while_held(held, lambda: _prepare(run, directory, seal))
    except configs.ConfigError as problem:  # queued under bounds that have changed since
        runs.fail(held, FailureReason.BAD_CONFIG, message=str(problem))
        return
    except BadArtefact as problem:
        runs.fail(held, FailureReason.BAD_ARTEFACT, message=str(problem))
        return
    if run.attempt > 1:
        runs.begin_attempt(held, step=begins_after)
    alarms = _Follower.of_what_comes(directory.alarms)  # what an earlier attempt raised was told then
    with closing(Mirror(directory)) as mirror:
        with _trainer(run, directory) as process:
            ending = _watch(process, held, directory, alarms, mirror)
        _while_held(held, mirror.send)
    _in_database(_close, run, held, directory, ending=ending, exit_code=process.returncode)


@contextmanager
def _failing_without_store(held: Claim, directory: RunDirectory) -> Iterator[None]:
    try:
        yield
    except store.Unreachable as problem:
        left = f"What the run left so far lies on {socket.gethostname()} in {directory.path}."
        runs.fail(held, FailureReason.NO_STORE, message=f"{problem} {left}")


def _prepare(run: Run, directory: RunDirectory, seal: str) -> int:
    """Bring here what the trainer reads, write its order, and return the step after which it goes on (0: from new)."""
    directory.write_spec(_spec(run, seal=seal))
    if run.attempt == 1:
        return 0
    saved = attempts.newest_state(run)
    attempts.go_on(saved, directory)
    return saved.step if saved else 0


def _while_held(held: Claim, work: Callable[[], Value]) -> Value:
    """Do what may take long, as gigabytes to or from a store do, while the lease is renewed. Raises LostClaim.

    The work has a thread of its own, so it must not touch the database.
    """
    pool = ThreadPoolExecutor(1)
    try:
        job = pool.submit(work)
        while not wait([job], timeout=settings.RUN_LEASE_SECONDS / 6).done:
            _in_database(runs.heartbeat, held)
        return job.result()
    finally:
        pool.shutdown(wait=False)


@dataclass
class _Follower:
    """Reads the whole lines added to a file of JSON lines since the last look."""

    path: Path
    offset: int = 0

    @classmethod
    def of_what_comes(cls, path: Path) -> "_Follower":
        return cls(path, path.stat().st_size if path.exists() else 0)

    def rows(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        with self.path.open("rb") as lines:
            lines.seek(self.offset)
            whole, newline, _ = lines.read().rpartition(b"\n")
        self.offset += len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines()]


@dataclass
class _Clock:
    """When the trainer last moved, and when it was asked to stop."""

    moved_at: float = field(default_factory=time.monotonic)
    asked_at: float | None = None
    last_sign: float = 0.0

    def look(self, directory: RunDirectory) -> None:
        signs = [p.stat().st_mtime for p in (directory.heartbeat, directory.log) if p.exists()]
        if signs and max(signs) > self.last_sign:
            self.last_sign, self.moved_at = max(signs), time.monotonic()

    @property
    def is_hung(self) -> bool:
        return time.monotonic() - self.moved_at > settings.RUN_HUNG_SECONDS

    @property
    def ignores_cancel(self) -> bool:
        return self.asked_at is not None and time.monotonic() - self.asked_at > CANCEL_GRACE_SECONDS


@contextmanager
def _trainer(run: Run, directory: RunDirectory) -> Iterator[subprocess.Popen[bytes]]:
    """Run the trainer in its own session; on leaving, end every process of it."""
    with directory.log.open("ab") as out:
        process = subprocess.Popen(
            command(run.stage, directory.path, profile=run.profile),
            cwd=settings.BASE_DIR,
            env=environment.for_training() | profiles.PROFILES[run.profile].environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(lifeline.die_with_parent, os.getpid()),
        )
    try:
        yield process
    finally:
        _end(process)


def _watch(
    process: subprocess.Popen[bytes], held: Claim, directory: RunDirectory, alarms: _Follower, mirror: Mirror
) -> str:
    """Stay with the trainer until it ends or must be ended; return "" or why it was ended. Raises LostClaim."""
    follower, clock = _Follower(directory.metrics), _Clock()
    renewed_at = 0.0
    while True:
        is_over = process.poll() is not None
        if rows := follower.rows():
            _in_database(runs.record_metrics, held, [(row["step"], row["values"]) for row in rows])
        if rows := alarms.rows():
            _in_database(runs.tell_alarms, held, rows)
        if is_over:
            return ""
        if time.monotonic() - renewed_at > settings.RUN_LEASE_SECONDS / 6:
            renewed_at = time.monotonic()
            if _in_database(runs.heartbeat, held) and clock.asked_at is None:
                clock.asked_at = time.monotonic()
                directory.request_cancel()
        mirror.tick()
        clock.look(directory)
        if clock.is_hung:
            return "hung"
        if clock.ignores_cancel:
            return "cancel"
        time.sleep(POLL_SECONDS)


def _in_database(write: Callable[..., Value], *what: Any, **more: Any) -> Value:
    """Do what writes to the database, and do it again while a restart of it takes no longer than a lease.

    What is done twice, because the answer to a commit was lost, finds its claim gone or its rows there.
    """
    until = time.monotonic() + settings.RUN_LEASE_SECONDS
    while True:
        try:
            return write(*what, **more)
        except (OperationalError, InterfaceError) as problem:
            if time.monotonic() > until:
                raise
            log.warning("the database does not answer (%s); the trainer works on", problem)
            if not connection.in_atomic_block:
                connection.close()  # the next statement makes a new one
            time.sleep(POLL_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the trainer's whole process group: ask, wait, kill."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(TERMINATE_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("trainer %s does not end when asked; it is killed", process.pid)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _spec(run: Run, *, seal: str) -> RunSpec:
    def where(checkpoint: Checkpoint | None) -> str:
        return str(artefacts.path_of(checkpoint)) if checkpoint else ""

    inputs = Inputs(
        snapshot=str(artefacts.snapshot_directory(run.snapshot)) if run.snapshot else "",
        corpus=str(corpora.directory_of(run.corpus)) if run.corpus else "",
        base=where(run.base),
        reward_model=where(run.reward_model),
        baseline=where(run.baseline),
        watcher=where(run.watcher),
    )
    return RunSpec(run.stage, configs.parse(run.stage, run.config), inputs, audit_seal=seal)


def _close(run: Run, held: Claim, directory: RunDirectory, *, ending: str, exit_code: int) -> None:
    """Write the run's end into its row: what the trainer left decides, then how it ended."""
    result = directory.read_result()
    if result and result.status == "succeeded" and exit_code == 0:
        if (directory.checkpoint / MANIFEST).is_file():  # else publishing says what is missing
            _while_held(held, lambda: store.keep(directory.checkpoint))
        publishing.publish(run, held, directory, result)
    elif (result and result.status == "cancelled") or ending == "cancel":
        runs.cancelled(held, result)
    elif result and result.status == "failed":
        runs.fail(held, result.reason, message=result.message, result=result)
    elif ending == "hung":
        quiet = f"The trainer showed no sign of life for {settings.RUN_HUNG_SECONDS} seconds and was ended."
        runs.fail(held, FailureReason.HUNG, message=quiet)
    elif exit_code == 0:
        runs.fail(held, FailureReason.NO_RESULT, message="The trainer ended without leaving a result.")
    else:
        tail = directory.log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL_CHARS:]
        last_words = f"The trainer ended with exit code {exit_code}. The end of its log:\n{tail}"
        runs.fail(held, _reason_of(exit_code, tail), message=last_words)


def _reason_of(exit_code: int, tail: str) -> FailureReason:
    """A trainer that the kernel killed most likely ran out of memory; on a full disk it cannot even leave a result."""
    if NO_SPACE in tail:
        return FailureReason.DISK_FULL
    is_killed = exit_code in (-signal.SIGKILL, 128 + signal.SIGKILL) or any(x in tail for x in KILLED_BELOW_LAUNCHER)
    return FailureReason.OUT_OF_MEMORY if is_killed else FailureReason.CRASHED
