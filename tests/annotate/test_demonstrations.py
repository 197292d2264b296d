"""Writing the ideal output to a prompt: by the page, stored, changed, refused, and read by training."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from annotate import assignments, demonstrations, gold, intake, jsonlines, memberships, preferences, rankings
from annotate.answers import Answer, BadAnswer
from annotate.assignments.handing import Asking
from annotate.assignments.hidden import reserve_gold, reserve_repeat
from annotate.models import Assignment, Comparison, Demonstration, GoldKey, Project, Ranking, Task, Use
from tests.annotate.asking import RIVERS, fill, project_of


@pytest.fixture
def project(db):
    return project_of(Task.DEMONSTRATION, slug="write")


@pytest.fixture
def place(project, write_lines, ana):
    """Ana's place on a prompt with one completion."""
    fill(project, write_lines, count=1)
    return assignments.reserve_next(ana, project)


@pytest.fixture
def as_ana(client, ana):
    client.force_login(ana.user)
    return client


def url_of(place):
    return reverse("rank", args=[place.pk])


def sent(text, **more):
    return {"submission": str(uuid4()), "text": text, **more}


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_a_prompt_without_completions_is_written_for(as_ana, project, write_lines, ana):
    fill(project, write_lines, count=0)
    place = assignments.reserve_next(ana, project)

    page = as_ana.get(url_of(place)).content.decode()
    response = as_ana.post(url_of(place), sent("The Rhine\r\nand the Nile.\r\n"))

    written = Demonstration.objects.get()
    assert "Write the ideal output" in page
    assert (written.text, written.author, written.edited_from) == ("The Rhine\nand the Nile.", ana, None)
    assert said(response) == ["Saved: 5 words, 23 characters"]


def test_a_written_text_is_what_training_reads(as_ana, place, project):
    as_ana.post(url_of(place), sent("The Rhine and the Nile."))

    (found,) = preferences.demonstrations(project)
    assert (found.text, found.prompt) == ("The Rhine and the Nile.", place.comparison.prompt)


def test_what_somebody_in_quarantine_wrote_is_read_by_nobody(as_ana, place, project, ana, rex):
    as_ana.post(url_of(place), sent("Buy a silver lantern."))
    member = memberships.admit(ana, project)

    memberships.quarantine(member, message="Wait.", reason="An advertisement.", by=rex)

    assert list(preferences.demonstrations(project)) == []
    memberships.release(member, by=rex)
    assert len(list(preferences.demonstrations(project))) == 1


def test_a_completion_is_edited_into_the_ideal_output(as_ana, place):
    (completion,) = place.order

    page = as_ana.get(url_of(place), {"from": "A"})
    as_ana.post(url_of(place), sent("The Rhine and the Nile are rivers.", edited_from="A"))

    assert page.context["form"]["text"].value() == RIVERS[0]
    assert Demonstration.objects.get().edited_from_id == completion


def test_sending_the_same_text_twice_is_harmless(as_ana, place):
    fields = sent("The Rhine.")
    first = as_ana.post(url_of(place), fields)

    second = as_ana.post(url_of(place), fields)

    assert (first.status_code, second.status_code) == (302, 302)
    assert Demonstration.objects.count() == 1


def test_a_submission_number_cannot_be_used_for_another_text(as_ana, place):
    fields = sent("The Rhine.")
    as_ana.post(url_of(place), fields)

    response = as_ana.post(url_of(place), fields | {"text": "The Nile."})

    assert response.status_code == 409
    assert "The Nile." in response.content.decode()
    assert Demonstration.objects.get().text == "The Rhine."


def test_within_the_grace_time_a_text_is_changed_and_the_old_one_stays_on_record(as_ana, place, project):
    as_ana.post(url_of(place), sent("The Rhine."))
    page = as_ana.get(url_of(place))

    as_ana.post(url_of(place), sent("The Rhine and the Nile."))

    assert page.context["form"]["text"].value() == "The Rhine."
    assert [one.text for one in preferences.demonstrations(project)] == ["The Rhine and the Nile."]
    assert Demonstration.objects.count() == 2


def test_after_the_grace_time_it_stays_and_what_was_sent_is_shown(as_ana, place):
    as_ana.post(url_of(place), sent("The Rhine."))
    Assignment.objects.filter(pk=place.pk).update(closed_at=timezone.now() - timedelta(hours=1))

    response = as_ana.post(url_of(place), sent("The Nile, too late."))

    assert response.status_code == 409
    assert "The Nile, too late." in response.content.decode()
    assert Demonstration.objects.get().text == "The Rhine."
    assert "You wrote this one" in as_ana.get(url_of(place)).content.decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Write the ideal output."),
        (" \n ", "Write the ideal output."),
        ("x" * 100_001, "at most 100000 characters"),
        ("nul\x00", "Null characters"),
    ],
    ids=["nothing", "blank", "long", "nul"],
)
def test_a_text_that_cannot_be_stored_is_refused(as_ana, place, text, words):
    response = as_ana.post(url_of(place), sent(text))

    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Demonstration.objects.exists()


@pytest.mark.parametrize("edited_from", ["B", "1", "NaN", "-1", "A\x00"])
def test_a_completion_of_another_prompt_was_not_the_beginning(as_ana, place, edited_from):
    response = as_ana.post(url_of(place), sent("The Rhine.", edited_from=edited_from))

    assert response.status_code == 422
    assert "It was begun from a completion of another prompt." in response.content.decode()


@pytest.mark.parametrize("begin_from", ["B", "x", ""])
def test_beginning_from_what_is_not_there_begins_with_nothing(as_ana, place, begin_from):
    page = as_ana.get(url_of(place), {"from": begin_from})

    assert page.context["form"]["text"].value() is None


def test_the_time_of_the_work_is_stored_and_a_change_adds_to_it(as_ana, place):
    began = timezone.now() - timedelta(minutes=5)
    Assignment.objects.filter(pk=place.pk).update(reserved_at=began)
    as_ana.post(url_of(place), sent("The Rhine.", active_seconds="41.5"))
    Demonstration.objects.update(created_at=began)

    as_ana.post(url_of(place), sent("The Rhine and the Nile.", active_seconds="8"))

    assert list(Demonstration.objects.order_by("pk").values_list("active_seconds", flat=True)) == [41.5, 49.5]


@pytest.mark.parametrize("claimed", ["1e9", "nan", "-5", "", "soon"])
def test_no_time_is_longer_than_the_clocks(as_ana, place, claimed):
    as_ana.post(url_of(place), sent("The Rhine.", active_seconds=claimed))

    stored = Demonstration.objects.get().active_seconds
    assert stored is None or stored < 60


@pytest.mark.parametrize("field", ["training_count", "qualification_count"])
def test_no_training_and_no_qualification_are_set_up(client, lee, project, field):
    client.force_login(lee)
    fields = {"is_open": "on", "training_count": 0, "qualification_count": 0, "qualification_pass_rate": 0.75}

    response = client.post(reverse("onboarding", args=[project.slug]), fields | {field: 2})

    assert response.status_code == 422
    assert "has no known orders" in response.content.decode()


@pytest.mark.parametrize("field", ["gold_rate", "repeat_rate"])
def test_no_gold_and_no_repeats_are_set_up(client, lee, project, field):
    client.force_login(lee)
    fields = {"name": "Write", "overlap": 2, "lease_seconds": 600, "reason": "optional", "overlap_policy": "fixed"}
    fields |= {"overlap_cap": 5, "fixed_rate": 0.15, "gold_rate": 0, "repeat_rate": 0, "grace_seconds": 300}

    response = client.post(reverse("project_settings", args=[project.slug]), fields | {field: 0.1})

    assert response.status_code == 422
    assert "has no known orders" in str(response.context["form"].errors[field])
    project.refresh_from_db()
    assert getattr(project, field) == 0


def test_the_database_itself_refuses_gold(project):
    with pytest.raises(IntegrityError), transaction.atomic():
        Project.objects.filter(pk=project.pk).update(gold_rate=0.1)


def test_a_comparison_with_a_known_order_is_not_imported(project, write_lines):
    line = {"prompt": "Name two.", "completions": ["a", "b"], "use": "gold", "key": [["a"], ["b"]]}

    with pytest.raises(jsonlines.IntakeError, match="use: a project of ideal outputs has no known orders"):
        intake.import_file(write_lines(line), kind="comparisons", project=project)


def test_no_known_order_is_given_to_a_prompt(project, write_lines):
    comparison = fill(project, write_lines, count=2)
    tiers = [[pk] for pk in comparison.completions.values_list("pk", flat=True)]

    with pytest.raises(BadAnswer, match="no known orders"):
        gold.set_key(comparison, tiers, reason="", by=None)


def test_a_known_order_that_is_there_all_the_same_is_never_handed_out(project, write_lines, ana):
    comparison = fill(project, write_lines, count=2)
    comparison.assignments.all().delete()
    Comparison.objects.update(use=Use.GOLD)
    GoldKey.objects.create(comparison=comparison, tiers=[[1], [2]])
    asking = Asking(ana, project, None, timezone.now())

    assert (reserve_gold(asking), reserve_repeat(asking)) == (None, None)
    assert assignments.reserve_known(ana, project, Use.TRAINING) is None


def test_the_pages_speak_of_writing_and_not_of_ranking(as_ana, place, project):
    page = as_ana.get(url_of(place)).content.decode()
    home = as_ana.get(reverse("home")).content.decode()
    as_ana.post(url_of(place), sent("The Rhine."))
    done = as_ana.get(reverse("rank_next", args=[project.slug])).content.decode()

    said_on_them = [re.sub(r"<script.*?</script>|<[^>]*>", " ", html, flags=re.DOTALL) for html in (page, home, done)]
    assert "Write the ideal output to a prompt" in said_on_them[1]
    assert "you wrote 1" in said_on_them[2]
    assert [re.findall(r"\w*[Rr]ank\w*|in order|comparisons?", words) for words in said_on_them] == [[], [], []]


def test_another_persons_place_cannot_be_written_on(client, place, ben):
    client.force_login(ben.user)

    assert client.post(url_of(place), sent("Mine.")).status_code == 404
    assert not Demonstration.objects.exists()


def test_a_skip_without_a_reason_is_refused_on_the_same_page(as_ana, place):
    response = as_ana.post(reverse("skip", args=[place.pk]), {})

    assert response.status_code == 422
    assert "Choose a reason." in response.content.decode()
    assert "Write the ideal output" in response.content.decode()


def test_what_is_written_already_cannot_be_skipped(as_ana, place):
    as_ana.post(url_of(place), sent("The Rhine."))

    response = as_ana.post(reverse("skip", args=[place.pk]), {"why": "other", "words": "no"})

    assert response.status_code == 409


@pytest.mark.parametrize("text", ["a\ud800b", "a\x00b"], ids=["surrogate", "nul"])
def test_the_writer_itself_refuses_what_no_database_can_hold(place, text):
    with pytest.raises(BadAnswer, match="cannot be stored"):
        demonstrations.submit(place, text, submission=uuid4())


def test_a_project_for_ideal_outputs_takes_no_ranking(place):
    with pytest.raises(BadAnswer, match="not for an order"):
        rankings.submit(place, Answer([place.order]), submission=uuid4())

    assert not Ranking.objects.exists()


def test_a_project_for_rankings_takes_no_text(ana, write_lines):
    project = project_of(slug="order")
    fill(project, write_lines, count=2)

    with pytest.raises(BadAnswer, match="not for the ideal output"):
        demonstrations.submit(assignments.reserve_next(ana, project), "The Rhine.", submission=uuid4())


@pytest.mark.parametrize(
    ("task", "count", "words"),
    [
        (Task.RANKING, 0, "needs 2 to 9 completions in a ranking project, got 0."),
        (Task.PAIRWISE, 3, "needs 2 completions in a pairwise project, got 3."),
    ],
)
def test_a_comparison_that_a_projects_task_cannot_take_is_not_imported(db, write_lines, task, count, words):
    project = project_of(task, slug="other")

    with pytest.raises(intake.IntakeError) as refusal:
        fill(project, write_lines, count=count)

    assert words in str(refusal.value.errors[0])
