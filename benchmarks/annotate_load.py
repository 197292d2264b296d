"""N closed-loop annotators against gunicorn; prints cycles/s, p50/p95, server CPU, and whether the invariants hold.

    python benchmarks/annotate_load.py --annotators 1 8 32 --seconds 20
    python benchmarks/annotate_load.py --database postgres://postgres@127.0.0.1:5432/bench_load
    python benchmarks/annotate_load.py --annotators 1 --comparisons 1000 1000000 --characters 40 --database …

Each annotator is a browser without a pause: it reads the form of the page it has, ranks at random, posts, and follows
the answer to the next page. `submit` is the POST, which reserves the next comparison; `next` is the page that follows.
The same is asked of a bare app (benchmarks/bare_app.py) right after: seconds hold for one machine, ratios for all.
Exits 1 when an invariant is broken or a request failed.
"""

import argparse
import http.client
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks import workplace

PASSWORD = "benchmark only 1"
CONCORD, BARE = "config.wsgi", "benchmarks.bare_app:application"
TITLES = {CONCORD: "Concord", BARE: "The bare app"}
TIMEOUT_SECONDS = 60
MIN_CYCLES = {"PostgreSQL": 180, "SQLite": 100}
"""A second, with 32 annotators on two cores of their own."""
MAX_CPU_MS = 10
MAX_NEXT_P95_MS = {1: 10, 8: 40, 32: 130}
GOAL_RATE, GOAL_CPU, GOAL_NEXT_P95 = 0.49, 2.2, 2.0
"""The goals above by what the bare app does on the machine they were set on: 369 cycles/s, 4.5 ms, 5 / 21 / 64 ms."""


@dataclass
class Form(HTMLParser):
    """The hidden fields and the rank selects of the ranking form."""

    hidden: dict[str, str] = field(default_factory=dict)
    selects: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "input" and values.get("type") == "hidden" and values.get("name"):
            self.hidden[values["name"]] = values.get("value") or ""
        if tag == "select" and (values.get("name") or "").startswith("rank-"):
            self.selects.append(values["name"])


@dataclass
class Browser:
    """One annotator's keep-alive connection and cookies."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Return (status, location, body) of one request."""
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        body = None
        if fields is not None:
            body = urlencode(fields)
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": self.cookies["csrftoken"]}
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        text = response.read().decode()
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return response.status, response.headers.get("Location", ""), text

    def log_in(self, username: str) -> None:
        self.ask("GET", "/login/")
        status, _, _ = self.ask("POST", "/login/", {"username": username, "password": PASSWORD})
        if status != 302:
            raise RuntimeError(f"{username} could not log in: {status}")
        self.connection.close()  # the others log in meanwhile; the next request opens it again


@dataclass
class Journal:
    """What one annotator saw."""

    next_seconds: list[float] = field(default_factory=list)
    submit_seconds: list[float] = field(default_factory=list)
    acknowledged: list[UUID] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def annotate(
    browser: Browser, journal: Journal, *, slug: str, until: float, rng: random.Random, reading_seconds: float = 0.0
) -> None:
    """Ask, read for so long on average, rank, submit, until the time is over or the queue is empty.

    Who reads comes in the midst of reading: a crowd does not open its first page in the same moment.
    """
    time.sleep(rng.uniform(0, reading_seconds))
    _, location, _ = browser.ask("GET", f"/projects/{slug}/rank/")
    while location.startswith("/rank/") and time.monotonic() < until:
        started = time.monotonic()
        status, _, page = browser.ask("GET", location)
        journal.next_seconds.append(time.monotonic() - started)
        form = Form()
        form.feed(page)
        if status != 200 or not form.selects:
            journal.failures.append(f"GET {location}: {status}")
            return
        if reading_seconds:
            browser.connection.close()  # a server closes what is idle; the next request opens it again
            time.sleep(rng.expovariate(1 / reading_seconds))
        fields = form.hidden | {name: str(rng.randint(1, len(form.selects))) for name in form.selects}
        started = time.monotonic()
        status, following, page = browser.ask("POST", location, fields)
        journal.submit_seconds.append(time.monotonic() - started)
        if status != 302:
            journal.failures.append(f"POST {location}: {status} {re.sub(r'<[^>]+>', ' ', page)[:200]}")
            return
        journal.acknowledged.append(UUID(fields["submission"]))
        location = following


def prepare(slug: str, *, comparisons: int, characters: int) -> None:
    """Make a project with comparisons of four completions, three places each, as an import would leave them."""
    from annotate import memberships, projects  # Django is set up only now
    from annotate.models import Annotator
    from benchmarks import filling

    project = projects.create(slug=slug, name=slug, overlap=3, guidelines="Rank the answers.", by=None)
    filling.fill(project, comparisons=comparisons, characters=characters)
    for annotator in Annotator.objects.all():
        memberships.acknowledge(annotator, projects.current_guidelines(project))


def prepare_accounts(count: int) -> None:
    """Make the annotators' accounts."""
    from annotate import people
    from annotate.models import Role

    for n in range(count):
        people.create_account(f"annotator{n}", password=PASSWORD, roles=[Role.ANNOTATOR])


def serve(port: int, directory: Path, *, application: str) -> subprocess.Popen[bytes]:
    """Start gunicorn and wait until it answers."""
    options = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4", "--log-level", "warning"]
    log = (directory / "gunicorn.log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", application, *options], cwd=workplace.ROOT, stdout=log, stderr=log
    )
    for _ in range(100):
        try:
            Browser(port).ask("GET", "/login/")
        except OSError:
            time.sleep(0.2)
            continue
        return server
    server.kill()
    sys.exit(f"gunicorn did not answer:\n{(directory / 'gunicorn.log').read_text()}")


def workers(server: subprocess.Popen[bytes]) -> list[str]:
    """Return the ids of gunicorn's worker processes."""
    return Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()


def cpu_seconds(server: subprocess.Popen[bytes]) -> float:
    """Return the processor time that gunicorn's workers have used so far."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in workers(server)]
    return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")


@dataclass
class Load:
    """What so many annotators at once met, and what it cost."""

    database: str
    annotators: int
    journals: list[Journal]
    seconds: float
    cpu_seconds: float

    @property
    def acknowledged(self) -> list[UUID]:
        return [uuid for journal in self.journals for uuid in journal.acknowledged]

    @property
    def failures(self) -> list[str]:
        return [line for journal in self.journals for line in journal.failures]

    @property
    def cycles_per_second(self) -> float:
        return len(self.acknowledged) / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Server CPU of a cycle."""
        return 1000 * self.cpu_seconds / max(1, len(self.acknowledged))

    @property
    def next_p95_ms(self) -> float:
        found = [seconds for journal in self.journals for seconds in journal.next_seconds]
        return 1000 * float(np.percentile(found, 95)) if found else float("nan")

    def ratios(self, yardstick: "Load") -> str:
        """Return how this load fared beside the same on a yardstick."""
        rate = self.cycles_per_second / yardstick.cycles_per_second
        cpu, next_p95 = self.cpu_ms / yardstick.cpu_ms, self.next_p95_ms / yardstick.next_p95_ms
        goals = f"goals: at least {GOAL_RATE}, at most {GOAL_CPU} and {GOAL_NEXT_P95}"
        return f"cycles/s {rate:.2f}, CPU {cpu:.1f}, next p95 {next_p95:.1f} ({goals})"

    def lines(self) -> Iterator[str]:
        """Yield the figures in words."""
        count = len(self.acknowledged)
        yield f"{self.annotators} annotators, {self.seconds:.1f} s: {count} submissions acknowledged"
        least = f" (goal: at least {MIN_CYCLES[self.database]})" if self.annotators == 32 else ""
        most = MAX_NEXT_P95_MS.get(self.annotators)
        rate, cpu = f"{self.cycles_per_second:6.1f}{least}", f"{self.cpu_ms:5.1f} ms (goal: {MAX_CPU_MS})"
        yield f"cycles/s {rate}   server CPU {cpu} a cycle"
        yield f"next     {milliseconds([s for j in self.journals for s in j.next_seconds])}{most_words(most)}"
        yield f"submit   {milliseconds([s for j in self.journals for s in j.submit_seconds])}"
        yield from (f"BROKEN   {line}" for line in self.failures[:10])


def run_load(
    server: subprocess.Popen[bytes], port: int, *, database: str, slug: str, annotators: int, seconds: float, seed: int
) -> Load:
    """Let everyone log in, start together, and return what they met."""
    browsers = [Browser(port) for _ in range(annotators)]
    for n, browser in enumerate(browsers):
        browser.log_in(f"annotator{n}")
    journals = [Journal() for _ in browsers]
    started, cpu_before = time.monotonic(), cpu_seconds(server)
    threads = [
        threading.Thread(
            target=annotate,
            args=(browser, journal),
            kwargs={"slug": slug, "until": started + seconds, "rng": random.Random(seed + n)},
        )
        for n, (browser, journal) in enumerate(zip(browsers, journals, strict=True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(database, annotators, journals, time.monotonic() - started, cpu_seconds(server) - cpu_before)


def most_words(most: int | None) -> str:
    return f" (goal: at most {most})" if most else ""


def milliseconds(values: list[float]) -> str:
    if not values:
        return "nothing measured"
    p50, p95 = np.percentile(values, [50, 95]) * 1000
    return f"p50 {p50:6.1f} ms   p95 {p95:6.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotators", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--comparisons", type=int, nargs="+", default=[10_000], help="one project for each count")
    parser.add_argument("--characters", type=int, default=1_700, help="of each of the four completions")
    parser.add_argument("--database", default="", help="a PostgreSQL URL; SQLite where left out")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    database = "PostgreSQL" if options.database else "SQLite"
    with workplace.fresh(options.database) as directory:
        from benchmarks import invariants  # Django is set up only now

        prepare_accounts(max(options.annotators))
        loads = measure(CONCORD, options, database, directory)
        breaches = invariants.breaches(uuid for load in loads for uuid in load.acknowledged)
        print("\n".join(f"BROKEN   {line}" for line in breaches) or "invariants hold", flush=True)
        bare = measure(BARE, options, database, directory)
    for ours, yardstick in zip(loads, bare, strict=True):
        print(f"{ours.annotators} annotators, Concord / bare: {ours.ratios(yardstick)}")
    sys.exit(1 if breaches or any(load.failures for load in loads + bare) else 0)


def measure(application: str, options: argparse.Namespace, database: str, directory: Path) -> list[Load]:
    """Serve an application, put each load on it, print and return what was met."""
    name = application.partition(".")[0]
    for count in options.comparisons:
        for annotators in options.annotators:
            prepare(f"{name}-{count}-{annotators}", comparisons=count, characters=options.characters)
    server, loads = serve(options.port, directory, application=application), []
    try:
        for count in options.comparisons:
            print(f"{TITLES[application]} on {database}, {count:,} comparisons, load {os.getloadavg()[0]:.1f}")
            for annotators in options.annotators:
                slug = f"{name}-{count}-{annotators}"
                asked = {"annotators": annotators, "seconds": options.seconds, "seed": options.seed}
                loads.append(run_load(server, options.port, database=database, slug=slug, **asked))
                print("\n".join(loads[-1].lines()), flush=True)
    finally:
        server.terminate()
        server.wait()
    return loads


if __name__ == "__main__":
    main()
