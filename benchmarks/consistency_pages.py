"""The consistency pages of a project with a million votes: milliseconds in the database and for the whole answer.

    CONCORD_DATA_DIR=/tmp/pages DATABASE_URL=sqlite:////tmp/pages/bench.sqlite3 python -m benchmarks.consistency_pages

Fills an empty scratch database with world B of the simulated crowds (CROWD_SCALE=0.1: a tenth), makes sums and
reports, and asks for each page of a reviewer three times; the middle one is printed. CPU time, as others may use the
machine, for SQLite works in this process; on PostgreSQL the database's part is by the clock.

With --browser the pages are opened in headless Chromium against gunicorn instead: milliseconds by the clock until a
page has loaded, the middle of three. That is for a machine that does nothing else.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import override_settings  # noqa: E402
from django.urls import reverse  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from annotate import people, statistics  # noqa: E402
from annotate.consistency import report  # noqa: E402
from annotate.models import Annotator, AnnotatorPair, Project, Role  # noqa: E402
from benchmarks import crowd_project, crowd_worlds  # noqa: E402

SEED = 20240501
PORT = 8797
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
NAVIGATION = (
    "(() => { const one = performance.getEntriesByType('navigation')[0]; return [one.responseEnd, one.duration]; })()"
)
TIMES = 3
PAGES = ("consistency", "consistency_trend", "consistency_annotators", "consistency_pairs", "consistency_effects")
PAGES += ("consistency_ledgers", "consistency_comparisons", "consistency_prospects")
PAGES += ("consistency_systems", "consistency_grades", "desk", "project")


class Cost(NamedTuple):
    """Of one answer."""

    queries: int
    database_ms: float
    whole_ms: float
    kilobytes: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--browser", action="store_true", help="by the clock, in headless Chromium against gunicorn")
    is_in_browser = parser.parse_args().browser
    call_command("migrate", verbosity=0)
    project = Project.objects.filter(slug="crowd").first() or _filled()
    if report.is_stale(project):
        _timed("reports made", lambda: report.make(project))
    client = Client()
    client.force_login(people.create_account(f"rex{time.time():.0f}", password="x" * 12, roles=[Role.REVIEWER]))
    if is_in_browser:
        _in_browser(_urls(project), client.cookies["sessionid"].value)
        return
    print(f"{'page':32}{'queries':>8}{'database ms':>13}{'whole ms':>10}{'kB':>8}")
    for name, url in _urls(project):
        costs = [_cost(client, url) for _ in range(TIMES)]
        found = Cost(*(median(column) for column in zip(*costs, strict=True)))
        print(f"{name:32}{found.queries:8.0f}{found.database_ms:13.1f}{found.whole_ms:10.0f}{found.kilobytes:8.0f}")


def _filled() -> Project:
    project = _timed("votes written", lambda: crowd_project.load(crowd_worlds.world("b", seed=SEED)))
    with connection.cursor() as cursor:  # «what if» draws prompts by the hash of their text
        some_hash = "md5(external_id)" if connection.vendor == "postgresql" else "lower(hex(randomblob(32)))"
        cursor.execute(f"UPDATE annotate_prompt SET text_sha256 = {some_hash}")  # noqa: S608  ours
    _timed("sums made", lambda: statistics.rebuild(project))
    return project


def _timed(what: str, call: Callable[[], object]) -> object:
    began = time.process_time()
    result = call()
    print(f"{what}: {time.process_time() - began:.1f} s", file=sys.stderr)
    return result


def _urls(project: Project) -> list[tuple[str, str]]:
    pair = AnnotatorPair.objects.filter(project=project).order_by("-comparisons").values_list("a_id", "b_id")[0]
    one = Annotator.objects.filter(pk=pair[0]).values_list("pk", flat=True)[0]
    urls = [(name, reverse(name, args=[project.slug])) for name in PAGES]
    urls.append(("consistency_annotator", reverse("consistency_annotator", args=[project.slug, one])))
    urls.append(("consistency_pair", reverse("consistency_pair", args=[project.slug, *pair])))
    urls.append(("consistency_what_if", reverse("consistency_what_if", args=[project.slug]) + "?overlap=2"))
    return urls


def _in_browser(urls: list[tuple[str, str]], session: str) -> None:
    site = f"http://127.0.0.1:{PORT}"
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{PORT}", "--threads", "4"]
    with subprocess.Popen(command) as server, sync_playwright() as playwright:
        while socket.socket().connect_ex(("127.0.0.1", PORT)):
            time.sleep(0.2)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        context.add_cookies([{"name": "sessionid", "value": session, "url": site}])
        page = context.new_page()
        print(f"{'page':32}{'answered ms':>13}{'loaded ms':>11}")
        for name, url in urls:
            spent = [_opened(page, site + url) for _ in range(TIMES + 1)][1:]
            answered, loaded = (median(column) for column in zip(*spent, strict=True))
            print(f"{name:32}{answered:13.0f}{loaded:11.0f}")
        browser.close()
        server.terminate()


def _opened(page: Page, url: str) -> tuple[float, float]:
    """Milliseconds until the answer was there, and until the page had loaded."""
    answer = page.goto(url, wait_until="load")
    assert answer is not None and answer.status == 200, f"{url}: {answer and answer.status}"
    return tuple(page.evaluate(NAVIGATION))


def _cost(client: Client, url: str) -> Cost:
    with override_settings(ALLOWED_HOSTS=["testserver"]), _watched() as spent:
        began = time.process_time()
        answer = client.get(url)
        whole = time.process_time() - began
    assert answer.status_code == 200, f"{url}: {answer.status_code}"
    return Cost(len(spent), 1000 * sum(spent), 1000 * whole, len(answer.content) / 1000)


@contextmanager
def _watched():  # noqa: ANN202  a list of seconds, one a query
    spent: list[float] = []
    clock = time.perf_counter if connection.vendor == "postgresql" else time.process_time

    def watch(execute: Callable, sql: str, params: object, many: bool, context: dict) -> object:  # noqa: FBT001
        began = clock()
        try:
            return execute(sql, params, many, context)
        finally:
            spent.append(clock() - began)

    with connection.execute_wrapper(watch):
        yield spent


if __name__ == "__main__":
    main()
