"""N closed-loop annotators (next + submit) against gunicorn; prints cycles/s, p50/p95, and whether the invariants hold.

    python benchmarks/annotate_load.py --annotators 32 --seconds 30
    python benchmarks/annotate_load.py --database postgres://postgres@127.0.0.1:5432/bench_load

Each annotator is a browser without a pause: it asks for the next comparison, reads the form the page has, ranks at
random and posts. Exits 1 when an invariant is broken or a request failed.
"""

import argparse
import http.client
import json
import random
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks import workplace

PASSWORD = "benchmark only 1"
TIMEOUT_SECONDS = 60


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


@dataclass
class Journal:
    """What one annotator saw."""

    next_seconds: list[float] = field(default_factory=list)
    submit_seconds: list[float] = field(default_factory=list)
    acknowledged: list[UUID] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def annotate(browser: Browser, journal: Journal, *, until: float, rng: random.Random) -> None:
    """Ask, rank, submit, until the time is over or the queue is empty."""
    while time.monotonic() < until:
        started = time.monotonic()
        status, location, page = browser.ask("GET", "/projects/load/rank/")
        if status == 200:
            return  # the empty-queue page
        status, _, page = browser.ask("GET", location)
        journal.next_seconds.append(time.monotonic() - started)
        form = Form()
        form.feed(page)
        if status != 200 or not form.selects:
            journal.failures.append(f"GET {location}: {status}")
            return
        fields = form.hidden | {name: str(rng.randint(1, len(form.selects))) for name in form.selects}
        started = time.monotonic()
        status, _, page = browser.ask("POST", location, fields)
        journal.submit_seconds.append(time.monotonic() - started)
        if status != 302:
            journal.failures.append(f"POST {location}: {status} {re.sub(r'<[^>]+>', ' ', page)[:200]}")
            return
        journal.acknowledged.append(UUID(fields["submission"]))


def prepare(directory: Path, *, annotators: int, comparisons: int) -> None:
    """Make the project, its comparisons and the accounts, through the product's doors."""
    from annotate import intake, people, projects  # Django is set up only now
    from annotate.models import Role

    project = projects.create(slug="load", name="Load", overlap=3, guidelines="Rank the answers.", by=None)
    path = directory / "load.jsonl"
    text = "A completion of ordinary length that says something about the prompt. " * 20
    with path.open("w") as lines:
        for n in range(comparisons):
            completions = [f"{name}: {text}" for name in "abcd"]
            lines.write(json.dumps({"id": f"c{n}", "prompt": f"Prompt {n}", "completions": completions}) + "\n")
    intake.import_file(path, kind="comparisons", project=project)
    for n in range(annotators):
        people.create_account(f"annotator{n}", password=PASSWORD, roles=[Role.ANNOTATOR])


def serve(port: int, directory: Path) -> subprocess.Popen[bytes]:
    """Start gunicorn and wait until it answers."""
    options = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4", "--log-level", "warning"]
    log = (directory / "gunicorn.log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "config.wsgi", *options], cwd=workplace.ROOT, stdout=log, stderr=log
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


def run_load(port: int, *, annotators: int, seconds: float, seed: int) -> tuple[list[Journal], float]:
    """Let everyone log in, start together, and return the journals and the seconds it took."""
    browsers = [Browser(port) for _ in range(annotators)]
    for n, browser in enumerate(browsers):
        browser.log_in(f"annotator{n}")
    journals = [Journal() for _ in browsers]
    started = time.monotonic()
    threads = [
        threading.Thread(
            target=annotate,
            args=(browser, journal),
            kwargs={"until": started + seconds, "rng": random.Random(seed + n)},
        )
        for n, (browser, journal) in enumerate(zip(browsers, journals, strict=True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return journals, time.monotonic() - started


def milliseconds(values: list[float]) -> str:
    p50, p95 = np.percentile(values, [50, 95]) * 1000
    return f"p50 {p50:6.1f} ms   p95 {p95:6.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotators", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--comparisons", type=int, default=3000)
    parser.add_argument("--database", default="", help="a PostgreSQL URL; SQLite where left out")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with workplace.fresh(options.database) as directory:
        from benchmarks import invariants  # Django is set up only now

        prepare(directory, annotators=options.annotators, comparisons=options.comparisons)
        server = serve(options.port, directory)
        try:
            journals, took = run_load(
                options.port, annotators=options.annotators, seconds=options.seconds, seed=options.seed
            )
        finally:
            server.terminate()
            server.wait()
        acknowledged = [uuid for journal in journals for uuid in journal.acknowledged]
        failures = [line for journal in journals for line in journal.failures]
        breaches = invariants.breaches(acknowledged)
    kind = "PostgreSQL" if options.database else "SQLite"
    print(f"{kind}, {options.annotators} annotators, {took:.1f} s: {len(acknowledged)} submissions acknowledged")
    print(f"cycles/s {len(acknowledged) / took:6.1f}")
    print(f"next     {milliseconds([s for j in journals for s in j.next_seconds])}")
    print(f"submit   {milliseconds([s for j in journals for s in j.submit_seconds])}")
    for line in failures[:10] + breaches:
        print(f"BROKEN   {line}")
    print("invariants hold" if not breaches else f"{len(breaches)} invariants broken")
    sys.exit(1 if breaches or failures else 0)


if __name__ == "__main__":
    main()
