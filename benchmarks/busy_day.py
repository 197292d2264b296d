"""Many annotators at once, and a reviewer reading pages meanwhile; prints waits, errors and the server's memory.

    python benchmarks/busy_day.py --annotators 100 --seconds 60
    python benchmarks/busy_day.py --annotators 100 --seconds 600 --reading 5 --database postgres://…/bench_load

Without --reading nobody pauses: a hundred loops then wait for each other as long as two cores need for a hundred
cycles, whatever the software (annotate_load says how long a cycle is, beside a bare app). With it they read as people
do, so many seconds on average, and come in over such a time. Exits 1 where a request failed, a bound does not hold or
an invariant is broken.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks import annotate_load, workplace
from benchmarks.annotate_load import Browser, Journal

SLUG, REVIEWER = "busy", "reviewer"
STAFF_PAGES = ("", "consistency/", "consistency/annotators/", "consistency/heat-map/", "desk/", "onboarding/")
MAX_P95_MS, MAX_STAFF_SECONDS, MAX_MEMORY_GROWTH = 300, 1.0, 0.05
SAMPLES = 10


@dataclass
class Reader:
    """A reviewer who opens the staff's pages one after the other, a second apart."""

    browser: Browser
    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def read(self, until: float) -> None:
        while time.monotonic() < until:
            for page in STAFF_PAGES:
                path = f"/staff/projects/{SLUG}/{page}"
                started = time.monotonic()
                status, _, _ = self.browser.ask("GET", path)
                self.seconds.setdefault(page or "overview", []).append(time.monotonic() - started)
                if status != 200:
                    self.failures.append(f"GET {path}: {status}")
                time.sleep(1)


def memory_mb(server: subprocess.Popen[bytes]) -> float:
    """Return the resident memory of gunicorn's workers; what they share counts for each."""
    pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in annotate_load.workers(server))
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def work(server: subprocess.Popen[bytes], asked: argparse.Namespace) -> tuple[list[Journal], Reader, list[float]]:
    """Let everyone work; return what they met and the memory at ten moments, the first after a tenth of the time."""
    journals, threads = [Journal() for _ in range(asked.annotators)], []
    browsers = [Browser(asked.port) for _ in journals]
    for n, browser in enumerate(browsers):
        browser.log_in(f"annotator{n}")
    reader = Reader(Browser(asked.port))
    reader.browser.log_in(REVIEWER)
    started = time.monotonic()
    until = started + asked.seconds
    for n, (browser, journal) in enumerate(zip(browsers, journals, strict=True)):
        how = {"slug": SLUG, "until": until, "rng": random.Random(n), "reading_seconds": asked.reading}
        threads.append(threading.Thread(target=annotate_load.annotate, args=(browser, journal), kwargs=how))
    threads.append(threading.Thread(target=reader.read, args=(until,)))
    for thread in threads:
        thread.start()
    memory = []
    for n in range(1, SAMPLES + 1):
        time.sleep(max(0.0, started + asked.seconds * n / SAMPLES - time.monotonic()))
        memory.append(memory_mb(server))
        print(f"{asked.seconds * n / SAMPLES:5.0f} s: {memory[-1]:.0f} MB", flush=True)
    for thread in threads:
        thread.join()
    return journals, reader, memory


def judge(journals: list[Journal], reader: Reader, memory: list[float]) -> bool:
    """Print what was met beside what may be; return whether all of it holds."""
    waits = {
        "next": [1000 * s for journal in journals for s in journal.next_seconds],
        "submit": [1000 * s for journal in journals for s in journal.submit_seconds],
    }
    holds = True
    for name, found in waits.items():
        p50, p95 = np.percentile(found, [50, 95])
        holds &= p95 < MAX_P95_MS
        print(f"{name:8} n {len(found):6}   p50 {p50:6.0f} ms   p95 {p95:6.0f} ms (may be {MAX_P95_MS})")
    for page, seconds in reader.seconds.items():
        slowest = max(seconds)
        holds &= slowest < MAX_STAFF_SECONDS
        print(f"staff    {page:24} median {statistics.median(seconds):.2f} s   slowest {slowest:.2f} s (may be 1)")
    growth = memory[-1] / memory[0] - 1
    holds &= growth <= MAX_MEMORY_GROWTH
    print(f"memory   {memory[0]:.0f} MB after a tenth of the time, {memory[-1]:.0f} MB at the end: {growth:+.1%}")
    failures = [line for journal in journals for line in journal.failures] + reader.failures
    print(f"failed   {len(failures)} requests", *failures[:5], sep="\n         ")
    return bool(holds and not failures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotators", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--reading", type=float, default=0.0, help="seconds that a person reads, on average")
    parser.add_argument("--comparisons", type=int, default=20_000)
    parser.add_argument("--database", default="", help="a PostgreSQL URL; SQLite where left out")
    parser.add_argument("--port", type=int, default=8766)
    asked = parser.parse_args()
    with workplace.fresh(asked.database) as directory:
        from annotate import people  # Django is set up only now
        from annotate.models import Role
        from benchmarks import invariants

        annotate_load.prepare_accounts(asked.annotators)
        annotate_load.prepare(SLUG, comparisons=asked.comparisons, characters=1_700)
        people.create_account(REVIEWER, password=annotate_load.PASSWORD, roles=[Role.REVIEWER])
        server = annotate_load.serve(asked.port, directory, application=annotate_load.CONCORD)
        try:
            journals, reader, memory = work(server, asked)
        finally:
            server.terminate()
            server.wait()
        holds = judge(journals, reader, memory)
        breaches = invariants.breaches(uuid for journal in journals for uuid in journal.acknowledged)
        print("\n".join(f"BROKEN   {line}" for line in breaches) or "invariants hold")
    sys.exit(0 if holds and not breaches else 1)


if __name__ == "__main__":
    main()
