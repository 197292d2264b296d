"""Objections of annotators and the staff's answers: the only writer of Objection.

A known order can be contested only where the annotator was shown it (annotate.feedback), and pay only where it was
withheld (annotate.crowd.ledger); any comparison that they hold or held can be reported.
"""

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotate import events, feedback, gold, memberships, presentation, verdicts
from annotate.crowd import ledger
from annotate.models import Annotator, Assignment, Objection, Project

Kind = Objection.Kind
State = Objection.State


class NotShown(Exception):
    """The annotator was not shown a known order here, so there is none to contest."""


class NotWithheld(Exception):
    """The annotator's submission is paid, so there is nothing to dispute."""


class AlreadyOpen(Exception):
    """The annotator has said this already, and the staff have not answered yet."""


class AlreadyAnswered(Exception):
    """Someone else has answered this objection."""


def raise_objection(assignment: Assignment, *, kind: Kind, text: str) -> Objection:
    """Record what an annotator objects to on a comparison of theirs. Raises NotShown, NotWithheld or AlreadyOpen."""
    if kind == Kind.CONTEST and not feedback.is_shown(assignment):
        raise NotShown
    if kind == Kind.PAY and not ledger.is_withheld(assignment):
        raise NotWithheld
    try:
        with transaction.atomic():
            raised = Objection.objects.create(
                assignment=assignment,
                comparison_id=assignment.comparison_id,
                annotator_id=assignment.annotator_id,
                kind=kind,
                text=text,
            )
            events.objection_opened(raised)
            return raised
    except IntegrityError:
        raise AlreadyOpen from None


def answer(objection: Objection, *, is_accepted: bool, text: str, by: User, retires_key: bool = False) -> int:
    """Record the staff's answer; accepting a contest may retire the key, and those who failed by it are judged anew.

    Accepting a dispute pays the submission, with the answer as the reason. Returns how many passed who had failed by a
    retired key. Raises AlreadyAnswered.
    """
    with transaction.atomic():
        state = State.ACCEPTED if is_accepted else State.REJECTED
        is_open = Objection.objects.filter(pk=objection.pk, state=State.OPEN)
        if is_open.update(state=state, answer=text, answered_by=by, answered_at=timezone.now()) != 1:
            raise AlreadyAnswered
        if is_accepted and objection.kind == Kind.PAY and ledger.is_withheld(objection.assignment):
            ledger.decide(objection.assignment, is_paid=True, reason=text, by=by)
        if not (is_accepted and retires_key and objection.kind == Kind.CONTEST):
            return 0
        gold.retire(objection.comparison.key)
        return memberships.judge_again(objection.comparison)


def of(annotator: Annotator) -> QuerySet[Objection]:
    """Return an annotator's own objections, newest first."""
    return annotator.objections.select_related("comparison__project", "comparison__prompt").order_by("-pk")


def in_project(project: Project) -> QuerySet[Objection]:
    """Return a project's objections with what they are about."""
    found = Objection.objects.filter(comparison__project=project)
    return found.select_related("annotator", "comparison__prompt", "comparison__key", "assignment", "answered_by")


def their_letters(objection: Objection) -> str:
    """Say how the letters in an annotator's words read on staff pages; empty where they are the same.

    Each annotator sees the completions in an order of their own.
    """
    theirs, ours = presentation.labels(objection.assignment), verdicts.labels_of(objection.assignment.order)
    if theirs == ours:
        return ""
    return "Their " + ", ".join(f"{label} is our {ours[pk]}" for pk, label in theirs.items()) + "."


def open_count(project: Project) -> int:
    """Count the objections of a project that wait for an answer."""
    return Objection.objects.filter(comparison__project=project, state=State.OPEN).count()
