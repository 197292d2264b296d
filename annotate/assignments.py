"""Which comparison next: reserve, release, expire. The only writer of Assignment.

A comparison's places are rows made with it (`open_places`), so nobody can be assigned beyond the overlap: there is no
row to take. Two people cannot take the same row either: it is taken by an UPDATE filtered on the state `open`.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from annotate import projects
from annotate.models import Annotator, Assignment, Comparison, Completion, Project

State = Assignment.State
SEEN = (State.RESERVED, State.SUBMITTED, State.SKIPPED)


class NotReserved(Exception):
    """The place is no longer the annotator's: skipped, submitted already, or expired and taken by others since."""


@dataclass(frozen=True)
class Progress:
    """What an annotator has done in a project, and whether work is left for them."""

    submitted_count: int
    available_count: int


def open_places(comparisons: Iterable[Comparison]) -> None:
    """Make the open places of new comparisons: `overlap` numbered slots each."""
    places = (
        Assignment(project_id=comparison.project_id, comparison=comparison, slot=slot, position=comparison.pk)
        for comparison in comparisons
        for slot in range(comparison.overlap)
    )
    Assignment.objects.bulk_create(places, batch_size=1000)


def presentation_order(completion_ids: Sequence[int], *, comparison_id: int, slot: int) -> list[int]:
    """Return the order in which a slot's holder sees the completions.

    A comparison's slots are the rows of a cyclic Latin square over one random order: over any K slots in a row, each of
    K completions stands once at each position, so position bias cancels to first order.

    >>> [presentation_order([7, 8], comparison_id=1, slot=s)[0] for s in range(2)] in ([7, 8], [8, 7])
    True
    """
    if not completion_ids:  # a demonstration may have none
        return []
    shuffled = sorted(completion_ids)
    random.Random(f"presentation {comparison_id}").shuffle(shuffled)  # noqa: S311  reproducible, not secret
    turn = slot % len(shuffled)
    return shuffled[turn:] + shuffled[:turn]


def reserve_next(annotator: Annotator, project: Project, *, now: datetime | None = None) -> Assignment | None:
    """Return the annotator's reservation in a project: the one they hold, or the next comparison free for them.

    None where the queue has nothing for them, the project is inactive or they are paused.
    """
    now = now or timezone.now()
    if annotator.is_paused or not project.is_active:
        return None
    release_expired(project, now=now)
    try:
        with transaction.atomic():
            return _held(annotator, project) or _take_next(annotator, project, now=now)
    except IntegrityError:  # their other browser tab was faster
        return _held(annotator, project)


def release_expired(project: Project | None = None, *, now: datetime | None = None) -> int:
    """Close reservations whose time is over and open their places again; return how many."""
    late = Assignment.objects.filter(state=State.RESERVED, expires_at__lt=now or timezone.now())
    if project:
        late = late.filter(project=project)
    return sum(_close_if(pk, State.EXPIRED, was=State.RESERVED) for pk in list(late.values_list("pk", flat=True)))


def skip(assignment: Assignment, *, reason: str) -> None:
    """Give a place back with a reason; the annotator will not see the comparison again. Raises NotReserved."""
    if not _close_if(assignment.pk, State.SKIPPED, was=State.RESERVED, reason=reason):
        raise NotReserved


def take_for_submission(assignment: Assignment) -> Assignment:
    """Mark a place submitted and return it; call inside the transaction that stores the ranking.

    A reservation that has expired is honoured while the comparison still has a free place. Raises NotReserved.
    """
    held, now = Assignment.objects.filter(pk=assignment.pk, state=State.RESERVED), timezone.now()
    if held.update(state=State.SUBMITTED, closed_at=now) == 1:
        assignment.state, assignment.closed_at = State.SUBMITTED, now
        return assignment
    return _take_again(assignment)


@dataclass(frozen=True)
class ImportedPlace:
    """Who ranked a comparison elsewhere, what order they saw (empty where unknown), and when."""

    project_id: int
    comparison_id: int
    annotator: Annotator
    order: list[int]
    reserved_at: datetime | None
    submitted_at: datetime


def fill_places(held: Iterable[ImportedPlace]) -> list[Assignment]:
    """Store rankings made elsewhere on the comparisons' open slots and return their assignments, in the order given.

    The open rows are replaced, not updated, a batch at a time. Raises NotReserved where a comparison has no slot left.
    """
    places = list(held)
    open_rows = Assignment.objects.filter(comparison__in={p.comparison_id for p in places}, state=State.OPEN)
    free: dict[int, list[tuple[int, int]]] = {}
    for comparison, slot, pk in open_rows.order_by("-slot").values_list("comparison_id", "slot", "pk"):
        free.setdefault(comparison, []).append((slot, pk))
    taken, filled = [], []
    for place in places:
        if not free.get(place.comparison_id):
            raise NotReserved
        slot, pk = free[place.comparison_id].pop()
        taken.append(pk)
        filled.append(_submitted_elsewhere(place, slot))
    Assignment.objects.filter(pk__in=taken).delete()
    return Assignment.objects.bulk_create(filled)


def progress(annotator: Annotator, project: Project) -> Progress:
    """Count what an annotator has submitted and what is open for them in a project."""
    return Progress(
        submitted_count=Assignment.objects.filter(annotator=annotator, project=project, state=State.SUBMITTED).count(),
        available_count=_free_for(annotator, project).values("comparison").distinct().count(),
    )


def _submitted_elsewhere(place: ImportedPlace, slot: int) -> Assignment:
    return Assignment(
        project_id=place.project_id,
        comparison_id=place.comparison_id,
        slot=slot,
        state=State.SUBMITTED,
        annotator=place.annotator,
        order=place.order,
        reserved_at=place.reserved_at,
        closed_at=place.submitted_at,
    )


def _held(annotator: Annotator, project: Project) -> Assignment | None:
    return Assignment.objects.filter(annotator=annotator, project=project, state=State.RESERVED).first()


def _free_for(annotator: Annotator, project: Project) -> QuerySet[Assignment]:
    seen = Assignment.objects.filter(comparison=OuterRef("comparison"), annotator=annotator, state__in=SEEN)
    return Assignment.objects.filter(project=project, state=State.OPEN).filter(~Exists(seen))


def _take_next(annotator: Annotator, project: Project, *, now: datetime) -> Assignment | None:
    """Take the first free place after the annotator's last comparison, or else from the start.

    Starting after the last one keeps the look-up short: what they have seen lies behind them.
    """
    last = Assignment.objects.filter(annotator=annotator, project=project).order_by("-comparison_id").first()
    free = _free_for(annotator, project).order_by("comparison_id", "slot")
    if connection.features.has_select_for_update_skip_locked:
        free = free.select_for_update(skip_locked=True, of=("self",))
    place = (last and free.filter(comparison_id__gt=last.comparison_id).first()) or free.first()
    return _take(place, annotator, project, now=now) if place else None


def _take(place: Assignment, annotator: Annotator, project: Project, *, now: datetime) -> Assignment | None:
    ids = Completion.objects.filter(comparison_id=place.comparison_id).values_list("pk", flat=True)
    place.state, place.annotator = State.RESERVED, annotator
    place.order = presentation_order(list(ids), comparison_id=place.comparison_id, slot=place.slot)
    place.guideline = projects.current_guidelines(project)
    place.reserved_at, place.expires_at = now, now + timedelta(seconds=project.lease_seconds)
    taken = Assignment.objects.filter(pk=place.pk, state=State.OPEN).update(
        state=place.state,
        annotator=annotator,
        order=place.order,
        guideline=place.guideline,
        reserved_at=place.reserved_at,
        expires_at=place.expires_at,
    )
    return place if taken == 1 else None


def _take_again(assignment: Assignment) -> Assignment:
    """Give an annotator whose reservation ran out a free place on the same comparison, as submitted."""
    current = Assignment.objects.get(pk=assignment.pk)
    if current.state != State.EXPIRED:
        raise NotReserved
    free = Assignment.objects.filter(comparison=current.comparison_id, state=State.OPEN).order_by("slot").first()
    if free is None:
        raise NotReserved
    kept = {
        "order": current.order,
        "guideline": current.guideline_id and current.guideline,
        "reserved_at": current.reserved_at,
    }
    changes = {"state": State.SUBMITTED, "annotator": current.annotator, "closed_at": timezone.now(), **kept}
    if Assignment.objects.filter(pk=free.pk, state=State.OPEN).update(**changes) != 1:
        raise NotReserved
    return Assignment.objects.get(pk=free.pk)


def _close_if(pk: int, state: State, *, was: State, reason: str = "") -> bool:
    """Close a place and open its slot for someone else, in one transaction; False if it was no longer `was`."""
    with transaction.atomic():
        row = Assignment.objects.select_for_update().filter(pk=pk, state=was).first()
        if row is None:
            return False
        row_is_mine = Assignment.objects.filter(pk=pk, state=was)
        if row_is_mine.update(state=state, slot=None, closed_at=timezone.now(), skip_reason=reason) != 1:
            return False
        Assignment.objects.create(
            project_id=row.project_id, comparison_id=row.comparison_id, slot=row.slot, position=row.position
        )
    return True
