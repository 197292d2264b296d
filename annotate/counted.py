"""Which rankings make training labels, and how many do not, by reason. Reads only.

Statistics show every current ranking on work; labels leave out besides what an annotator on hold said since they last
passed a gold comparison, all that was said by who is in quarantine or took their consent back, and, where the project
says so, what crowd workers said in stays that came to nothing.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotate import policy
from annotate.crowd import settings as crowds
from annotate.models import Annotator, Assignment, Demonstration, Membership, Participation, Project, Ranking
from annotate.quality.ranking import RankingRow

Purpose, Status = Assignment.Purpose, Participation.Status
CAME_TO_NOTHING = (Status.RETURNED, Status.TIMED_OUT, Status.REJECTED)
COLUMNS = (
    "comparison_id",
    "comparison__prompt_id",
    "annotator_id",
    "tiers",
    "assignment__order",
    "assignment__purpose",
    "assignment__guideline__number",
    "annotator__origin",
    "strength",
    "unrankable",
    "details",
    "submitted_at",
)
BATCH = 2000
RECALLED = "by an annotator who took their consent back"
QUARANTINED = "by an annotator in quarantine"


class Said(NamedTuple):
    """A ranking that counts, and what was said beside the order."""

    row: RankingRow
    guideline: int
    origin: str
    strength: int | None
    unrankable: str
    details: dict[str, Any]


@dataclass(frozen=True)
class Stay:
    """From when to when a worker's stay lasted that came to nothing."""

    begun_at: datetime
    ended_at: datetime | None

    def holds(self, moment: datetime) -> bool:
        return self.begun_at <= moment and (self.ended_at is None or moment <= self.ended_at)


@dataclass(frozen=True)
class FailedStays:
    """What was said in stays that were returned, timed out or rejected, and whether training leaves it out."""

    are_left_out: bool
    ranking_count: int
    demonstration_count: int


@dataclass(frozen=True)
class Bars:
    """What keeps rankings of a project out of its labels."""

    project: Project

    def reason(self, annotator: int, submitted_at: datetime) -> str:
        """Return why a ranking is left out; empty where it counts."""
        if annotator in self.recalled:
            return RECALLED
        if annotator in self.quarantined:
            return QUARANTINED
        if annotator in self.held_since and submitted_at > self.held_since[annotator]:
            return "by an annotator on hold"
        if any(stay.holds(submitted_at) for stay in self.stays.get(annotator, ())):
            return "by a discarded worker"
        return ""

    @cached_property
    def recalled(self) -> set[int]:
        """Who took their consent back in this project."""
        return set(recalled(self.project).values_list("annotator", flat=True))

    @cached_property
    def quarantined(self) -> set[int]:
        """Whose every ranking the staff doubt."""
        return set(quarantined(self.project).values_list("annotator", flat=True))

    @cached_property
    def held_since(self) -> dict[int, datetime]:
        """When each annotator on hold last passed a gold comparison; the beginning of time where they never did."""
        member = Q(memberships__project=self.project, memberships__is_paused=True, memberships__keeps_labels=False)
        held = Annotator.objects.filter(Q(is_paused=True) | member, rankings__comparison__project=self.project)
        since = dict.fromkeys(held.values_list("pk", flat=True), datetime.min.replace(tzinfo=UTC))
        said = Ranking.objects.filter(superseded_at__isnull=True, comparison__project=self.project)
        on_gold = said.filter(annotator__in=since, assignment__purpose=Purpose.GOLD, comparison__key__is_retired=False)
        found = on_gold.order_by("submitted_at").values_list(
            "annotator", "submitted_at", "tiers", "comparison__key__tiers"
        )
        return since | {who: at for who, at, tiers, key in found if policy.is_passed(tiers, key)}

    @cached_property
    def stays(self) -> dict[int, list[Stay]]:
        """The stays that came to nothing, by annotator, where the project leaves out what was said in them."""
        if not crowds.parse(self.project.crowd).discards_failed_stays:
            return {}
        found: dict[int, list[Stay]] = {}
        gone = Participation.objects.filter(project=self.project, status__in=CAME_TO_NOTHING)
        for annotator, begun_at, ended_at in gone.values_list("annotator", "started_at", "ended_at"):
            found.setdefault(annotator, []).append(Stay(begun_at, ended_at))
        return found


def recalled(project: Project) -> QuerySet[Membership]:
    """Return the memberships of those who took their consent back."""
    return Membership.objects.filter(project=project, recalled_at__isnull=False)


def quarantined(project: Project) -> QuerySet[Membership]:
    """Return the memberships of those in quarantine."""
    return Membership.objects.filter(project=project, quarantined_at__isnull=False)


def of_failed_stays(said: QuerySet[Any], project: Project, *, who: str, at: str) -> QuerySet[Any]:
    """Return what was said in stays that came to nothing, by the names of its fields: who said it, and when."""
    gone = Participation.objects.filter(project=project, annotator=OuterRef(who), status__in=CAME_TO_NOTHING)
    until = Q(ended_at__isnull=True) | Q(ended_at__gte=OuterRef(at))
    return said.filter(Exists(gone.filter(until, started_at__lte=OuterRef(at))))


def failed_stays(project: Project) -> FailedStays:
    """Count what the policy on failed stays is about, whether they are left out at the moment or not."""
    ranked = Ranking.objects.filter(
        comparison__project=project, superseded_at__isnull=True, assignment__purpose=Purpose.WORK
    )
    written = Demonstration.objects.filter(prompt__project=project, superseded_at__isnull=True)
    return FailedStays(
        are_left_out=crowds.parse(project.crowd).discards_failed_stays,
        ranking_count=of_failed_stays(ranked, project, who="annotator", at="submitted_at").count(),
        demonstration_count=of_failed_stays(written, project, who="author", at="created_at").count(),
    )


def counted(project: Project, left_out: Counter[str]) -> Iterator[Said]:
    """Yield the current rankings that make labels, in one query; the others are counted in `left_out` by reason.

    One that says «cannot be ranked» is yielded too, for its flags; it has no order and is counted as left out.
    """
    bars = Bars(project)
    current = Ranking.objects.filter(comparison__project=project, superseded_at__isnull=True).order_by("pk")
    for found in current.values_list(*COLUMNS, named=True).iterator(chunk_size=BATCH):
        if found.assignment__purpose != Purpose.WORK:
            left_out[f"on {found.assignment__purpose}"] += 1
        elif reason := bars.reason(found.annotator_id, found.submitted_at):
            left_out[reason] += 1
        else:
            if found.unrankable:
                left_out["cannot be ranked"] += 1
            yield _said(found)


def _said(found: Any) -> Said:
    row = RankingRow(
        found.comparison_id,
        found.comparison__prompt_id,
        found.annotator_id,
        found.tiers,
        found.assignment__order,
    )
    guideline = found.assignment__guideline__number or 0
    return Said(row, guideline, found.annotator__origin, found.strength, found.unrankable, found.details)
