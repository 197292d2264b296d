"""Every published bad input of files, records and votes, through the import page and the API: refused by place and
field with what was expected, nothing stored, nothing answered with 500."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotate import tokens
from annotate.models import Prompt, Ranking
from tests.security.bad_files import AGAIN, FILES, PAIR, VOTE, VOTES
from tests.security.bad_records import RECORDS, Bad, place, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def upload(client, lee, project):
    """Send a file through the import page as an admin and return what the page says of its first fault."""
    client.force_login(lee)

    def send(content, *, name, kind="comparisons"):
        file = SimpleUploadedFile(name, content)
        response = client.post("/staff/projects/rivers/import/", {"kind": kind, "file": file})
        assert response.status_code in (302, 422)
        refusal = response.context and response.context.get("refusal")
        return str(refusal.errors[0]) if refusal else "taken"

    return send


@pytest.fixture
def api(client, lee, project):
    """Send a body to the API as an admin and return the first error, written as those of files are."""
    headers = {"Authorization": f"Bearer {tokens.create(lee, label='test', days=1)}"}

    def send(body):
        path = "/api/v1/projects/rivers/comparisons/"
        response = client.post(path, body, content_type="application/json", headers=headers)
        assert response.status_code in (201, 400)
        return "taken" if response.status_code == 201 else _in_words(response.json()["errors"][0])

    return send


def _in_words(error):
    """The strict parser names the path from the body's top, intake the row's index."""
    where = error["field"].replace("comparisons[1]", "x.api:1: ").replace(": .", ": ")
    found = f"x.api:{error['index']}: {error['field']}" if "index" in error else where
    return f"{found}: {error['message']}".replace(": : ", ": ")


@pytest.mark.security
@pytest.mark.parametrize("bad", RECORDS, ids=lambda bad: bad.name)
def test_a_bad_record_is_refused_at_every_door_by_place_and_field(upload, api, bad: Bad):
    said = {
        door: api(written(bad.change, door)) if door == "api" else upload(written(bad.change, door), name=f"x.{door}")
        for door in bad.doors
    }

    assert {door: words for door, words in said.items() if not _names(words, bad, door)} == {}
    assert not Prompt.objects.exists()


def _names(words, bad, door):
    at = f"x.{door}:{place(door)}: {bad.field}"
    return bad.said in words and (words.startswith(at) or bad.case == "B17" and "nested" in words)


@pytest.mark.parametrize(("case", "name", "content", "said"), FILES, ids=[f"{f[0]} {f[1]} {f[3][:40]}" for f in FILES])
def test_a_bad_file_is_refused_by_place(upload, case, name, content, said):
    words = upload(content, name=name)

    assert words.startswith(said)
    assert not Prompt.objects.exists()


@pytest.mark.parametrize(("case", "change", "said"), VOTES, ids=[f"{v[0]} {v[2][:50]}" for v in VOTES])
def test_a_bad_vote_is_refused_by_line_and_field(upload, case, change, said):
    upload(json.dumps(PAIR | {"id": "c1"}).encode(), name="c.jsonl")

    words = upload(f"{json.dumps(AGAIN)}\n{json.dumps(VOTE | change)}".encode(), name="v.jsonl", kind="rankings")

    assert words.startswith("v.jsonl:2: ")
    assert said in words
    assert not Ranking.objects.exists()


def test_the_published_cases_of_files_are_all_here_or_named_elsewhere(shared):
    """Elsewhere: B05, B28, B29 (taken as they are), B40 (training), B13, B14, B31, B43 (the doors themselves)."""
    published = json.loads((shared / "references" / "bad_inputs.json").read_text())
    of_files = {case["id"] for case in published if case["category"] in ("file", "json", "content", "semantic")}

    here = {one[0] for one in [*FILES, *VOTES]} | {bad.case for bad in RECORDS}
    assert of_files - here == {"B05", "B13", "B14", "B28", "B29", "B31", "B40", "B43"}


def test_there_are_two_hundred_cases_and_more():
    assert len(FILES) + len(VOTES) + sum(len(bad.doors) for bad in RECORDS) >= 400
