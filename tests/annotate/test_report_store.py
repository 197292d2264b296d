"""Reports are kept as they were made last, made once at a time, and say how old they are."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from annotate import assignments, rankings, report_store
from annotate.answers import Answer
from annotate.models import Report


@pytest.fixture
def submit(project, comparisons):
    def one(annotator):
        place = assignments.reserve_next(annotator, project)
        return rankings.submit(place, Answer([[pk] for pk in place.order]), submission=uuid4())

    return one


def build(project, parameters):
    return {"alpha": 0.4, "seed": parameters.get("seed")}


def test_a_report_nobody_asked_for_is_not_there(project):
    assert report_store.latest(project, kind="consistency") is None
    assert not report_store.is_stale(project, kind="consistency")  # nothing to report on


def test_a_report_says_what_it_saw_and_what_came_since(project, submit, ana, ben):
    first = submit(ana)
    report_store.make(project, kind="consistency", build=build, parameters={"seed": 20})

    rankings.revise(first, Answer([[pk] for pk in first.assignment.order[::-1]]), submission=uuid4())
    submit(ben)

    stored = report_store.latest(project, kind="consistency", parameters={"seed": 20})
    assert stored.content == {"alpha": 0.4, "seed": 20}
    assert (stored.ranking_count, stored.rankings_since) == (1, 2)
    assert not stored.is_current
    assert report_store.is_stale(project, kind="consistency", parameters={"seed": 20})


def test_other_parameters_are_another_report(project, submit, ana):
    submit(ana)
    report_store.make(project, kind="consistency", build=build, parameters={"seed": 1, "without": 17})

    assert report_store.latest(project, kind="consistency", parameters={"seed": 2}) is None
    assert report_store.latest(project, kind="consistency", parameters={"without": 17, "seed": 1}).is_current


def test_two_who_make_a_report_at_once_make_it_once(project, submit, ana):
    submit(ana)
    made = []

    def build_while_another_asks(project, parameters):
        made.append(report_store.make(project, kind="consistency", build=build))
        return {"first": True}

    assert report_store.make(project, kind="consistency", build=build_while_another_asks)
    assert made == [False]
    assert report_store.latest(project, kind="consistency").content == {"first": True}


def test_a_maker_that_was_killed_is_forgotten(project, submit, ana):
    submit(ana)
    report_store.make(project, kind="consistency", build=build)
    Report.objects.update(claimed_at=timezone.now() - timedelta(seconds=report_store.CLAIM_SECONDS + 1))

    assert not report_store.latest(project, kind="consistency").is_being_made
    assert report_store.make(project, kind="consistency", build=build)


def test_a_report_that_fails_says_why_and_leaves_the_one_before(project, submit, ana):
    submit(ana)
    report_store.make(project, kind="consistency", build=build)

    def fail(project, parameters):
        raise ValueError("no vote has an order")

    with pytest.raises(ValueError, match="no vote"):
        report_store.make(project, kind="consistency", build=fail)

    stored = report_store.latest(project, kind="consistency")
    assert stored.content == {"alpha": 0.4, "seed": None}
    assert stored.failure == "ValueError: no vote has an order"
    assert not stored.is_being_made


def test_a_content_with_nan_is_refused(project, submit, ana):
    submit(ana)

    with pytest.raises(ValueError, match="JSON"):
        report_store.make(project, kind="consistency", build=lambda project, parameters: {"alpha": float("nan")})

    assert report_store.latest(project, kind="consistency").content is None
