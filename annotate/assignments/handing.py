"""Handing a comparison to an annotator: the row of a reservation, and what must be known of who asks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from annotate import policy
from annotate.models import Annotator, Assignment, Membership, Project

State = Assignment.State
SEEN = (State.RESERVED, State.SUBMITTED, State.SKIPPED)


CONTENT = """
SELECT completion.id, LENGTH(completion.text), LENGTH(CAST(prompt.messages AS TEXT)),
    (SELECT id FROM annotate_guidelineversion WHERE project_id = comparison.project_id ORDER BY number DESC LIMIT 1),
    (SELECT CAST(before."order" AS TEXT) FROM annotate_assignment before
     WHERE before.comparison_id = comparison.id AND before.annotator_id = %s AND before.purpose <> 'repeat'
     ORDER BY before.id DESC LIMIT 1)
FROM annotate_comparison comparison JOIN annotate_prompt prompt ON prompt.id = comparison.prompt_id
LEFT JOIN annotate_completion completion ON completion.comparison_id = comparison.id
WHERE comparison.id = %s ORDER BY completion.id
"""


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
    def cohorts(self) -> tuple[str, ...]:
        """Whose work they may have, in this order: their cohort's own, then everybody's ("")."""
        mine = self.membership.cohort if self.membership else ""
        return (mine, "") if mine else ("",)

    @property
    def history(self) -> QuerySet[Assignment]:
        """Everything this annotator was handed in this project."""
        return Assignment.objects.filter(annotator=self.annotator, project=self.project)

    def has_seen(self, comparison: str) -> Exists:
        """The condition that this annotator has or had a comparison; `comparison` is the outer query's column."""
        mine = Assignment.objects.filter(annotator=self.annotator, state__in=SEEN)
        return Exists(mine.filter(comparison=OuterRef(comparison)))


class OpenPlace(NamedTuple):
    """A place of work that was free and is now whose it was claimed for."""

    comparison_id: int
    slot: int
    position: int


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
    with connection.cursor() as cursor:
        cursor.execute(CONTENT, [annotator.pk, comparison_id])
        found = cursor.fetchall()
    _, _, prompt_length, guideline_id, order = found[0]
    return Content(
        completion_ids=[pk for pk, *_ in found if pk],
        order=json.loads(order) if order else [],
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
    place: OpenPlace | None = None,
    repeat_of: Assignment | None = None,
) -> Assignment:
    """Make the row of a reservation; `place` is the place of work that was claimed for it."""
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
