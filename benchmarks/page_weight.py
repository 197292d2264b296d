"""What the annotator's page weighs and how soon it can be used, in headless Chromium against gunicorn.

    python benchmarks/page_weight.py

Prints kB over the wire (headers included) and requests of the first visit and of one turn after it (submit, next, the
draft), and the time until the page answers keys: cold, and at 10 Mbit/s, 40 ms, a CPU four times slower. Exits 1
where a goal is missed.
"""

import argparse
import json
import random
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks import annotate_load, workplace

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
ROUNDS = 5
SLOW_LINK = {"offline": False, "latency": 40, "downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8}
SLOW_CPU = 4
GOALS = {
    "first visit, kB": 75.0,
    "first visit, requests": 8.0,
    "one turn after, kB": 15.0,
    "interactive cold, s": 0.4,
    "interactive slow, s": 1.2,
}
WATCH = """
const timer = setInterval(() => {
  if (!document.querySelector("[data-sentence]:not([hidden])")) return;
  clearInterval(timer);
  window.interactiveMs = performance.now();
}, 2);
"""


@dataclass
class Wire:
    """What has come over the wire since it was last emptied."""

    sizes: list[int] = field(default_factory=list)
    asked_count: int = 0

    def listen(self, session: CDPSession) -> None:
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.requestServedFromCache", lambda event: self._count(-1))
        session.on("Network.loadingFinished", lambda event: self.sizes.append(event["encodedDataLength"]))

    def _sent(self, event: dict) -> None:
        self._count(1)
        if "redirectResponse" in event:
            self.sizes.append(event["redirectResponse"]["encodedDataLength"])

    def empty(self) -> tuple[float, int]:
        """Return kB and requests, and begin anew."""
        found = sum(self.sizes) / 1000, self.asked_count
        self.sizes.clear()
        self.asked_count = 0
        return found

    def _count(self, change: int) -> None:
        self.asked_count += change


def prepare(directory: Path) -> None:
    """Make a project whose comparisons have 6.9 kB of text, no two alike, and one annotator for each visit."""
    from annotate import intake, memberships, people, projects  # Django is set up only now
    from annotate.models import Role

    project = projects.create(slug="load", name="Load", overlap=1, guidelines="Rank the answers.", by=None)
    rng = random.Random(1)
    vocabulary = ["".join(rng.choices("etaoinshrdlucm", k=rng.randint(2, 9))) for _ in range(3000)]
    lines = (
        {"id": f"c{n}", "prompt": "A prompt.", "completions": [_text(vocabulary, rng) for _ in "abcd"]}
        for n in range(60)
    )
    path = directory / "load.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    intake.import_file(path, kind="comparisons", project=project)
    account = people.create_account("ana", password=annotate_load.PASSWORD, roles=[Role.ANNOTATOR])
    memberships.acknowledge(people.annotator_for(account), projects.current_guidelines(project))


def _text(vocabulary: list[str], rng: random.Random) -> str:
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]  # Zipf's law, as words have it
    return " ".join(rng.choices(vocabulary, weights, k=400))[:1720]


@contextmanager
def visit(browser: Browser, base_url: str, cookies: list[dict], *, is_slow: bool) -> Iterator[tuple[Page, Wire]]:
    """Open a browser that has never been here but is signed in."""
    context = browser.new_context(base_url=base_url, viewport={"width": 1366, "height": 768})
    context.add_cookies(cookies)
    context.add_init_script(WATCH)
    page, wire = context.new_page(), Wire()
    session = context.new_cdp_session(page)
    wire.listen(session)
    if is_slow:
        session.send("Network.emulateNetworkConditions", SLOW_LINK)
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOW_CPU})
    yield page, wire
    context.close()


def open_rank_page(page: Page) -> float:
    """Open the next comparison; return the seconds until the page answers keys."""
    page.goto("/projects/load/rank/")
    page.wait_for_selector("[data-sentence]:not([hidden])")
    page.wait_for_load_state("networkidle")
    return page.evaluate("window.interactiveMs") / 1000


def take_a_turn(page: Page) -> None:
    """Rank, let the draft be saved, submit, and wait for the next comparison."""
    for key in "1234":
        page.keyboard.press(key)
    page.wait_for_selector("[data-stamp]:has-text('saved ')")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Saved:")
    page.wait_for_load_state("networkidle")


def signed_in(browser: Browser, base_url: str) -> list[dict]:
    context = browser.new_context(base_url=base_url)
    page = context.new_page()
    page.goto("/login/")
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill(annotate_load.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    cookies = context.cookies()
    context.close()
    return cookies


def measure(browser: Browser, base_url: str) -> dict[str, float]:
    """Return what GOALS names; times are the median of a few visits."""
    cookies = signed_in(browser, base_url)
    times: dict[bool, list[float]] = {False: [], True: []}
    found: dict[str, float] = {}
    for is_slow in (False, True):
        for _ in range(ROUNDS):
            with visit(browser, base_url, cookies, is_slow=is_slow) as (page, wire):
                times[is_slow].append(open_rank_page(page))
                found["first visit, kB"], found["first visit, requests"] = wire.empty()
                take_a_turn(page)
                found["one turn after, kB"], found["one turn after, requests"] = wire.empty()
    return found | {
        "interactive cold, s": statistics.median(times[False]),
        "interactive slow, s": statistics.median(times[True]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="", help="a PostgreSQL URL; SQLite where left out")
    parser.add_argument("--port", type=int, default=8766)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    with workplace.fresh(options.database) as directory:
        prepare(directory)
        server = annotate_load.serve(options.port, directory, application=annotate_load.CONCORD)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=options.chromium, args=QUIET)
                found = measure(browser, f"http://127.0.0.1:{options.port}")
                browser.close()
        finally:
            server.terminate()
            server.wait()
    missed = [name for name, goal in GOALS.items() if found[name] > goal]
    for name, value in found.items():
        goal = f"goal {GOALS[name]:g}" if name in GOALS else ""
        print(f"{name:26} {value:8.2f}   {goal}{'   MISSED' if name in missed else ''}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
