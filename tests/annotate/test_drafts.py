"""Drafts through the URL: what is kept, for whom, for how long; and what is refused."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from annotate import assignments, drafts, rankings
from annotate.answers import Answer
from annotate.models import Assignment, Draft


@pytest.fixture
def place(project, comparisons, ana):
    """Ana's reservation."""
    return assignments.reserve_next(ana, project)


@pytest.fixture
def as_ana(client, ana):
    client.force_login(ana.user)
    return client


def url_of(place):
    return reverse("draft", args=[place.pk])


def expire(place):
    Assignment.objects.filter(pk=place.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assignments.release_expired()


def test_what_stands_in_the_form_is_kept_field_by_field(as_ana, place):
    response = as_ana.post(url_of(place), {"rank-A": "2", "flags-A": ["sexual", "violent"], "reason": "ß 河 🙂"})

    draft = Draft.objects.get(assignment=place)
    assert draft.content == {"rank-A": ["2"], "flags-A": ["sexual", "violent"], "reason": ["ß 河 🙂"]}
    assert response.json() == {"saved_at": draft.saved_at.isoformat()}


def test_the_forms_token_is_not_kept(as_ana, place):
    as_ana.post(url_of(place), {"csrfmiddlewaretoken": "TOKEN", "reason": "x"})

    assert Draft.objects.get().content == {"reason": ["x"]}


def test_a_second_draft_replaces_the_first(as_ana, place):
    as_ana.post(url_of(place), {"reason": "first"})
    as_ana.post(url_of(place), {"reason": "second"})

    assert Draft.objects.get().content == {"reason": ["second"]}


def test_the_page_brings_the_draft_back_quoted(as_ana, place):
    as_ana.post(url_of(place), {"reason": '"><script>alert(1)</script>'})

    html = as_ana.get(reverse("rank", args=[place.pk])).content.decode()

    assert "&quot;reason&quot;: [&quot;\\&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;]" in html
    assert "<script>alert(1)" not in html


def test_a_refused_form_is_not_overlaid_by_a_draft(as_ana, place):
    as_ana.post(url_of(place), {"reason": "older"})

    html = as_ana.post(reverse("rank", args=[place.pk]), {"reason": "newer"}).content.decode()

    assert "newer" in html
    assert "data-saved-at" not in html


def test_a_draft_outlives_its_reservation(as_ana, ana, project, place):
    as_ana.post(url_of(place), {"reason": "half an answer"})
    Assignment.objects.filter(state="open").exclude(comparison=place.comparison).delete()
    expire(place)

    again = assignments.reserve_next(ana, project)

    assert again.comparison_id == place.comparison_id
    assert drafts.of(again).content == {"reason": ["half an answer"]}


def test_a_draft_is_forgotten_with_the_submission_that_stores_the_answer(as_ana, place):
    as_ana.post(url_of(place), {"reason": "x"})

    rankings.submit(place, Answer([place.order]), submission=uuid4())

    assert not Draft.objects.exists()


def test_a_draft_that_comes_after_the_submission_is_refused(as_ana, place):
    rankings.submit(place, Answer([place.order]), submission=uuid4())

    response = as_ana.post(url_of(place), {"reason": "late"})

    assert response.status_code == 409
    assert response.json() == {"error": "This comparison is not reserved for you any more."}
    assert not Draft.objects.exists()


def test_the_draft_of_another_does_not_exist(client, ben, place):
    client.force_login(ben.user)

    assert client.post(url_of(place), {"reason": "x"}).status_code == 404
    assert not Draft.objects.exists()


def test_nobody_meets_anothers_draft(as_ana, ben, project, place):
    as_ana.post(url_of(place), {"reason": "ANAS-DRAFT"})

    assert drafts.of(assignments.reserve_next(ben, project)) is None


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"reason": "x" * 600_000}, 413, "at most 512 kB"),
        ({"reason": "a\x00b"}, 400, "NUL"),
        ({}, 400, "empty"),
    ],
    ids=["long", "nul", "empty"],
)
def test_a_draft_that_cannot_be_kept_is_refused_in_words(as_ana, place, sent, status, words):
    response = as_ana.post(url_of(place), sent)

    assert response.status_code == status
    assert words in response.json()["error"]
    assert not Draft.objects.exists()


def test_a_body_of_megabytes_is_refused(as_ana, place):
    assert as_ana.post(url_of(place), {"reason": "x" * 3_000_000}).status_code in (400, 413)
    assert not Draft.objects.exists()


def test_half_a_character_is_replaced(as_ana, place):
    as_ana.post(url_of(place), "reason=%ED%A0%80!", content_type="application/x-www-form-urlencoded")

    assert Draft.objects.get().content["reason"][0].endswith("!")


def test_a_link_cannot_save(as_ana, place):
    assert as_ana.get(url_of(place)).status_code == 405


def test_a_form_that_looks_like_a_lie_about_its_text_is_kept_as_text(as_ana, place):
    as_ana.post(url_of(place), {"reason": "\\u0000"})

    assert Draft.objects.get().content == {"reason": ["\\u0000"]}
