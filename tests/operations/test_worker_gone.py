"""A worker that was killed leaves no beat behind: two of them would ring twice for everything."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings


def below(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_there(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds=40):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_the_beat_ends_with_a_worker_that_was_killed(tmp_path):
    given = ["--beat", "--queues", "default", "--concurrency", "1", "--loglevel", "INFO"]
    env = os.environ | {"CONCORD_DATA_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path / 'none.sqlite3'}"}
    log = tmp_path / "log"
    with log.open("wb") as out:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "config", "worker", *given],
            env=env,
            cwd=settings.BASE_DIR,
            stdout=out,
            stderr=out,
        )
    children = []
    try:
        wait_for(lambda: "beat: Starting" in log.read_text())
        children = below(worker.pid)
        worker.kill()
        worker.wait()

        wait_for(lambda: not any(map(is_there, children)), seconds=15)
    finally:
        worker.kill()
        for pid in filter(is_there, children):
            os.kill(pid, signal.SIGKILL)
