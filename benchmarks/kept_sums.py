"""The sums of world B, timed: made anew, changed by one submission, asked by a page. Run by quality_statistics.py.

A page's milliseconds are those of the statements it makes whatever the project's size, warm, the best of five: CPU
time, and SQLite works in the process, so it is all of the database's.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from django.db import transaction
from django.utils import timezone

from annotate import columns, preferences, report_store, statistics
from annotate.models import Project, Ranking
from annotate.verdicts import Status
from benchmarks import crowd_project
from benchmarks.crowd_worlds import world
from benchmarks.measuring import Row, at_most

PART = "statistics"
SUBMISSIONS = 300
REPEATS = 5
PER_PAGE = 50
VOTES = "1,000,000 votes"


def measured(seed: int) -> Iterator[Row]:
    project = crowd_project.load(world("b", seed=seed))
    seconds, cpu_seconds = _spent(lambda: statistics.rebuild(project))
    yield Row(PART, f"full rebuild of {VOTES}", seconds, "", None, at_most(60), "s")
    yield Row(PART, f"full rebuild of {VOTES}", cpu_seconds, "", None, at_most(60), "CPU s")
    yield Row(
        PART, "rows in which it differs from --check", len(statistics.differences(project)), "", None, at_most(0), ""
    )
    _, cpu_seconds = _spent(lambda: columns.read(preferences.current_rankings(project)))
    yield Row(PART, f"{VOTES} read as columns", cpu_seconds, "", None, None, "CPU s")
    some = list(Ranking.objects.filter(comparison__project=project).order_by("submission")[:SUBMISSIONS])
    seconds, cpu_seconds = _update(some)
    yield Row(PART, "update by one submission", 1000 * cpu_seconds, "", None, at_most(1), "CPU ms")
    yield Row(PART, "update by one submission", 1000 * seconds, "", None, at_most(5), "ms")
    report_store.make(project, kind="benchmark", build=_report)
    spent = {name: min(_spent(ask)[1] for _ in range(REPEATS)) for name, ask in _asked(project).items()}
    yield Row(PART, "consistency page, in the database", 1000 * sum(spent.values()), "", None, at_most(50), "CPU ms")
    for name, seconds in spent.items():
        yield Row(PART, f"  of it {name}", 1000 * seconds, "", None, None, "CPU ms")
    _, cpu_seconds = _spent(lambda: statistics.slices(project, "annotator"))
    yield Row(PART, "the sums of all annotators", 1000 * cpu_seconds, "", None, None, "CPU ms")


def _asked(project: Project) -> dict[str, Callable[[], object]]:
    shown = [one.key[0] for one in statistics.slices(project, "annotator")[:PER_PAGE]]
    return {
        "the counts": lambda: statistics.counts(project),
        "agreement, alpha, ties": lambda: statistics.figures(project),
        "50 disputed comparisons": lambda: list(statistics.listing(project, status=Status.DISPUTED)[:PER_PAGE]),
        "the report of all annotators": lambda: report_store.latest(project, kind="benchmark"),
        "a heat map of 50 annotators": lambda: statistics.met(project, annotators=shown),
    }


def _report(project: Project, parameters: object) -> dict[str, object]:
    """As large as that of a thousand annotators with fifteen findings each, in short."""
    rows = statistics.slices(project, "annotator")
    return {"annotators": [{"annotator": one.key[0], "sums": [list(one.sums)] * 3} for one in rows]}


def _update(some: Sequence[Ranking]) -> tuple[float, float]:
    """Seconds and CPU seconds of counting one vote less or one more, beside the same change uncounted."""

    def change(is_counted: bool) -> None:
        for ranking in some:
            for superseded_at in (timezone.now(), None):
                with transaction.atomic():
                    Ranking.objects.filter(pk=ranking.pk).update(superseded_at=superseded_at)
                    if is_counted:
                        statistics.recount([ranking.comparison_id])

    without, counting = _spent(lambda: change(False)), _spent(lambda: change(True))
    seconds, cpu_seconds = ((b - a) / (2 * len(some)) for a, b in zip(without, counting, strict=True))
    return seconds, cpu_seconds


def _spent(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and CPU seconds."""
    started, busy = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - started, time.process_time() - busy
