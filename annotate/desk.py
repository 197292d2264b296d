"""The reviewer's desk: the disputed comparisons of a project in the order in which they are to be ruled on. Reads only.

What still collects rankings waits: a dispute is ruled on when its places are filled. The least agreement comes first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count

from annotate import reports
from annotate.models import Assignment, Project
from annotate.reports import ComparisonRow
from annotate.verdicts import Status

State = Assignment.State


@dataclass(frozen=True)
class Case:
    """A disputed comparison; `waiting_count` counts its places that are not filled yet."""

    row: ComparisonRow
    waiting_count: int

    @property
    def is_ready(self) -> bool:
        return self.waiting_count == 0


@dataclass(frozen=True)
class Desk:
    """What lies on the desk of a project: the cases that are ready, those that wait, and how many were ruled on."""

    ready: list[Case]
    waiting: list[Case]
    ruled_count: int


def of(project: Project) -> Desk:
    """Return a project's desk, in a fixed number of queries."""
    rows = reports.comparisons(project)
    disputed = [row for row in rows if row.status == Status.DISPUTED]
    unfilled = Assignment.objects.filter(project=project, state__in=[State.OPEN, State.RESERVED], slot__isnull=False)
    places = unfilled.filter(comparison__in=[row.comparison_id for row in disputed]).order_by()
    waiting = dict(places.values_list("comparison").annotate(n=Count("pk")))
    cases = [Case(row, waiting.get(row.comparison_id, 0)) for row in disputed]
    return Desk(
        ready=[case for case in cases if case.is_ready],
        waiting=[case for case in cases if not case.is_ready],
        ruled_count=sum(row.status == Status.ADJUDICATED for row in rows),
    )


def next_after(ready: Sequence[Case], comparison_id: int | None) -> int | None:
    """Return the comparison that follows one on the desk, or the first; None where no other is ready.

    A ruled comparison is on the desk no longer: what follows it is what now comes first.
    """
    ids = [case.row.comparison_id for case in ready]
    if comparison_id not in ids:
        return ids[0] if ids else None
    place = ids.index(comparison_id)
    others = ids[place + 1 :] + ids[:place]
    return others[0] if others else None
