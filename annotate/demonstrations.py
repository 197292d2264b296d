"""The ideal outputs to prompts, written by people: the only writer of Demonstration.

Submitting the same UUID twice is harmless. A text that its author changes stays on record beside the new one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate import answers, assignments, drafts
from annotate.answers import BadAnswer
from annotate.models import Assignment, Demonstration, Prompt, Task
from annotate.rankings import SubmissionConflict, TooLate

MAX_TEXT_CHARS = 100_000


def submit(
    assignment: Assignment,
    text: str,
    *,
    edited_from: int | None = None,
    submission: UUID,
    active_seconds: float | None = None,
    now: datetime | None = None,
) -> Demonstration:
    """Store an annotator's ideal output and close their place.

    Raises answers.BadAnswer, SubmissionConflict, or assignments.NotReserved where the place has gone to someone else.
    """
    _check(assignment, text, edited_from)
    if known := _known(submission):
        return _same_or_conflict(known, assignment, text)
    now = now or timezone.now()
    try:
        with transaction.atomic():
            place = assignments.take_for_submission(assignment)
            seconds = (now - place.reserved_at).total_seconds() if place.reserved_at else None
            drafts.forget(place)
            return _create(place, text, edited_from, submission, seconds=seconds, active_seconds=active_seconds)
    except (IntegrityError, assignments.NotReserved):  # the same request came twice at once
        if known := _known(submission):
            return _same_or_conflict(known, assignment, text)
        raise


def revise(
    demonstration: Demonstration,
    text: str,
    *,
    edited_from: int | None = None,
    submission: UUID,
    more_active_seconds: float | None = None,
    now: datetime | None = None,
) -> Demonstration:
    """Replace an author's current text by another, with the work on it added; the old one stays on record.

    Raises answers.BadAnswer, SubmissionConflict or TooLate.
    """
    assignment = demonstration.assignment
    _check(assignment, text, edited_from)
    if known := _known(submission):
        return _same_or_conflict(known, assignment, text)
    now = now or timezone.now()
    if not may_revise(demonstration, now=now):
        raise TooLate
    with transaction.atomic():
        current = Demonstration.objects.filter(pk=demonstration.pk, superseded_at__isnull=True)
        if current.update(superseded_at=now) != 1:
            raise SubmissionConflict(_("This text has been changed since. Load the page again."))
        active = round((demonstration.active_seconds or 0.0) + (more_active_seconds or 0.0), 1) or None
        seconds = demonstration.seconds
        return _create(assignment, text, edited_from, submission, seconds=seconds, active_seconds=active)


def current(assignment: Assignment) -> Demonstration | None:
    """Return what the annotator has written for the comparison, if anything."""
    mine = Demonstration.objects.filter(author=assignment.annotator_id, superseded_at__isnull=True)
    here = {"assignment__comparison": assignment.comparison_id, "assignment__repeat_of": assignment.repeat_of_id}
    found = mine.filter(**here)
    return found.select_related("assignment__project").order_by("-pk").first()


def may_revise(demonstration: Demonstration, *, now: datetime | None = None) -> bool:
    """Say whether its author may still change a text: within the project's grace time after submitting it."""
    closed_at, grace = demonstration.assignment.closed_at, demonstration.assignment.project.grace_seconds
    return bool(closed_at) and (now or timezone.now()) <= closed_at + timedelta(seconds=grace)


def store_imported(texts: Mapping[Prompt, str]) -> None:
    """Store demonstrations made elsewhere, one a prompt; one that a prompt has already with the same text is left."""
    there = Demonstration.objects.filter(prompt__in=[prompt.pk for prompt in texts], superseded_at__isnull=True)
    known = set(there.values_list("prompt_id", "text"))
    Demonstration.objects.bulk_create(
        Demonstration(prompt=prompt, text=text) for prompt, text in texts.items() if (prompt.pk, text) not in known
    )


def _check(assignment: Assignment, text: str, edited_from: int | None) -> None:
    if assignment.project.task != Task.DEMONSTRATION:
        raise BadAnswer("text", _("This project asks for an order, not for the ideal output."))
    if not text.strip():
        raise BadAnswer("text", _("Write the ideal output."))
    if len(text) > MAX_TEXT_CHARS:
        raise BadAnswer(
            "text",
            _("The text has {count:,} characters; at most {most:,}.").format(count=len(text), most=MAX_TEXT_CHARS),
        )
    answers.check_text("text", text)
    if edited_from is not None and not assignment.comparison.completions.filter(pk=edited_from).exists():
        raise BadAnswer("edited_from", _("It was begun from a completion of another prompt."))


def _known(submission: UUID) -> Demonstration | None:
    return Demonstration.objects.select_related("assignment").filter(submission=submission).first()


def _create(
    place: Assignment,
    text: str,
    edited_from: int | None,
    submission: UUID,
    *,
    seconds: float | None,
    active_seconds: float | None,
) -> Demonstration:
    return Demonstration.objects.create(
        prompt_id=place.comparison.prompt_id,
        text=text,
        author_id=place.annotator_id,
        assignment=place,
        edited_from_id=edited_from,
        submission=submission,
        seconds=seconds,
        active_seconds=active_seconds,
    )


def _same_or_conflict(known: Demonstration, assignment: Assignment, text: str) -> Demonstration:
    is_mine = known.author_id == assignment.annotator_id and known.assignment.comparison_id == assignment.comparison_id
    if is_mine and known.text == text:
        return known
    raise SubmissionConflict(_("This submission was already used for another text. Load the page again."))
