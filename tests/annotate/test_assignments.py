"""Which comparison next: overlap, leases, skips, and the order on the page."""

from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotate import assignments, people, rankings
from annotate.answers import Answer
from annotate.models import Assignment


def tiers_of(assignment):
    return [[pk] for pk in assignment.order]


def submit(assignment, **kwargs):
    return rankings.submit(assignment, Answer(tiers_of(assignment)), submission=uuid4(), **kwargs)


def test_a_comparison_has_as_many_places_as_its_overlap(comparisons):
    places = Assignment.objects.filter(comparison=comparisons[0])

    assert sorted(places.values_list("slot", "state")) == [(0, "open"), (1, "open")]


def test_the_same_reservation_is_returned_until_it_is_closed(project, comparisons, ana):
    first = assignments.reserve_next(ana, project)

    assert assignments.reserve_next(ana, project).pk == first.pk


def test_an_annotator_walks_through_every_comparison_once(project, comparisons, ana):
    seen = []
    while place := assignments.reserve_next(ana, project):
        seen.append(place.comparison_id)
        submit(place)

    assert seen == [comparison.pk for comparison in comparisons]


def test_places_beyond_the_overlap_do_not_exist(project, comparisons, ana, ben, cy):
    for annotator in (ana, ben):
        while place := assignments.reserve_next(annotator, project):
            submit(place)

    assert assignments.reserve_next(cy, project) is None
    assert Assignment.objects.filter(state="submitted").count() == 6


def test_the_database_refuses_a_second_place_for_the_same_annotator(project, comparisons, ana):
    place = assignments.reserve_next(ana, project)
    other = Assignment.objects.filter(comparison=place.comparison_id, state="open")

    with pytest.raises(IntegrityError), transaction.atomic():
        other.update(state="submitted", annotator=ana)


def test_an_expired_slot_is_offered_to_the_next_annotator(project, comparisons, ana, ben, cy):
    now = timezone.now()
    late = assignments.reserve_next(ana, project, now=now)
    assignments.reserve_next(ben, project, now=now)

    given = assignments.reserve_next(cy, project, now=now + timedelta(hours=1))

    assert (given.comparison_id, given.slot) == (late.comparison_id, late.slot)
    assert Assignment.objects.get(pk=late.pk).state == "expired"


def test_an_expired_reservation_is_honoured_while_its_comparison_has_a_free_place(project, comparisons, ana):
    place = assignments.reserve_next(ana, project)
    assignments.release_expired(now=timezone.now() + timedelta(hours=1))

    submit(place)

    place.refresh_from_db()
    assert (place.state, place.slot) == ("submitted", 0)
    assert Assignment.objects.filter(comparison=place.comparison_id, state="open").count() == 1


def test_an_expired_reservation_is_refused_once_others_have_filled_the_places(project, comparisons, ana, ben, cy):
    place = assignments.reserve_next(ana, project)
    assignments.release_expired(now=timezone.now() + timedelta(hours=1))
    for annotator in (ben, cy):
        submit(assignments.reserve_next(annotator, project))

    with pytest.raises(assignments.NotReserved):
        submit(place)


def test_skipping_frees_the_slot_for_others_and_not_for_oneself(project, comparisons, ana, ben):
    place = assignments.reserve_next(ana, project)

    assignments.skip(place, reason="I do not read Portuguese")

    assert assignments.reserve_next(ana, project).comparison_id != place.comparison_id
    assert assignments.reserve_next(ben, project).comparison_id == place.comparison_id


def test_a_submitted_place_cannot_be_skipped(project, comparisons, ana):
    place = assignments.reserve_next(ana, project)
    submit(place)

    with pytest.raises(assignments.NotReserved):
        assignments.skip(place, reason="changed my mind")


def test_a_paused_annotator_gets_no_work(project, comparisons, ana):
    people.set_paused(ana, is_paused=True)
    ana.refresh_from_db()

    assert assignments.reserve_next(ana, project) is None


def test_each_completion_is_shown_first_equally_often_over_the_slots():
    orders = [assignments.presentation_order([1, 2, 3, 4], comparison_id=9, slot=slot) for slot in range(4)]

    by_position = [Counter(order[position] for order in orders) for position in range(4)]

    assert by_position == [Counter([1, 2, 3, 4])] * 4


def test_progress_counts_what_is_done_and_what_is_left(project, comparisons, ana):
    submit(assignments.reserve_next(ana, project))

    assert assignments.progress(ana, project) == assignments.Progress(submitted_count=1, available_count=2)
