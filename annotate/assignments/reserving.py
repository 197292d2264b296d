"""A reservation's life: reserved, then submitted, skipped, or expired; and what is reserved next."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from annotate import policy
from annotate.assignments.handing import SEEN, Asking, NotReserved, OpenPlace, content_of, hand_out
from annotate.assignments.hidden import reserve_gold, reserve_qualification, reserve_repeat, reserve_training
from annotate.assignments.places import lock_comparison, presentation_order, reopen
from annotate.models import Annotator, Assignment, Membership, Project, Ranking, Use

State, Purpose = Assignment.State, Assignment.Purpose
Qualification = Membership.Qualification

COUNTED = (Purpose.WORK, Purpose.GOLD, Purpose.REPEAT)
"""What counts against a quota: annotators cannot tell these apart."""
CLAIM = """
DELETE FROM annotate_assignment WHERE id = (
    SELECT place.id FROM annotate_assignment place
    WHERE place.project_id = %(project)s AND place.state = 'open' AND place.cohort = %(cohort)s {where}
    AND NOT EXISTS (SELECT 1 FROM annotate_assignment seen WHERE seen.comparison_id = place.comparison_id
        AND seen.annotator_id = %(annotator)s AND seen.state IN ('reserved', 'submitted', 'skipped'))
    ORDER BY place.position, place.comparison_id, place.slot LIMIT 1 {lock})
RETURNING comparison_id, slot, position
"""
IN_HEAD = """AND place.id IN (SELECT id FROM annotate_assignment
    WHERE project_id = %(project)s AND state = 'open' AND cohort = %(cohort)s
    ORDER BY position, comparison_id, slot LIMIT 64)"""
"""So many of the first open places are looked at before the look-up goes on after what the annotator had last."""
AFTER = "AND place.position > %(after)s"
HELD_OR_LATE = """
SELECT * FROM annotate_assignment WHERE project_id = %s AND state = 'reserved'
    AND (annotator_id = %s OR expires_at < %s)
"""
GOLD_LOOKED_AT = 40
ATTEMPTS = 3


@dataclass(frozen=True)
class Progress:
    """What an annotator has done in a project, and whether work is left for them."""

    submitted_count: int
    available_count: int


def reserve_next(
    annotator: Annotator, project: Project, *, membership: Membership | None = None, now: datetime | None = None
) -> Assignment | None:
    """Return the annotator's reservation in a project: the one they hold, or the next comparison free for them.

    None where the queue has nothing for them, their quota is used up, the project is inactive, they are paused or did
    not qualify. Who has just read their membership gives it along.
    """
    return _hold_or(_reserve, annotator, project, now, membership)


def reserve_known(
    annotator: Annotator, project: Project, use: Use, *, now: datetime | None = None
) -> Assignment | None:
    """Reserve the next training or qualification item that an annotator has not seen; None where none is left.

    What they hold already comes first, whatever it is.
    """
    reserve = {Use.TRAINING: reserve_training, Use.QUALIFICATION: reserve_qualification}[use]
    return _hold_or(reserve, annotator, project, now)


def release_expired(*, now: datetime | None = None) -> int:
    """Close reservations whose time is over and open their places again; return how many."""
    late = Assignment.objects.filter(state=State.RESERVED, expires_at__lt=now or timezone.now())
    return sum(_close(place, State.EXPIRED) for place in late)


def release(annotator: Annotator, project: Project) -> bool:
    """Take back what an annotator holds in a project, as if its time were over: they have left. Say if there was any.

    What they have entered can still be submitted while the comparison has a free place.
    """
    held = _held(annotator, project)
    return bool(held) and _close(held, State.EXPIRED)


def skip(assignment: Assignment, *, reason: str) -> None:
    """Give a place back with a reason; the annotator will not see the comparison again. Raises NotReserved."""
    if not _close(assignment, State.SKIPPED, reason=reason):
        raise NotReserved


def may_submit(assignment: Assignment) -> bool:
    """Say whether an answer would be taken now: reserved, or run out while the comparison has a free place."""
    if assignment.state != State.EXPIRED:
        return assignment.state == State.RESERVED
    mine = Assignment.objects.filter(comparison=assignment.comparison_id, annotator=assignment.annotator_id)
    if _others_like(assignment, mine).exists():
        return False
    return assignment.purpose != Purpose.WORK or _open_places_of(assignment).exists()


def take_for_submission(assignment: Assignment) -> Assignment:
    """Mark a place submitted and return it; call inside the transaction that stores the answer.

    A reservation that has expired is honoured while the comparison still has a free place. Raises NotReserved.
    """
    held, now = Assignment.objects.filter(pk=assignment.pk, state=State.RESERVED), timezone.now()
    if held.update(state=State.SUBMITTED, closed_at=now) != 1:
        _take_again(assignment, now=now)
    assignment.state, assignment.closed_at = State.SUBMITTED, now
    return assignment


def progress(annotator: Annotator, project: Project) -> Progress:
    """Count what an annotator has submitted and what is open for them in a project."""
    membership = Membership.objects.filter(project=project, annotator=annotator).first()
    asking = Asking(annotator, project, membership, timezone.now())
    free = _open(project).filter(cohort__in=asking.cohorts).filter(~asking.has_seen("comparison"))
    return Progress(
        submitted_count=asking.history.filter(state=State.SUBMITTED).count(),
        available_count=free.values("comparison").distinct().count(),
    )


def _hold_or(
    reserve: Callable[[Asking], Assignment | None],
    annotator: Annotator,
    project: Project,
    now: datetime | None,
    membership: Membership | None = None,
) -> Assignment | None:
    """Return what the annotator holds, or what `reserve` finds for them."""
    now = now or timezone.now()
    if annotator.is_paused or not project.is_active:
        return None
    membership = membership or Membership.objects.filter(project=project, annotator=annotator).first()
    asking = Asking(annotator, project, membership, now)
    if asking.membership and _is_shut_out(asking.membership):
        return None
    if held := _held_after_release(asking):
        return held
    for _ in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return reserve(asking)
        except IntegrityError:  # their other browser tab was faster, and may have submitted already
            if held := _held(annotator, project):
                return held
    return None


def _is_shut_out(membership: Membership) -> bool:
    return membership.is_paused or membership.qualification == Qualification.FAILED


def _held_after_release(asking: Asking) -> Assignment | None:
    """Return what the annotator holds; what anybody has held for too long is opened again on the way."""
    now, held = connection.ops.adapt_datetimefield_value(asking.now), None
    for place in Assignment.objects.raw(HELD_OR_LATE, [asking.project.pk, asking.annotator.pk, now]):
        if place.expires_at < asking.now:
            _close(place, State.EXPIRED)
        else:
            held = place
    return held


def _held(annotator: Annotator, project: Project) -> Assignment | None:
    return Assignment.objects.filter(annotator=annotator, project=project, state=State.RESERVED).first()


def _reserve(asking: Asking) -> Assignment | None:
    """Reserve by chance gold, a repeat, or the next work; what comes before the work is for annotate.turns to say."""
    project, membership = asking.project, asking.membership
    limit = membership and membership.quota
    if limit is None and not (project.gold_rate or project.repeat_rate):
        return _take_work(asking)
    counts = asking.history.aggregate(
        handed=Count("pk"), done=Count("pk", filter=Q(state=State.SUBMITTED, purpose__in=COUNTED))
    )
    if limit is not None and counts["done"] >= limit:
        return None
    standing = policy.Standing(done_count=counts["done"], gold_shares=_gold_shares(asking))
    return _hidden(asking, standing, handed_count=counts["handed"]) or _take_work(asking)


def _gold_shares(asking: Asking) -> tuple[float, ...]:
    """Return the shares (0..1) of the annotator's last answers on gold that are right, oldest first.

    Retired keys do not count; «cannot be ranked» is 0.
    """
    if not asking.project.gold_rate:
        return ()
    said = Ranking.objects.filter(annotator=asking.annotator, superseded_at__isnull=True)
    on_gold = said.filter(
        assignment__project=asking.project, assignment__purpose=Purpose.GOLD, comparison__key__is_retired=False
    )
    found = on_gold.order_by("-pk").values_list("tiers", "comparison__key__tiers")[:GOLD_LOOKED_AT]
    return tuple(policy.agreement(tiers, key) if tiers else 0.0 for tiers, key in reversed(found))


def _hidden(asking: Asking, standing: policy.Standing, *, handed_count: int) -> Assignment | None:
    project = asking.project
    purpose = policy.next_purpose(
        standing,
        gold_base=project.gold_rate,
        repeat_base=project.repeat_rate,
        chance=policy.draw("purpose", project.pk, asking.annotator.pk, handed_count),
    )
    if purpose == Purpose.GOLD:
        return reserve_gold(asking)
    return reserve_repeat(asking) if purpose == Purpose.REPEAT else None


def _take_work(asking: Asking) -> Assignment | None:
    """Take the first place that is free for the annotator, in the order of positions.

    What is their cohort's alone comes before what is everybody's.
    """
    places = (place for cohort in asking.cohorts if (place := _claim(asking, cohort)))
    place = next(places, None)
    return _take(asking, place) if place else None


def _claim(asking: Asking, cohort: str) -> OpenPlace | None:
    """Claim the first place of a cohort's work that is free for the annotator.

    Who works ahead of the others has seen all that stands first. Then the look-up goes on after what they had last,
    and stays short: what they have seen lies behind them. From the start again where nothing is left there.
    """
    if place := _claim_first(asking, IN_HEAD, cohort=cohort):
        return place
    after = _last_position(asking)
    ahead = after is not None and _claim_first(asking, AFTER, cohort=cohort, after=after)
    return ahead or _claim_first(asking, "", cohort=cohort)


def _claim_first(asking: Asking, where: str, **more: int | str) -> OpenPlace | None:
    """Delete the first open place that is free for the annotator and return it: found and taken in one statement.

    Places that somebody is just taking are passed over, and others are kept off: nobody ever waits for one.
    """
    lock = "FOR UPDATE OF place SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    with connection.cursor() as cursor:
        wanted = {"project": asking.project.pk, "annotator": asking.annotator.pk} | more
        cursor.execute(CLAIM.format(where=where, lock=lock), wanted)
        found = cursor.fetchone()
    return OpenPlace(*found) if found else None


def _open(project: Project) -> QuerySet[Assignment]:
    return Assignment.objects.filter(project=project, state=State.OPEN)


def _last_position(asking: Asking) -> int | None:
    work = asking.history.filter(purpose=Purpose.WORK).order_by("-comparison_id")
    return work.values_list("position", flat=True).first()


def _take(asking: Asking, place: OpenPlace) -> Assignment:
    """Make the annotator's reservation of a place that was claimed for them."""
    content = content_of(place.comparison_id, asking.annotator)
    order = content.order or presentation_order(
        content.completion_ids, comparison_id=place.comparison_id, slot=place.slot
    )
    return hand_out(asking, content, comparison_id=place.comparison_id, order=order, purpose=Purpose.WORK, place=place)


def _unlocked(places: QuerySet[Assignment]) -> QuerySet[Assignment]:
    """Pass over places that somebody is just taking, and keep the others off."""
    if connection.features.has_select_for_update_skip_locked:
        return places.select_for_update(skip_locked=True, of=("self",))
    return places


def _take_away(place: Assignment) -> bool:
    """Delete an open place; False where it is gone. Nothing refers to open places, so nothing is looked for."""
    return Assignment.objects.filter(pk=place.pk, state=State.OPEN)._raw_delete(using=connection.alias) == 1


def _open_places_of(assignment: Assignment) -> QuerySet[Assignment]:
    return Assignment.objects.filter(comparison=assignment.comparison_id, state=State.OPEN).order_by("slot")


def _others_like(assignment: Assignment, mine: QuerySet[Assignment]) -> QuerySet[Assignment]:
    """Return the annotator's live rows on the same comparison that this one would double; a repeat doubles none."""
    if assignment.purpose == Purpose.REPEAT:
        return mine.none()
    return mine.filter(state__in=SEEN).exclude(pk=assignment.pk).exclude(purpose=Purpose.REPEAT)


def _take_again(assignment: Assignment, *, now: datetime) -> None:
    """Submit a reservation that ran out, on a free place of its comparison where it needs one."""
    slot = None
    if assignment.purpose == Purpose.WORK:
        place = _unlocked(_open_places_of(assignment)).first()
        if place is None or not _take_away(place):
            raise NotReserved
        slot = place.slot
    expired = Assignment.objects.filter(pk=assignment.pk, state=State.EXPIRED)
    if expired.update(state=State.SUBMITTED, slot=slot, closed_at=now) != 1:
        raise NotReserved
    assignment.slot = slot


def _close(place: Assignment, state: State, *, reason: str = "") -> bool:
    """Close a reservation and open its slot for someone else, in one transaction; False if it was none any more."""
    with transaction.atomic():
        was_reserved = Assignment.objects.filter(pk=place.pk, state=State.RESERVED)
        changes = {"state": state, "slot": None, "closed_at": timezone.now(), "skip_reason": reason}
        if was_reserved.update(**changes) != 1:
            return False
        if place.slot is not None:
            reopen(place, lock_comparison(place.comparison_id))
    return True
