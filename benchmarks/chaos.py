"""Annotators at work while everything below them is killed with -9; prints each fault and a verdict.

    python benchmarks/chaos.py --minutes 5 --database sqlite
    python benchmarks/chaos.py --minutes 5 --database postgres --seed 7
    python benchmarks/chaos.py --minutes 0.5 --database postgres --without synchronous_commit   (must turn red)

Closed-loop annotators rank through gunicorn and keep a journal of what they were told is saved; what was not answered
they send again, under the same submission id. Meanwhile web workers, the web master, the Celery worker and, on
PostgreSQL (a server of the run's own), backends and the whole server die. The verdict compares journal and database:
acknowledged and not stored is lost, stored twice is doubled, and benchmarks/invariants.py must hold.
Exits 1 when anything is lost, doubled or broken. The faults follow from the seed; their effect follows from the moment.
"""

import argparse
import http.client
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psycopg

from benchmarks import workplace
from benchmarks.annotate_load import Browser, Form, prepare, prepare_accounts
from benchmarks.chaos_cluster import DATABASE, Cluster, free_port
from benchmarks.chaos_faults import Faults, Program

SLUG = "chaos"
PATIENCE_SECONDS = 90
TIMEOUT_SECONDS = 10
FORGETFUL_SECONDS = 5.0
"""Where a promise is broken on purpose, the server keeps what it is told in memory for so long before its last kill."""
LOST_CONNECTION = (OSError, http.client.HTTPException)
SAFE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
UNSAFE = {"synchronous_commit": "off", "wal_writer_delay": "10s"}
"""What is acknowledged may lie in memory: a killed server loses it."""


@dataclass
class Journal:
    """What an annotator was told, and how often they had to ask again."""

    acknowledged: list[UUID] = field(default_factory=list)
    sent_again: int = 0
    refused: int = 0  # 409: the place had gone to someone else meanwhile; nothing was acknowledged
    gave_up: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Verdict:
    """What a run showed; `broken` is a line for each promise that was not kept."""

    acknowledged: int
    sent_again: int
    kills: Counter[str]
    lost: int
    doubled: int
    broken: list[str]

    @property
    def is_red(self) -> bool:
        return bool(self.lost or self.doubled or self.broken)

    def line(self, *, seed: int, database: str) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kills.items()))
        return (
            f"{'BROKEN' if self.is_red else 'HELD'}  seed {seed} on {database}: {self.acknowledged:,} submissions "
            f"acknowledged ({self.sent_again:,} sent again), {self.kills.total()} kills ({kinds}), lost {self.lost}, "
            f"doubled {self.doubled}, invariants broken {len(self.broken)}"
        )


def annotate(browser: Browser, journal: Journal, *, until: float, rng: random.Random) -> None:
    """Ask, rank, submit until the time is over; whatever is not answered is asked again."""
    location = f"/projects/{SLUG}/rank/"
    while time.monotonic() < until:
        status, following, page = _insist(lambda at=location: browser.ask("GET", at), journal, browser)
        form = Form()
        form.feed(page)
        if status == 302:
            location = following
            continue
        if status != 200 or not form.selects:  # it went to someone else, or the page says so
            location = f"/projects/{SLUG}/rank/"
            continue
        fields = form.hidden | {name: str(rng.randint(1, len(form.selects))) for name in form.selects}
        status, following, _ = _insist(lambda at=location, sent=fields: browser.ask("POST", at, sent), journal, browser)
        if status == 302 and not following.startswith("/login/"):
            journal.acknowledged.append(UUID(fields["submission"]))
            location = following
        else:
            journal.refused += 1
            location = f"/projects/{SLUG}/rank/"


def judge(journals: list[Journal], kills: Counter[str]) -> Verdict:
    """Compare what annotators were told with what is stored. Django is set up."""
    from annotate.models import Ranking  # noqa: PLC0415
    from benchmarks import invariants  # noqa: PLC0415  Django is set up only now

    acknowledged = [uuid for journal in journals for uuid in journal.acknowledged]
    stored = Counter(Ranking.objects.values_list("submission", flat=True))
    broken = [line for line in invariants.breaches() if not line.startswith("no submission is stored twice")]
    broken += [line for journal in journals for line in journal.gave_up]
    if not acknowledged:
        broken.append("nothing was acknowledged, so nothing was shown: let it run longer")
    return Verdict(
        acknowledged=len(acknowledged),
        sent_again=sum(journal.sent_again for journal in journals),
        kills=kills,
        lost=len(set(acknowledged) - set(stored)),
        doubled=sum(count - 1 for count in stored.values()),
        broken=broken,
    )


def run(directory: Path, cluster: Cluster | None, options: argparse.Namespace) -> Verdict:
    """Let annotators work and things die, then judge."""
    from django.db import connections  # noqa: PLC0415  Django is set up only now

    prepare_accounts(options.annotators)
    prepare(SLUG, comparisons=options.comparisons, characters=200)
    connections.close_all()
    port, rng = free_port(), random.Random(options.seed)
    bind = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4", "--log-level", "warning"]
    web = Program(["gunicorn", "config.wsgi", *bind], directory / "web.log")
    beat = ["--beat", "--queues", "default", "--concurrency", "1", "--loglevel", "WARNING"]
    celery = Program(["celery", "-A", "config", "worker", *beat], directory / "celery.log")
    faults = Faults(random.Random(options.seed), web, celery, cluster, lambda: _answers(port))
    try:
        web.start()
        celery.start()
        _wait_for(port, directory)
        journals = _work_under(faults, port, rng, options, last_kill=cluster if options.last_kill else None)
    finally:
        web.kill_all()
        celery.kill_all()
    return judge(journals, faults.counts)


def _work_under(
    faults: Faults, port: int, rng: random.Random, options: argparse.Namespace, *, last_kill: Cluster | None
) -> list[Journal]:
    end, journals = threading.Event(), [Journal() for _ in range(options.annotators)]
    browsers = [_logged_in(port, f"annotator{n}") for n in range(options.annotators)]
    until = time.monotonic() + 60 * options.minutes
    workers = [
        threading.Thread(target=_one, args=pair, kwargs={"until": until, "rng": random.Random(rng.random())})
        for pair in zip(browsers, journals, strict=True)
    ]
    breaker = threading.Thread(target=faults.inject_until, args=(end,), kwargs={"a_minute": options.kills_a_minute})
    for thread in [*workers, breaker]:
        thread.start()
    if last_kill:
        time.sleep(max(0.0, until - FORGETFUL_SECONDS - time.monotonic()))
        end.set()
        breaker.join()
        last_kill.forget()
        time.sleep(FORGETFUL_SECONDS)
        last_kill.kill()
        last_kill.start()
    for worker in workers[:1]:
        worker.join()
    end.set()  # what is under way may end in peace
    for thread in [*workers, breaker]:
        thread.join()
    return journals


def _logged_in(port: int, username: str) -> Browser:
    """Sign in before the clock starts: it may take all the time of a short run."""
    browser = Browser(port)
    browser.log_in(username)
    browser.connection.timeout = TIMEOUT_SECONDS
    return browser


def _one(browser: Browser, journal: Journal, **how: object) -> None:
    try:
        annotate(browser, journal, **how)
    except _NoAnswer as problem:
        journal.gave_up.append(f"no answer for {PATIENCE_SECONDS} s: {problem}")


class _NoAnswer(Exception):
    """The server did not come back."""


def _insist(ask, journal: Journal, browser: Browser) -> tuple[int, str, str]:
    """Ask until there is an answer that is not 5xx. Raises _NoAnswer."""
    until, last = time.monotonic() + PATIENCE_SECONDS, ""
    while time.monotonic() < until:
        try:
            answer = ask()
        except (*LOST_CONNECTION, RuntimeError) as problem:
            last = repr(problem)
            browser.connection.close()
        else:
            if answer[0] < 500:
                return answer
            last = f"{answer[0]}"
        journal.sent_again += 1
        time.sleep(0.2)
    raise _NoAnswer(last)


def _answers(port: int) -> bool:
    try:
        return Browser(port).ask("GET", "/login/")[0] == 200
    except LOST_CONNECTION:
        return False


def _wait_for(port: int, directory: Path) -> None:
    until = time.monotonic() + 60
    while not _answers(port):
        if time.monotonic() > until:
            sys.exit(f"gunicorn did not answer:\n{(directory / 'web.log').read_text()[-2000:]}")
        time.sleep(0.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--annotators", type=int, default=8)
    parser.add_argument("--comparisons", type=int, default=20_000)
    parser.add_argument("--kills-a-minute", type=float, default=24.0)
    parser.add_argument(
        "--without", choices=["synchronous_commit"], help="break the promise; the verdict must turn red"
    )
    options = parser.parse_args()
    options.last_kill = options.without is not None
    with tempfile.TemporaryDirectory(prefix="concord-chaos-") as place:
        cluster = _cluster(Path(place), options)
        try:
            with workplace.fresh(cluster.url if cluster else "") as directory:
                verdict = run(directory, cluster, options)
        finally:
            if cluster:
                cluster.stop()
    print("\n".join(f"BROKEN   {line}" for line in verdict.broken[:20]))
    print(verdict.line(seed=options.seed, database=options.database))
    sys.exit(1 if verdict.is_red else 0)


def _cluster(directory: Path, options: argparse.Namespace) -> Cluster | None:
    if options.database == "sqlite":
        return None
    cluster = Cluster(directory, options=SAFE | (UNSAFE if options.without else {}))
    cluster.start()
    with cluster.connect() as connection:
        shown = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in SAFE}
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(DATABASE)))
    if shown != SAFE and not options.without:
        sys.exit(f"PostgreSQL's settings are not those that keep a promise: {shown}")
    return cluster


if __name__ == "__main__":
    main()
