"""The places of comparisons: how many there are, in which order they are handed out, and what their holders see."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import connection, transaction
from django.db.models import F, OuterRef, Subquery

from annotate.assignments.handing import NotReserved
from annotate.models import Annotator, Assignment, Comparison, Project, Prompt, Use

State = Assignment.State
BATCH = 1000
MAX_OVERLAP = 50
PRIORITY_STEP = 2**31
"""A position is the comparison's id, moved forward by this for each step of priority."""
OPEN_PLACES = f"""
INSERT INTO annotate_assignment
    (project_id, comparison_id, purpose, slot, position, cohort, state, "order", skip_reason)
WITH RECURSIVE slots(slot) AS (SELECT 0 UNION ALL SELECT slot + 1 FROM slots WHERE slot < {MAX_OVERLAP - 1})
SELECT project_id, id, 'work', slot, id - CAST(priority AS BIGINT) * {PRIORITY_STEP}, cohort, 'open', '[]', ''
FROM annotate_comparison JOIN slots ON slot < overlap
WHERE "use" = 'work' AND id IN ({{marks}}) ORDER BY id, slot
"""  # noqa: S608  numbers of ours
"""Made in the database: an import of 100,000 comparisons opens 300,000 places, which are no business of Python's."""


def open_places(comparisons: Iterable[Comparison]) -> None:
    """Make the open places of new comparisons: `overlap` numbered slots each. Only work has places."""
    ids = [comparison.pk for comparison in comparisons]
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(OPEN_PLACES.format(marks=", ".join(["%s"] * len(ids))), ids)


def open_one_more(comparison: Comparison) -> bool:
    """Ask for one more vote on a comparison: raise its overlap by one and open that place.

    False where somebody else has just done so, it has 50 places, it is not work, or its prompt is withdrawn.
    """
    with transaction.atomic():
        kept = Comparison.objects.filter(use=Use.WORK, prompt__withdrawn_at__isnull=True)
        as_it_was = kept.filter(pk=comparison.pk, overlap=comparison.overlap)
        if as_it_was.filter(overlap__lt=MAX_OVERLAP).update(overlap=F("overlap") + 1) != 1:
            return False
        _place(comparison, comparison.overlap).save(force_insert=True)
    comparison.overlap += 1
    return True


def open_more(comparison: Comparison, count: int) -> int:
    """Ask for more votes on a comparison of work, up to 50 in all; return how many places were opened."""
    comparison.refresh_from_db(fields=["overlap", "use"])
    return sum(open_one_more(comparison) for _ in range(count))


def retract_places(comparison: Comparison, *, use: str) -> None:
    """Give a comparison another use than work: its open places go; who holds one may still submit it.

    Call it inside the transaction that stores the known order.
    """
    with transaction.atomic():
        _lock_open_places([comparison.pk])
        lock_comparison(comparison.pk)
        Comparison.objects.filter(pk=comparison.pk).update(use=use)
        Assignment.objects.filter(comparison=comparison, state=State.OPEN).delete()
    comparison.use = use


def close_places(prompt: Prompt) -> None:
    """Hand the comparisons of a prompt out no more; who holds one may still submit it. Call it in a transaction."""
    ids = list(prompt.comparisons.order_by("pk").values_list("pk", flat=True))
    _lock_open_places(ids)
    Assignment.objects.filter(comparison__in=ids, state=State.OPEN).delete()


def restore_places(prompt: Prompt) -> None:
    """Open again the places of a prompt's comparisons that nobody has or had. Call it in a transaction."""
    for pk in prompt.comparisons.filter(use=Use.WORK).order_by("pk").values_list("pk", flat=True):
        comparison = lock_comparison(pk)
        held = set(comparison.assignments.filter(slot__isnull=False).values_list("slot", flat=True))
        Assignment.objects.bulk_create(
            _place(comparison, slot) for slot in range(comparison.overlap) if slot not in held
        )


def lock_comparison(pk: int) -> Comparison:
    """Return a comparison that nobody else changes until the transaction ends.

    Always in this order, or transactions wait for each other in a ring: open places, a reservation, its comparison.
    Rows that refer to the comparison hold a KEY SHARE lock on it, hence NO KEY.
    """
    return Comparison.objects.select_for_update(no_key=True).get(pk=pk)


def reopen(place: Assignment, comparison: Comparison) -> None:
    """Open the slot of a place that was closed; the caller has locked the comparison."""
    if comparison.use == Use.WORK and comparison.prompt.withdrawn_at is None:
        _place(comparison, place.slot).save(force_insert=True)


def reprioritise(project: Project, priorities: Mapping[int, int]) -> None:
    """Set the priority of comparisons by id, higher first: by what is learned from them, say where a model is unsure.

    Raises ValueError, and then nothing is changed, where an id is not of this project.
    """
    found = Comparison.objects.filter(project=project).in_bulk(list(priorities))
    if unknown := set(priorities) - set(found):
        raise ValueError(f"comparison {min(unknown)} is not in project {project.slug}. No priority was changed.")
    for comparison in found.values():
        comparison.priority = priorities[comparison.pk]
    ids = iter(sorted(found))
    with transaction.atomic():
        while batch := list(islice(ids, BATCH)):
            _lock_open_places(batch)
            Comparison.objects.bulk_update([found[pk] for pk in batch], ["priority"])
            _move_open_places(batch)


def presentation_order(completion_ids: Sequence[int], *, comparison_id: int, slot: int) -> list[int]:
    """Return the order in which a slot's holder sees the completions.

    A comparison's slots are the rows of a cyclic Latin square over one random order: over any K slots in a row, each of
    K completions stands once at each position, so position bias cancels to first order.

    >>> [presentation_order([7, 8], comparison_id=1, slot=s)[0] for s in range(2)] in ([7, 8], [8, 7])
    True
    """
    shuffled = sorted(completion_ids)
    random.Random(f"presentation {comparison_id}").shuffle(shuffled)  # noqa: S311  reproducible, not secret
    turn = slot % len(shuffled) if shuffled else 0
    return shuffled[turn:] + shuffled[:turn]


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


def _place(comparison: Comparison, slot: int) -> Assignment:
    where = {"position": _position(comparison), "cohort": comparison.cohort}
    return Assignment(project_id=comparison.project_id, comparison=comparison, slot=slot, **where)


def _lock_open_places(comparison_ids: Sequence[int]) -> None:
    places = Assignment.objects.filter(comparison__in=comparison_ids, state=State.OPEN)
    list(places.select_for_update().order_by("pk").values_list("pk"))


def _position(comparison: Comparison) -> int:
    return comparison.pk - comparison.priority * PRIORITY_STEP


def _move_open_places(comparison_ids: Sequence[int]) -> None:
    priority = Subquery(Comparison.objects.filter(pk=OuterRef("comparison")).values("priority"))
    places = Assignment.objects.filter(comparison__in=comparison_ids, state=State.OPEN)
    places.update(position=F("comparison_id") - priority * PRIORITY_STEP)


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
