"""Submit, revise, adjudicate: the only writer of Ranking and Adjudication.

A ranking names completions by id, never by their place on the page. Submitting the same UUID twice is harmless; the
same UUID with other content is refused.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate import adaptive, answers, assignments, audit, drafts, events, questions, statistics
from annotate.answers import Answer, Tiers
from annotate.models import Adjudication, Annotator, Assignment, Comparison, Ranking

LAST_RANKED = """
SELECT place.*, project.grace_seconds AS grace_seconds FROM annotate_ranking said
JOIN annotate_assignment place ON place.id = said.assignment_id
JOIN annotate_project project ON project.id = place.project_id
WHERE said.annotator_id = %s AND said.superseded_at IS NULL ORDER BY said.submitted_at DESC LIMIT 1
"""


class SubmissionConflict(Exception):
    """The submission's UUID was used before, for something else."""


class TooLate(Exception):
    """The time in which a submitted ranking may be changed is over."""


def submit(assignment: Assignment, answer: Answer, *, submission: UUID, now: datetime | None = None) -> Ranking:
    """Store an annotator's answer and close their place.

    Raises answers.BadAnswer, SubmissionConflict, or assignments.NotReserved where the place has gone to someone else.
    """
    _check(assignment, answer)
    now = now or timezone.now()
    try:
        with transaction.atomic():
            place = assignments.take_for_submission(assignment)
            wall = (now - place.reserved_at).total_seconds() if place.reserved_at else None
            drafts.forget(place)
            ranking = _create(place, answer, submission=submission, revision=1, seconds=wall, now=now)
            adaptive.after_submission(place)  # before what is told: it may ask for one more vote
            events.ranking_submitted(ranking)
            _recount(place)
            return ranking
    except (IntegrityError, assignments.NotReserved):  # perhaps because the same submission is there already
        if known := Ranking.objects.filter(submission=submission).first():
            return _same_or_conflict(known, assignment, answer)
        raise


def may_revise(ranking: Ranking, *, now: datetime | None = None) -> bool:
    """Say whether the annotator may still change a ranking: within the project's grace time after submitting it.

    Training items are answered with their reason at once, so there is nothing to change.
    """
    return _is_in_grace(ranking.assignment, ranking.assignment.project.grace_seconds, now=now)


def last_changeable(annotator: Annotator, *, now: datetime | None = None) -> Assignment | None:
    """Return where the annotator submitted last, while they may change what they said there."""
    last = next(iter(Assignment.objects.raw(LAST_RANKED, [annotator.pk])), None)
    return last if last and _is_in_grace(last, last.grace_seconds, now=now) else None


def revise(ranking: Ranking, answer: Answer, *, submission: UUID, now: datetime | None = None) -> Ranking:
    """Replace an annotator's current ranking by a new revision; the old one stays on record.

    Raises answers.BadAnswer, SubmissionConflict or TooLate.
    """
    _check(ranking.assignment, answer)
    if known := Ranking.objects.filter(submission=submission).first():
        return _same_or_conflict(known, ranking.assignment, answer)
    now = now or timezone.now()
    if not may_revise(ranking, now=now):
        raise TooLate
    with transaction.atomic():
        current = Ranking.objects.filter(pk=ranking.pk, superseded_at__isnull=True)
        if current.update(superseded_at=now) != 1:
            raise SubmissionConflict(_("This ranking has been revised since. Load the page again."))
        revised = _create(
            ranking.assignment,
            answer,
            submission=submission,
            revision=ranking.revision + 1,
            seconds=ranking.seconds,
            now=now,
        )
        events.ranking_submitted(revised)
        _recount(ranking.assignment)
        return revised


def adjudicate(comparison: Comparison, *, reviewer: User, tiers: Tiers, reason: str) -> Adjudication:
    """Record the staff ruling on a comparison; an earlier ruling stays on record. Raises answers.BadAnswer."""
    answers.check_tiers(tiers, completion_ids=set(comparison.completions.values_list("pk", flat=True)))
    with transaction.atomic():
        assignments.lock_comparison(comparison.pk)  # two reviewers rule one after the other
        comparison.adjudications.filter(superseded_at__isnull=True).update(superseded_at=timezone.now())
        ruling = Adjudication.objects.create(comparison=comparison, reviewer=reviewer, tiers=tiers, reason=reason)
        events.ruled(ruling)
        statistics.recount([comparison.pk])
        audit.record(audit.Kind.RULED, f"comparison {comparison.pk}", after={"ruling": ruling.pk, "tiers": tiers})
    return ruling


def store_imported(rankings: Iterable[Ranking]) -> None:
    """Store rankings made elsewhere, revisions in order; their assignments are saved already, their tiers checked.

    They come in batches; after the last, in the same transaction, call `statistics.recount` for all their comparisons.
    """
    made = list(rankings)
    newest: dict[int, Ranking] = {}
    for ranking in made:
        if ranking.assignment_id in newest:
            newest[ranking.assignment_id].superseded_at = ranking.submitted_at
        elif ranking.revision > 1:
            before = Ranking.objects.filter(assignment=ranking.assignment_id, superseded_at__isnull=True)
            before.update(superseded_at=ranking.submitted_at)
        newest[ranking.assignment_id] = ranking
    Ranking.objects.bulk_create(made, batch_size=1000)


def _is_in_grace(place: Assignment, grace_seconds: int, *, now: datetime | None) -> bool:
    if place.purpose == Assignment.Purpose.TRAINING or place.closed_at is None:
        return False
    return (now or timezone.now()) <= place.closed_at + timedelta(seconds=grace_seconds)


def _recount(place: Assignment) -> None:
    """Bring the sums to what counts now; last in the transaction, because it locks what others wait for."""
    if place.purpose == Assignment.Purpose.WORK:
        statistics.recount([place.comparison_id])


def _check(assignment: Assignment, answer: Answer) -> None:
    project = assignment.project
    asked = questions.parse(project.questions)
    lengths = {pk: len(text) for pk, text in assignment.texts.items()}
    answers.check(answer, task=project.task, questions=asked, lengths=lengths)


def _create(
    place: Assignment, answer: Answer, *, submission: UUID, revision: int, seconds: float | None, now: datetime
) -> Ranking:
    return Ranking.objects.create(
        assignment=place,
        comparison_id=place.comparison_id,
        annotator=place.annotator,
        submission=submission,
        revision=revision,
        tiers=answer.tiers,
        strength=answer.strength,
        is_all_bad=answer.is_all_bad,
        unrankable=answer.unrankable,
        details=answer.details,
        reason=answer.reason,
        seconds=seconds,
        active_seconds=answer.active_seconds,
        submitted_at=now,
    )


def _same_or_conflict(known: Ranking, assignment: Assignment, answer: Answer) -> Ranking:
    is_mine = known.annotator_id == assignment.annotator_id and known.comparison_id == assignment.comparison_id
    if is_mine and _said(answers.of(known)) == _said(answer):
        return known
    raise SubmissionConflict(_("This submission was already used for another ranking. Load the page again."))


def _said(answer: Answer) -> tuple[object, ...]:
    """Return what an answer says; what the page measured beside it may differ when it is sent again."""
    details = {name: value for name, value in answer.details.items() if name != "read"}
    return answer.tiers, answer.strength, answer.is_all_bad, answer.unrankable, details
