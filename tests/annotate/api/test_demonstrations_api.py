"""Ideal outputs and exports by script: the rules of the pages."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from annotate import assignments, demonstrations, exports, memberships, projects
from annotate.models import Assignment, Demonstration, Task
from tests.annotate.asking import fill, project_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def writing(write_lines, ana):
    project = project_of(Task.DEMONSTRATION, slug="write")
    fill(project, write_lines, count=2)
    memberships.acknowledge(ana, projects.current_guidelines(project))
    return project


@pytest.fixture
def ana_script(script, ana):
    return script(ana.user)


@pytest.fixture
def place(ana_script, writing):
    return ana_script.post("work/write/next/").json()


def path_of(place):
    return f"assignments/{place['id']}/demonstrate/"


def body(text, **more):
    return {"submission": str(uuid4()), "text": text, **more}


def test_a_text_is_stored_once_however_often_it_is_sent(ana_script, place, ana):
    sent = body("The Rhine.", edited_from="A")

    first, again = ana_script.post(path_of(place), sent), ana_script.post(path_of(place), sent)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["state"] == "submitted"
    assert first.json()["demonstration"] | sent == first.json()["demonstration"]
    assert Demonstration.objects.get().author == ana


def test_a_submission_used_for_another_text_is_a_conflict(ana_script, place):
    sent = body("The Rhine.")
    ana_script.post(path_of(place), sent)

    other = ana_script.post(path_of(place), sent | {"text": "The Nile."})

    assert other.status_code == 409
    assert Demonstration.objects.get().text == "The Rhine."


def test_a_text_is_changed_within_the_grace_time_and_not_after_it(ana_script, place):
    ana_script.post(path_of(place), body("The Rhine."))

    changed = ana_script.post(path_of(place), body("The Nile."))
    Assignment.objects.update(closed_at=timezone.now() - timedelta(hours=1))
    late = ana_script.post(path_of(place), body("The Po."))

    assert (changed.status_code, late.status_code) == (201, 409)
    assert demonstrations.current(Assignment.objects.get(pk=place["id"])).text == "The Nile."


def test_claimed_time_is_no_longer_than_the_clocks(ana_script, place):
    ana_script.post(path_of(place), body("The Rhine.", active_seconds=86_000))

    assert Demonstration.objects.get().active_seconds < 60


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": " \n"}, "text"),
        ({"text": "x" * 100_001}, "text"),
        ({"text": 7}, "text"),
        ({"submission": "mine"}, "submission"),
        ({"edited_from": "Z"}, "edited_from"),
        ({"edited_from": 1}, "edited_from"),
        ({"active_seconds": -1}, "active_seconds"),
        ({"author": "ben"}, "author"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(ana_script, place, wrong, field):
    refused = ana_script.post(path_of(place), body("The Rhine.") | wrong)

    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert not Demonstration.objects.exists()


def test_a_ranking_project_takes_no_text_and_a_writing_one_no_ranking(ana_script, place, comparisons, project):
    ranked = ana_script.post("work/rivers/next/").json()

    text = ana_script.post(path_of(ranked), body("The Rhine."))
    order = ana_script.post(f"assignments/{place['id']}/submit/", {"submission": str(uuid4()), "tiers": [[1]]})

    assert (text.status_code, order.status_code) == (400, 400)


def test_another_persons_place_does_not_exist(script, ben, place):
    assert script(ben.user).post(path_of(place), body("Mine.")).status_code == 404


def test_staff_list_texts_by_cursor_without_the_account(script, lee, writing, ana, ana_script, place):
    ana_script.post(path_of(place), body("The Rhine."))
    ana_script.post(path_of(place), body("The Nile."))
    admin = script(lee)

    current = admin.get("projects/write/demonstrations/").json()
    first = admin.get("projects/write/demonstrations/", is_current="false", limit=1).json()
    second = admin.get(first["next"].partition("/api/v1/")[2]).json()

    assert [one["text"] for one in current["results"]] == ["The Nile."]
    assert [one["text"] for one in first["results"] + second["results"]] == ["The Rhine.", "The Nile."]
    assert second["next"] is None
    assert current["results"][0]["author"] == ana.pseudonym


def test_an_export_is_the_pages_file_and_its_counts(script, mia, writing, ana_script, place):
    ana_script.post(path_of(place), body("The Rhine."))
    engineer = script(mia)

    listed = engineer.get("projects/write/exports/").json()
    file = engineer.get("projects/write/exports/demonstrations/")
    counted = engineer.get("projects/write/exports/demonstrations/counts/").json()

    assert [one["name"] for one in listed] == list(exports.WHATS)
    assert [json.loads(line)["demonstration"] for line in b"".join(file.streaming_content).splitlines()] == [
        "The Rhine."
    ]
    assert 'filename="write-demonstrations.jsonl"' in file.headers["Content-Disposition"]
    assert (counted["row_count"], counted["is_reconciled"]) == (1, True)


@pytest.mark.parametrize("form", ["csv", "parquet", "hf"])
def test_a_table_is_had_in_every_form(script, mia, comparisons, form):
    file = script(mia).get("projects/rivers/exports/comparisons/", form=form)

    assert file.status_code == 200
    assert b"".join(file.streaming_content)


def test_what_is_no_export_is_404_and_a_form_that_it_lacks_400(script, mia, project):
    engineer = script(mia)

    assert engineer.get("projects/rivers/exports/secrets/").status_code == 404
    refused = engineer.get("projects/rivers/exports/oasst/", form="csv")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "form"


def test_a_writing_place_is_reserved_for_its_annotator_alone(writing, ana, place):
    assert assignments.reserve_next(ana, writing).pk == place["id"]
