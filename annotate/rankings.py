"""Submit, revise, adjudicate: the only writer of Ranking and Adjudication.

A ranking names completions by id, never by their place on the page. Submitting the same UUID twice is harmless; the
same UUID with other content is refused.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotate import assignments
from annotate.models import Adjudication, Assignment, Comparison, Ranking

Tiers = list[list[int]]


class BadTiers(ValueError):
    """Tiers that are not an order of exactly the comparison's completions; the message says why."""


class SubmissionConflict(Exception):
    """The submission's UUID was used before, for something else."""


def submit(
    assignment: Assignment, *, tiers: Tiers, submission: UUID, reason: str = "", now: datetime | None = None
) -> Ranking:
    """Store an annotator's ranking and close their place.

    Raises BadTiers, SubmissionConflict, or assignments.NotReserved where the place has gone to someone else.
    """
    check_tiers(tiers, completion_ids=_completion_ids(assignment.comparison_id))
    if known := Ranking.objects.filter(submission=submission).first():
        return _same_or_conflict(known, assignment, tiers)
    now = now or timezone.now()
    try:
        with transaction.atomic():
            place = assignments.take_for_submission(assignment)
            return Ranking.objects.create(
                assignment=place,
                comparison_id=place.comparison_id,
                annotator_id=place.annotator_id,
                submission=submission,
                tiers=tiers,
                reason=reason,
                seconds=(now - place.reserved_at).total_seconds() if place.reserved_at else None,
                submitted_at=now,
            )
    except (IntegrityError, assignments.NotReserved):  # the same request came twice at once
        if known := Ranking.objects.filter(submission=submission).first():
            return _same_or_conflict(known, assignment, tiers)
        raise


def revise(ranking: Ranking, *, tiers: Tiers, submission: UUID, reason: str = "") -> Ranking:
    """Replace an annotator's current ranking by a new revision; the old one stays on record."""
    check_tiers(tiers, completion_ids=_completion_ids(ranking.comparison_id))
    if known := Ranking.objects.filter(submission=submission).first():
        return _same_or_conflict(known, ranking.assignment, tiers)
    now = timezone.now()
    with transaction.atomic():
        current = Ranking.objects.filter(pk=ranking.pk, superseded_at__isnull=True)
        if current.update(superseded_at=now) != 1:
            raise SubmissionConflict("This ranking has been revised since. Load the page again.")
        return Ranking.objects.create(
            assignment_id=ranking.assignment_id,
            comparison_id=ranking.comparison_id,
            annotator_id=ranking.annotator_id,
            submission=submission,
            revision=ranking.revision + 1,
            tiers=tiers,
            reason=reason,
            seconds=ranking.seconds,
            submitted_at=now,
        )


def adjudicate(comparison: Comparison, *, reviewer: User, tiers: Tiers, reason: str) -> Adjudication:
    """Record the staff ruling on a comparison; an earlier ruling stays on record."""
    check_tiers(tiers, completion_ids=_completion_ids(comparison.pk))
    with transaction.atomic():
        Comparison.objects.select_for_update().get(pk=comparison.pk)  # two reviewers rule one after the other
        comparison.adjudications.filter(superseded_at__isnull=True).update(superseded_at=timezone.now())
        return Adjudication.objects.create(comparison=comparison, reviewer=reviewer, tiers=tiers, reason=reason)


def store_imported(rankings: Iterable[Ranking]) -> None:
    """Store rankings made elsewhere; their assignments are saved already and their tiers checked by check_tiers."""
    Ranking.objects.bulk_create(rankings, batch_size=1000)


def check_tiers(tiers: Sequence[Sequence[int]], *, completion_ids: set[int]) -> None:
    """Raise BadTiers unless the tiers hold each of the completions exactly once and no tier is empty."""
    ranked = [completion for tier in tiers for completion in tier]
    if any(not tier for tier in tiers):
        raise BadTiers("A tier is empty. Leave out ranks that no completion has.")
    if len(ranked) != len(set(ranked)):
        raise BadTiers("A completion is ranked twice.")
    if set(ranked) - completion_ids:
        raise BadTiers("The ranking names a completion of another comparison.")
    if missing := completion_ids - set(ranked):
        raise BadTiers(f"{len(missing)} of {len(completion_ids)} completions are not ranked yet. Give each a rank.")


def _completion_ids(comparison_id: int) -> set[int]:
    return set(Comparison(pk=comparison_id).completions.values_list("pk", flat=True))


def _same_or_conflict(known: Ranking, assignment: Assignment, tiers: Tiers) -> Ranking:
    is_same = known.annotator_id == assignment.annotator_id and known.comparison_id == assignment.comparison_id
    if is_same and known.tiers == tiers:
        return known
    raise SubmissionConflict("This submission was already used for another ranking. Load the page again.")
