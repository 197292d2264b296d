"""What a trainer leaves while it works goes to the store, where it is apart: what its page shows, and saved states.

In a thread of its own: a store that is slow or away must not keep the lease from being renewed, nor the trainer.
"""

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from rlhf import store
from rlhf.contract.rundir import MANIFEST, RunDirectory

log = logging.getLogger(__name__)
EVERY_SECONDS = 15.0


class Mirror:
    """Sends what changed in a run's directory, every so often and at the end."""

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="mirror")
        self._job: Future[None] | None = None
        self._begun_at = 0.0
        self._sent: dict[str, tuple[int, int]] = {}
        self._one_at_a_time = threading.Lock()

    def tick(self) -> None:
        """Begin to send what changed, unless that was done just now or is being done."""
        if not store.is_apart() or (self._job and not self._job.done()):
            return
        if time.monotonic() - self._begun_at >= EVERY_SECONDS:
            self._begun_at = time.monotonic()
            self._job = self._pool.submit(self.send)

    def close(self) -> None:
        """Begin nothing new, and do not wait for what is being sent."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def send(self) -> None:
        """Send what changed. Where the store is away that is in the log, and is made up for later."""
        if not store.is_apart():
            return
        with self._one_at_a_time:  # or an older log could arrive after the last one
            try:
                self._send_files()
                self._send_states()
            except store.Unreachable as problem:
                log.warning("%s: %s", self._directory.path, problem)

    def _send_files(self) -> None:
        shown = (*self._directory.path.iterdir(), *self._directory.path.glob("tensorboard/*"))
        for path in sorted(shown):
            if path.is_file() and not path.name.startswith(".") and path != self._directory.heartbeat:
                about = path.stat()
                now = (about.st_size, about.st_mtime_ns)
                if self._sent.get(path.name) != now:
                    store.send(path)
                    self._sent[path.name] = now

    def _send_states(self) -> None:
        """Send each saved state whole; those that the trainer made room for go from the store, too."""
        here = {state for _, state in self._directory.saved_states() if (state / MANIFEST).is_file()}
        there = {path.parent for path in store.listed(self._directory.state) if path.name == MANIFEST}
        for state in sorted(here - there):
            try:
                store.keep(state)
            except store.Unreachable:
                if (state / MANIFEST).is_file():
                    raise
                continue  # the trainer removed it at this moment, for a newer one
        for state in sorted(there - here):
            store.drop(state)
