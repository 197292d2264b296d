"""Submitting, revising, ruling."""

from uuid import uuid4

import pytest

from annotate import assignments, rankings
from annotate.answers import Answer, BadAnswer
from annotate.models import Adjudication, Ranking


@pytest.fixture
def place(project, comparisons, ana):
    return assignments.reserve_next(ana, project)


def test_a_ranking_is_stored_by_completion_id(place):
    a, b, c, d = place.order

    ranking = rankings.submit(place, Answer([[c], [a, d], [b]]), submission=uuid4())

    assert ranking.tiers == [[c], [a, d], [b]]
    assert ranking.seconds >= 0


def test_sending_the_same_submission_again_is_harmless(place):
    tiers, submission = [place.order], uuid4()
    first = rankings.submit(place, Answer(tiers), submission=submission)

    again = rankings.submit(place, Answer(tiers), submission=submission)

    assert again.pk == first.pk
    assert Ranking.objects.count() == 1


def test_sending_it_again_after_reading_on_is_harmless(place):
    submission, tiers = uuid4(), [[pk] for pk in place.order]
    first = rankings.submit(place, Answer(tiers, read=(place.order[0],)), submission=submission)

    again = rankings.submit(place, Answer(tiers, read=tuple(sorted(place.order))), submission=submission)

    assert again.pk == first.pk
    assert again.details["read"] == [place.order[0]]


def test_a_submission_id_cannot_be_used_for_something_else(place):
    submission = uuid4()
    rankings.submit(place, Answer([place.order]), submission=submission)

    with pytest.raises(rankings.SubmissionConflict):
        rankings.submit(place, Answer([[pk] for pk in place.order]), submission=submission)


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        (lambda o: [o[:3]], "1 of 4 completions are not ranked"),
        (lambda o: [o, [o[0]]], "ranked twice"),
        (lambda o: [o, []], "tier is empty"),
        (lambda o: [[*o, 10**9]], "another comparison"),
    ],
)
def test_tiers_that_are_not_an_order_of_the_completions_are_refused(place, tiers, said):
    with pytest.raises(BadAnswer, match=said):
        rankings.submit(place, Answer(tiers(place.order)), submission=uuid4())

    assert not Ranking.objects.exists()


def test_a_revision_replaces_the_ranking_and_keeps_the_old_one(place):
    first = rankings.submit(place, Answer([place.order]), submission=uuid4())

    second = rankings.revise(first, Answer([[pk] for pk in place.order]), submission=uuid4())

    assert second.revision == 2
    assert list(Ranking.objects.filter(superseded_at__isnull=True)) == [second]


def test_a_ranking_that_was_revised_meanwhile_is_not_revised_again(place):
    first = rankings.submit(place, Answer([place.order]), submission=uuid4())
    rankings.revise(first, Answer([[pk] for pk in place.order]), submission=uuid4())

    with pytest.raises(rankings.SubmissionConflict):
        rankings.revise(first, Answer([place.order]), submission=uuid4())


def test_a_new_ruling_supersedes_the_old_one(comparisons, rex):
    ids = list(comparisons[0].completions.values_list("pk", flat=True))
    rankings.adjudicate(comparisons[0], reviewer=rex, tiers=[ids], reason="all the same")

    rankings.adjudicate(comparisons[0], reviewer=rex, tiers=[[pk] for pk in ids], reason="read again")

    assert [a.reason for a in Adjudication.objects.filter(superseded_at__isnull=True)] == ["read again"]
    assert Adjudication.objects.count() == 2
