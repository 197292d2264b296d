"""An annotator changes what they submitted: within the grace time, their own, every version kept."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from annotate import assignments, rankings
from annotate.answers import Answer
from annotate.models import Assignment, Ranking


@pytest.fixture
def place(project, comparisons, ana):
    """Ana's place, ranked A > B > C = D with a reason and 20 seconds of work."""
    place = assignments.reserve_next(ana, project)
    a, b, c, d = place.order
    answer = Answer([[a], [b], sorted([c, d])], reason="A is kind", active_seconds=20.0, read=(a,))
    rankings.submit(place, answer, submission=uuid4())
    return place


@pytest.fixture
def as_ana(client, ana):
    client.force_login(ana.user)
    return client


def url_of(place):
    return reverse("revise", args=[place.pk])


def ranked(place, *ranks, **more):
    fields = {f"rank-{label}": rank for label, rank in zip("ABCD", ranks, strict=True)}
    return {"submission": str(uuid4()), "reason": "", **fields, **more}


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def let_time_pass(place, seconds):
    earlier = timezone.now() - timedelta(seconds=seconds)
    Assignment.objects.filter(pk=place.pk).update(closed_at=earlier)


def test_the_page_shows_what_was_submitted(as_ana, place):
    html = as_ana.get(url_of(place)).content.decode()

    assert "Change your ranking" in html
    assert html.count('<option value="3" selected>3</option>') == 2
    assert "A is kind</textarea>" in html
    assert "Skip this comparison" not in html


def test_a_change_is_stored_beside_the_earlier_version(as_ana, place):
    a, b, c, d = place.order

    response = as_ana.post(url_of(place), ranked(place, 4, 3, 2, 1, reason="no, D is"))

    first, second = Ranking.objects.order_by("revision")
    assert (first.tiers, first.superseded_at is None) == ([[a], [b], sorted([c, d])], False)
    assert (second.tiers, second.reason, second.revision) == ([[d], [c], [b], [a]], "no, D is", 2)
    assert said(response) == ["Changed: D > C > B > A"]


def test_sending_a_change_twice_is_harmless(as_ana, place):
    sent = ranked(place, 4, 3, 2, 1)
    as_ana.post(url_of(place), sent)

    assert as_ana.post(url_of(place), sent).status_code == 302
    assert Ranking.objects.count() == 2


def test_the_work_on_both_versions_counts(as_ana, place):
    a, b, _, _ = place.order
    Ranking.objects.update(submitted_at=timezone.now() - timedelta(seconds=60))

    as_ana.post(url_of(place), ranked(place, 1, 1, 1, 1, active_seconds="12.5", read="B Z 999999"))

    stored = Ranking.objects.get(revision=2)
    assert stored.active_seconds == 32.5
    assert stored.details["read"] == sorted([a, b])


def test_after_the_grace_time_the_page_says_so_and_the_change_is_refused(as_ana, place, project):
    let_time_pass(place, project.grace_seconds + 1)

    shown = as_ana.get(url_of(place))
    refused = as_ana.post(url_of(place), ranked(place, 4, 3, 2, 1))

    assert "It can no longer be changed" in shown.content.decode()
    assert refused.status_code == 409
    assert "Sent just now, not saved" in refused.content.decode()
    assert Ranking.objects.get().revision == 1


def test_a_change_over_another_change_is_refused_and_explained(as_ana, place, monkeypatch):
    """Two tabs: the other one saves between our look at the row and our write."""
    stale = Ranking.objects.select_related("assignment__project").get()
    rankings.revise(stale, Answer([place.order]), submission=uuid4())
    monkeypatch.setattr("annotate.views.revise._current", lambda assignment: stale)

    response = as_ana.post(url_of(place), ranked(place, 4, 3, 2, 1))

    assert response.status_code == 409
    assert "It was changed meanwhile" in response.content.decode()
    assert Ranking.objects.count() == 2


def test_a_change_that_leaves_one_out_is_refused_and_keeps_what_was_chosen(as_ana, place):
    response = as_ana.post(url_of(place), ranked(place, 4, "", 2, 1))

    assert response.status_code == 422
    assert "B is not ranked yet" in response.content.decode()
    assert Ranking.objects.count() == 1


def test_what_was_not_submitted_is_not_changed(as_ana, ana, project, comparisons):
    place = assignments.reserve_next(ana, project)

    assert as_ana.get(url_of(place)).url == reverse("rank", args=[place.pk])
    assert as_ana.post(url_of(place), ranked(place, 1, 2, 3, 4)).status_code == 409
    assert not Ranking.objects.exists()


def test_the_ranking_of_another_does_not_exist(client, ben, place):
    client.force_login(ben.user)

    assert client.get(url_of(place)).status_code == 404
    assert client.post(url_of(place), ranked(place, 4, 3, 2, 1)).status_code == 404


def test_the_next_page_leads_to_the_last_ranking_as_long_as_it_may_be_changed(as_ana, place, project):
    link = f'href="{url_of(place)}" data-change-last'
    following = reverse("rank_next", args=[project.slug])
    assert link in as_ana.get(following, follow=True).content.decode()

    let_time_pass(place, project.grace_seconds + 1)

    assert link not in as_ana.get(following, follow=True).content.decode()


def test_the_page_of_a_ranking_leads_to_its_change(as_ana, place):
    assert url_of(place) in as_ana.get(reverse("rank", args=[place.pk])).content.decode()


def test_a_training_item_is_not_changed_once_its_reason_was_shown(place):
    ranking = Ranking.objects.select_related("assignment__project").get()
    ranking.assignment.purpose = Assignment.Purpose.TRAINING

    assert not rankings.may_revise(ranking)
