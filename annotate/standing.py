"""Where an annotator stands in a project: what they must do before they work, or why they get none. Reads only.

`step_of` decides, from facts alone; `of` and `by_project` gather the facts. Whoever hands out work asks here first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q
from django.utils.translation import gettext

from annotate import assignments
from annotate.models import (
    Annotator,
    Assignment,
    Comparison,
    Membership,
    Project,
    Use,
)

Qualification = Membership.Qualification
State = Assignment.State
KNOWN = (Assignment.Purpose.TRAINING, Assignment.Purpose.QUALIFICATION)
"""What is done before the work; it is no work and counts towards no quota."""


MEMBERSHIPS = "SELECT * FROM annotate_membership WHERE annotator_id = %s AND project_id IN ({marks})"
IN_FORCE = """
SELECT project.id, guideline.id, consent.id, consent.text FROM annotate_project project
LEFT JOIN annotate_guidelineversion guideline ON guideline.project_id = project.id AND guideline.number =
    (SELECT MAX(number) FROM annotate_guidelineversion WHERE project_id = project.id)
LEFT JOIN annotate_consentversion consent ON consent.project_id = project.id AND consent.number =
    (SELECT MAX(number) FROM annotate_consentversion WHERE project_id = project.id)
WHERE project.id IN ({marks})
"""


class Step(StrEnum):
    """What comes next for an annotator in a project."""

    NOT_ADMITTED = "not admitted"
    PAUSED = "paused"
    CONSENT = "needs consent"
    GUIDELINES = "needs the guidelines"
    TRAINING = "in training"
    QUALIFICATION = "in qualification"
    FAILED = "not qualified"
    QUOTA_DONE = "quota done"
    WORKING = "working"


@dataclass(frozen=True)
class Facts:
    """All that the step depends on; `*_left` counts comparisons that are asked for, exist and are not done."""

    is_admitted: bool
    is_paused: bool
    needs_consent: bool
    needs_guidelines: bool
    training_left: int
    asks_qualification: bool
    qualification_left: int
    qualification: Qualification
    done_count: int
    quota: int | None


class Done(NamedTuple):
    """Comparisons that were submitted, by what they were for; gold and repeats are work."""

    work: int = 0
    training: int = 0
    qualification: int = 0


@dataclass(frozen=True)
class Standing:
    """An annotator's step in a project, and the membership it rests on (None: they have not begun)."""

    step: Step
    facts: Facts
    membership: Membership | None

    @property
    def pause_message(self) -> str:
        """What the annotator was told when they were paused in this project; the policy's words in their language."""
        message = self.membership.pause_message if self.membership and self.membership.is_paused else ""
        return "\n".join(gettext(line) if line else "" for line in message.splitlines())

    @property
    def has_result(self) -> bool:
        """Whether a qualification has ended."""
        return bool(self.membership) and self.membership.qualification != Qualification.PENDING


def step_of(facts: Facts) -> Step:
    """Return the first step whose condition holds; a qualification that ended «unknown» bars nobody."""
    conditions = {
        Step.NOT_ADMITTED: not facts.is_admitted,
        Step.PAUSED: facts.is_paused,
        Step.FAILED: facts.qualification == Qualification.FAILED,
        Step.CONSENT: facts.needs_consent,
        Step.GUIDELINES: facts.needs_guidelines,
        Step.TRAINING: facts.training_left > 0,
        Step.QUALIFICATION: facts.asks_qualification and facts.qualification == Qualification.PENDING,
        Step.QUOTA_DONE: facts.quota is not None and facts.done_count >= facts.quota,
    }
    return next((step for step, holds in conditions.items() if holds), Step.WORKING)


def of(annotator: Annotator, project: Project) -> Standing:
    """Return where an annotator stands in one project."""
    return by_project(annotator, [project])[project.pk]


def by_project(annotator: Annotator, projects: Iterable[Project]) -> dict[int, Standing]:
    """Return where an annotator stands in each project; the number of queries grows only with projects that train."""
    asked = {project.pk: project for project in projects}
    members = {one.project_id: one for one in _memberships(annotator, list(asked))}
    in_force = {pk: (guideline, consent) for pk, guideline, consent in _in_force(asked)}
    counted = [pk for pk, project in asked.items() if _needs_counts(project, members.get(pk))]
    done = _done(annotator, counted) if counted else {}
    return {
        pk: _standing(annotator, project, members.get(pk), in_force[pk], done.get(pk, Done()))
        for pk, project in asked.items()
    }


def _memberships(annotator: Annotator, asked: list[int]) -> Iterable[Membership]:
    """Return the annotator's memberships of these projects."""
    marks = ", ".join(["%s"] * len(asked)) or "NULL"
    return Membership.objects.raw(MEMBERSHIPS.format(marks=marks), [annotator.pk, *asked])


def _in_force(asked: Iterable[int]) -> Iterator[tuple[int, int | None, int | None]]:
    """Yield (project, guideline, consent) as ids: the versions in force; no consent where its text is empty."""
    ids = list(asked)
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(IN_FORCE.format(marks=", ".join(["%s"] * len(ids))), ids)
        rows = cursor.fetchall()
    yield from ((pk, guide, agreed if text and text.strip() else None) for pk, guide, agreed, text in rows)


def _needs_counts(project: Project, member: Membership | None) -> bool:
    has_quota = member is not None and member.quota is not None
    return has_quota or project.training_count > 0 or project.qualification_count > 0


def _done(annotator: Annotator, counted: list[int]) -> dict[int, Done]:
    """Count what an annotator has done, by project."""
    mine = Assignment.objects.filter(annotator=annotator, project__in=counted).order_by()
    rows = mine.filter(state=State.SUBMITTED).values_list("project")
    counted_rows = rows.annotate(
        work=Count("pk", filter=~Q(purpose__in=KNOWN)),
        training=Count("pk", filter=Q(purpose=Assignment.Purpose.TRAINING)),
        qualification=Count("pk", filter=Q(purpose=Assignment.Purpose.QUALIFICATION)),
    )
    return {pk: Done(*counts) for pk, *counts in counted_rows}


def _standing(
    annotator: Annotator,
    project: Project,
    member: Membership | None,
    in_force: tuple[int | None, int | None],
    done: Done,
) -> Standing:
    guideline, consent = in_force
    qualified = Qualification(member.qualification) if member else Qualification.PENDING
    tests = project.qualification_count if qualified == Qualification.PENDING else 0
    facts = Facts(
        is_admitted=project.is_open or member is not None,
        is_paused=annotator.is_paused or bool(member and member.is_paused),
        needs_consent=consent is not None and (member is None or member.consent_id != consent),
        needs_guidelines=guideline is not None and (member is None or member.guideline_id != guideline),
        training_left=_left(annotator, project, Use.TRAINING, wanted=project.training_count - done.training),
        asks_qualification=project.qualification_count > 0,
        qualification_left=_left(annotator, project, Use.QUALIFICATION, wanted=tests - done.qualification),
        qualification=qualified,
        done_count=done.work,
        quota=member.quota if member else None,
    )
    return Standing(step_of(facts), facts, member)


def _left(annotator: Annotator, project: Project, use: Use, *, wanted: int) -> int:
    """What is wanted, as far as there are comparisons for it; one that is reserved is not done."""
    if wanted <= 0:
        return 0
    held = Assignment.objects.filter(annotator=annotator, project=project, state=State.RESERVED, purpose=use.value)
    seen = Assignment.objects.filter(comparison=OuterRef("pk"), annotator=annotator, state__in=assignments.SEEN)
    unseen = Comparison.objects.filter(project=project, use=use, key__is_retired=False).filter(~Exists(seen))
    return min(wanted, held.count() + unseen.count())
