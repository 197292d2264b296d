"""Reports that take seconds to make, kept as they were made last: the only writer of Report.

A report is a pure function of a project's rankings, its parameters and a seed. Pages show it at once with the time it
was made and how many rankings came since; `make` (in a task, or on demand) replaces it. Two who make the same report at
once do it once: the second finds it claimed.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from annotate import preferences
from annotate.models import Assignment, Project, Ranking, Report

CLAIM_SECONDS = 600
"""A maker that was killed is forgotten after this time."""
MAX_FAILURE_CHARS = 300
MANY = 500

Content = dict[str, Any]
"""What json can hold; no NaN: a number that is not known is null with a reason."""
Make = Callable[[Project, Mapping[str, Any]], Content]


@dataclass(frozen=True)
class Stored:
    """A report as it was made last; `content` is None and `made_at` too before the first time."""

    content: Content | None
    made_at: datetime | None
    ranking_count: int
    rankings_since: int
    seconds: float | None
    is_being_made: bool
    failure: str  # of the last attempt; empty if it went well

    @property
    def is_current(self) -> bool:
        return self.content is not None and not self.rankings_since


def latest(project: Project, *, kind: str, parameters: Mapping[str, Any] | None = None) -> Stored | None:
    """Return a report as it was made last, or None where nobody ever asked for it; two short queries."""
    report = _of(project, kind, parameters).first()
    if report is None:
        return None
    return Stored(
        content=report.content,
        made_at=report.made_at,
        ranking_count=report.ranking_count,
        rankings_since=_count_since(project, report.last_ranking),
        seconds=report.seconds,
        is_being_made=_is_claimed(report),
        failure=report.failure,
    )


def make(project: Project, *, kind: str, build: Make, parameters: Mapping[str, Any] | None = None) -> bool:
    """Make a report by `build(project, parameters)` and store it; False where somebody is just making it.

    What `build` raises is stored as the report's failure and raised again; the report made before stays.
    """
    Report.objects.get_or_create(project=project, kind=kind, parameters=_canonical(parameters))
    claimed_at = timezone.now()
    mine = _of(project, kind, parameters)
    free = mine.filter(Q(claimed_at__isnull=True) | Q(claimed_at__lte=_oldest_claim()))
    if free.update(claimed_at=claimed_at) != 1:
        return False
    mine = mine.filter(claimed_at=claimed_at)  # a maker that was given up on stores nothing
    newest = _counting(project).aggregate(newest=Max("pk"))["newest"] or 0
    ranking_count = preferences.current_rankings(project).count()
    started = time.monotonic()
    try:
        content = build(project, parameters or {})
        json.dumps(content, allow_nan=False)  # no page ever shows one
    except Exception as problem:
        mine.update(claimed_at=None, failure=f"{type(problem).__name__}: {problem}"[:MAX_FAILURE_CHARS])
        raise
    made = {"content": content, "made_at": timezone.now(), "seconds": time.monotonic() - started}
    return mine.update(**made, ranking_count=ranking_count, last_ranking=newest, claimed_at=None, failure="") == 1


def is_stale(project: Project, *, kind: str, parameters: Mapping[str, Any] | None = None) -> bool:
    """Say whether a report should be made: never made, or rankings came since; not while somebody is making it."""
    report = _of(project, kind, parameters).defer("content").first()
    if report is None or report.made_at is None:
        return _counting(project).exists() and not (report and _is_claimed(report))
    return not _is_claimed(report) and _since(project, report.last_ranking).exists()


def _of(project: Project, kind: str, parameters: Mapping[str, Any] | None) -> QuerySet[Report]:
    return Report.objects.filter(project=project, kind=kind, parameters=_canonical(parameters))


def _canonical(parameters: Mapping[str, Any] | None) -> str:
    """Return parameters as the same text whatever the order they were given in."""
    return json.dumps(dict(parameters), sort_keys=True, separators=(",", ":"), allow_nan=False) if parameters else ""


def _counting(project: Project) -> QuerySet[Ranking]:
    """Return what may change a report: rankings on work, revisions too."""
    return Ranking.objects.filter(comparison__project=project, assignment__purpose=Assignment.Purpose.WORK)


def _count_since(project: Project, last_ranking: int) -> int:
    """Count what came since. By key where that is little: else a database walks through the whole project."""
    newer = Ranking.objects.filter(pk__gt=last_ranking).order_by("pk").values_list("pk", flat=True)
    few = list(newer[: MANY + 1])
    if len(few) > MANY:
        return _since(project, last_ranking).count()
    return _counting(project).filter(pk__in=few).count()


def _since(project: Project, last_ranking: int) -> QuerySet[Ranking]:
    return _counting(project).filter(pk__gt=last_ranking)


def _is_claimed(report: Report) -> bool:
    return report.claimed_at is not None and report.claimed_at > _oldest_claim()


def _oldest_claim() -> datetime:
    return timezone.now() - timedelta(seconds=CLAIM_SECONDS)
