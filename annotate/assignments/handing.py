"""Handing a comparison to an annotator: the row of a reservation, and what must be known of who asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet, Subquery, TextField
from django.db.models.functions import Cast, Length

from annotate import policy
from annotate.models import Annotator, Assignment, Comparison, GuidelineVersion, Membership, Project

State, Purpose = Assignment.State, Assignment.Purpose
SEEN = (State.RESERVED, State.SUBMITTED, State.SKIPPED)


class NotReserved(Exception):
    """The place is no longer the annotator's: skipped, submitted already, or expired and taken by others since."""


@dataclass(frozen=True)
class Asking:
    """An annotator who asks for work in a project; without a membership there is no limit."""

    annotator: Annotator
    project: Project
    membership: Membership | None
    now: datetime

    @property
    def history(self) -> QuerySet[Assignment]:
        """Everything this annotator was handed in this project."""
        return Assignment.objects.filter(annotator=self.annotator, project=self.project)

    def has_seen(self, comparison: str) -> Exists:
        """The condition that this annotator has or had a comparison; `comparison` is the outer query's column."""
        mine = Assignment.objects.filter(annotator=self.annotator, state__in=SEEN)
        return Exists(mine.filter(comparison=OuterRef(comparison)))


@dataclass(frozen=True)
class Content:
    """What a comparison has to read, the guidelines in force, and in which order this annotator saw it before.

    `order` is empty where they have not had it. Who gets a comparison again that ran out finds the same letters on it.
    """

    completion_ids: list[int]
    order: list[int]
    character_count: int
    guideline_id: int | None


def content_of(comparison_id: int, annotator: Annotator) -> Content:
    """Return what an annotator is to read of a comparison, in one query."""
    before = Assignment.objects.filter(comparison=comparison_id, annotator=annotator).exclude(purpose=Purpose.REPEAT)
    guidelines = GuidelineVersion.objects.filter(project=OuterRef("project")).order_by("-number")
    found = list(
        Comparison.objects.filter(pk=comparison_id).values_list(
            "completions__pk",
            Length("completions__text"),
            Length(Cast("prompt__messages", TextField())),
            Subquery(guidelines.values("pk")[:1]),
            Subquery(before.order_by("-pk").values("order")[:1]),
        )
    )
    _, _, prompt_length, guideline_id, order = found[0]
    return Content(
        completion_ids=[pk for pk, *_ in found if pk],
        order=order or [],
        character_count=prompt_length + sum(length or 0 for _, length, *_ in found),
        guideline_id=guideline_id,
    )


def hand_out(
    asking: Asking,
    content: Content,
    *,
    comparison_id: int,
    order: Sequence[int],
    purpose: str,
    place: Assignment | None = None,
    repeat_of: Assignment | None = None,
) -> Assignment:
    """Make the row of a reservation; `place` is the open place of work that it replaces."""
    lease = policy.lease_seconds(asking.project.lease_seconds, character_count=content.character_count)
    return Assignment.objects.create(
        project=asking.project,
        comparison_id=comparison_id,
        purpose=purpose,
        repeat_of=repeat_of,
        slot=place and place.slot,
        position=place.position if place else 0,
        state=State.RESERVED,
        annotator=asking.annotator,
        guideline_id=content.guideline_id,
        consent_id=asking.membership and asking.membership.consent_id,
        order=list(order),
        reserved_at=asking.now,
        expires_at=asking.now + timedelta(seconds=lease),
    )
