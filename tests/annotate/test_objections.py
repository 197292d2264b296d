"""Contesting a known order, reporting a bad comparison, and the staff's answers."""

from uuid import uuid4

import pytest
from django.urls import reverse

from annotate import assignments, memberships, objections, projects, rankings
from annotate.answers import Answer
from annotate.models import Assignment, Comparison, GoldKey, Membership, Objection, Use


@pytest.fixture
def as_ana(client, ana):
    client.force_login(ana.user)
    return client


@pytest.fixture
def place(project, comparisons, ana):
    """Ana's reservation of a comparison of work."""
    return assignments.reserve_next(ana, project)


@pytest.fixture
def failed(project, comparisons, ana):
    """Ana's place in a qualification of one comparison, which she ranked backwards."""
    comparison = comparisons[0]
    comparison.assignments.all().delete()
    Comparison.objects.filter(pk=comparison.pk).update(use="qualification")
    known = sorted(comparison.completions.values_list("pk", flat=True))
    GoldKey.objects.create(comparison=comparison, tiers=[[pk] for pk in known], reason="So it is.")
    projects.change_onboarding(
        project, is_open=True, training_count=0, qualification_count=1, qualification_pass_rate=0.75
    )
    place = assignments.reserve_known(ana, project, Use.QUALIFICATION)
    rankings.submit(place, Answer([[pk] for pk in known[::-1]]), submission=uuid4())
    memberships.end_qualification(ana, project)
    return Assignment.objects.get(pk=place.pk)


def answered(client, objection, **said):
    sent = {"verdict": "accept", "text": "You are right."} | said
    return client.post(
        reverse("objection_answer", args=[objection.pk]), {f"o{objection.pk}-{k}": v for k, v in sent.items()}
    )


def test_a_bad_comparison_is_reported_from_the_rank_page_and_stays_reserved(as_ana, place):
    page = as_ana.get(reverse("rank", args=[place.pk])).content.decode()
    response = as_ana.post(reverse("report", args=[place.pk]), {"text": "Completion B is cut off."})

    stored = Objection.objects.get()
    assert reverse("report", args=[place.pk]) in page
    assert (stored.kind, stored.text, stored.state) == ("bad_item", "Completion B is cut off.", "open")
    assert response.url == reverse("rank", args=[place.pk])
    assert Assignment.objects.get(pk=place.pk).state == "reserved"


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001, "a\x00b"])
def test_a_report_that_says_nothing_or_too_much_is_refused(as_ana, place, text):
    response = as_ana.post(reverse("report", args=[place.pk]), {"text": text})

    assert response.status_code == 422
    assert not Objection.objects.exists()


def test_the_same_report_twice_waits_once(as_ana, place):
    as_ana.post(reverse("report", args=[place.pk]), {"text": "Broken."})

    response = as_ana.post(reverse("report", args=[place.pk]), {"text": "Broken, I said."})

    assert response.status_code == 409
    assert "the staff have not answered yet" in response.content.decode()
    assert "Broken, I said." in response.content.decode()
    assert Objection.objects.count() == 1


def test_nobody_reports_on_anothers_place(client, ben, place):
    client.force_login(ben.user)

    assert client.post(reverse("report", args=[place.pk]), {"text": "Broken."}).status_code == 404


def test_hidden_gold_cannot_be_contested(place):
    GoldKey.objects.create(comparison=place.comparison, tiers=[place.order])
    Assignment.objects.filter(pk=place.pk).update(purpose="gold", slot=None, state="submitted")
    place.refresh_from_db()

    with pytest.raises(objections.NotShown):
        objections.raise_objection(place, kind="contest", text="No.")


def test_a_report_on_hidden_gold_looks_like_any_other(as_ana, place):
    before = as_ana.get(reverse("report", args=[place.pk])).content.decode()
    GoldKey.objects.create(comparison=place.comparison, tiers=[place.order])
    Assignment.objects.filter(pk=place.pk).update(purpose="gold", slot=None, state="submitted")

    after = as_ana.get(reverse("report", args=[place.pk])).content.decode()

    assert "Report a problem with this comparison" in before
    assert "Report a problem with this comparison" in after


def test_a_known_order_that_was_shown_is_contested(as_ana, failed):
    page = as_ana.get(reverse("feedback", args=[failed.pk])).content.decode()
    response = as_ana.post(reverse("report", args=[failed.pk]), {"text": "D is better."})

    assert reverse("report", args=[failed.pk]) in page
    assert Objection.objects.get().kind == "contest"
    assert response.url == reverse("feedback", args=[failed.pk])


def test_an_accepted_contest_retires_the_key_and_judges_anew(client, failed, ana, project, rex):
    objection = objections.raise_objection(failed, kind="contest", text="D is better.")
    client.force_login(rex)

    answered(client, objection, retires_key="on")

    objection.refresh_from_db()
    assert (objection.state, objection.answer, objection.answered_by) == ("accepted", "You are right.", rex)
    assert GoldKey.objects.get().is_retired
    assert Membership.objects.get(annotator=ana).qualification == "unknown"


@pytest.mark.parametrize("said", [{}, {"verdict": "reject", "retires_key": "on"}])
def test_the_key_stays_unless_the_contest_is_accepted_with_that_word(client, failed, ana, rex, said):
    objection = objections.raise_objection(failed, kind="contest", text="D is better.")
    client.force_login(rex)

    answered(client, objection, **said)

    assert not GoldKey.objects.get().is_retired
    assert Membership.objects.get(annotator=ana).qualification == "fail"


def test_the_annotator_reads_the_answer(client, failed, ana, rex):
    objection = objections.raise_objection(failed, kind="contest", text="D is better.")
    client.force_login(rex)
    answered(client, objection, text="We <checked> it.")
    client.force_login(ana.user)

    pages = [
        client.get(url).content.decode()
        for url in (reverse("my_objections"), reverse("home"), reverse("feedback", args=[failed.pk]))
    ]

    assert [page.count("We &lt;checked&gt; it.") for page in pages] == [1, 1, 1]
    assert [page.count("rex") for page in pages] == [0, 0, 0]


def test_nobody_reads_anothers_reports(client, place, ben):
    objections.raise_objection(place, kind="bad_item", text="ANAS-WORDS")
    client.force_login(ben.user)

    assert "ANAS-WORDS" not in client.get(reverse("my_objections")).content.decode()


def test_an_answer_needs_a_verdict_and_words(client, place, rex):
    objection = objections.raise_objection(place, kind="bad_item", text="Broken.")
    client.force_login(rex)

    response = answered(client, objection, verdict="", text="")

    assert response.status_code == 422
    assert "Accept it or reject it." in response.content.decode()
    assert Objection.objects.get().state == "open"


def test_the_second_answer_changes_nothing(client, place, rex):
    objection = objections.raise_objection(place, kind="bad_item", text="Broken.")
    client.force_login(rex)
    answered(client, objection)

    response = client.post(
        reverse("objection_answer", args=[objection.pk]),
        {f"o{objection.pk}-verdict": "reject", f"o{objection.pk}-text": "No."},
        follow=True,
    )

    assert "someone else has answered it already" in response.content.decode()
    assert Objection.objects.get().answer == "You are right."


def test_the_staff_read_in_their_own_letters_what_the_annotators_letters_mean(client, place, rex):
    Assignment.objects.filter(pk=place.pk).update(order=sorted(place.order, reverse=True))
    place.refresh_from_db()
    objections.raise_objection(place, kind="bad_item", text="B is <cut> off.")
    client.force_login(rex)

    html = client.get(reverse("objections", args=[place.project.slug])).content.decode()

    assert "B is &lt;cut&gt; off." in html
    assert "Their A is our D, B is our C, C is our B, D is our A." in html


def test_the_list_asks_a_fixed_number_of_times(client, project, comparisons, ana, rex, django_assert_max_num_queries):
    for n in range(6):
        place = assignments.reserve_next(ana, project)
        place = place or Assignment.objects.filter(annotator=ana).first()
        made = objections.raise_objection(place, kind="bad_item", text=f"Broken {n}.")
        objections.answer(made, is_accepted=False, text="No.", by=rex)
    client.force_login(rex)

    with django_assert_max_num_queries(9):
        client.get(reverse("objections", args=[project.slug]))
