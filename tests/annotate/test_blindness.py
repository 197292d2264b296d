"""Work, gold and a repeat cannot be told apart: not by page, JSON, headers or number, and no id of ours goes along."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from annotate import assignments, gold, intake, policy, tokens
from annotate.models import Assignment, Comparison, Completion, Project
from annotate.questions import INSTRUCT_FLAGS, Choice
from tests.annotate.asking import project_of

FAR = 7_000_000
SAID = {"rank-A": "2", "rating-A": "9", "quote-A-0": "not there", "read": "A", "active_seconds": "3"}
"""Half an answer, of which a rating is wrong."""

pytestmark = pytest.mark.django_db


def begin_ids_at(model, first):
    """Let the ids of rows to come be numbers that stand nowhere on a page by chance."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, first])
        else:
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, first])


def everything_received(client, place, headers):
    """Return each thing that the annotator's browser or script receives on a comparison, by what it asked for."""

    def at(name):
        return reverse(name, args=[place.pk])

    got = {
        "page": client.get(at("rank")),
        "draft": client.post(at("draft"), SAID),
        "page with the draft": client.get(at("rank")),
        "refusal": client.post(at("rank"), SAID),
        "skip refused": client.post(at("skip"), {}),
        "report": client.get(at("report")),
        "json": client.get(f"/api/v1/assignments/{place.pk}/", headers=headers),
    }
    said = {f"rank-{label}": n for n, label in enumerate("ABCD", start=1)} | {"quote-A-0": "River"}
    said |= {f"{name}-{label}": "3" for name in ("rating", "aspect-clarity") for label in "ABCD"}
    said |= {"flags-A": ["opinion"], "read": "A B", "submission": str(uuid4())}
    got["saved"] = client.post(at("rank"), said, headers={"Outbox": "1"})
    got["change"] = client.get(at("revise"))
    got["what is stored"] = client.get(at("rank"))
    got["stored json"] = client.get(f"/api/v1/assignments/{place.pk}/", headers=headers)
    return {name: told(response) for name, response in got.items()}


def told(response):
    """Return status, headers and body as one text."""
    return "\n".join([str(response.status_code), *map(": ".join, response.items()), response.content.decode()])


def plain(text):
    """Return what was received without what differs from any comparison to the next: numbers, tokens, rivers."""
    tokens = r'value="\w{64}"|(?:data-key="|saved )[0-9a-f]{20}|[0-9a-f]+(?:-[0-9a-f]+){4}|ID: [0-9a-f]{16}'
    return re.sub(rf"{tokens}|\d+|River [a-d]", "#", text)


@pytest.fixture
def received(write_lines, client, ana, monkeypatch):
    """What Ana receives on work, on gold and on a repeat, by purpose; something is ranked before, which may change."""
    begin_ids_at(Comparison, FAR)
    begin_ids_at(Completion, FAR)
    clarity = (Choice("clarity", "Clarity", "Clarity"),)
    project = project_of(ratings=True, flags=INSTRUCT_FLAGS, aspects=clarity, spans=True)
    lines = [{"id": f"c{n}", "prompt": "Rivers?", "completions": [f"River {x}" for x in "abcd"]} for n in range(4)]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project)
    keyed = project.comparisons.first()
    gold.set_key(keyed, [[pk] for pk in keyed.completions.values_list("pk", flat=True)], reason="", by=None)
    Project.objects.update(gold_rate=0.5, repeat_rate=0.5)
    project.refresh_from_db()
    client.force_login(ana.user)
    headers = {"Authorization": f"Bearer {tokens.create(ana.user, label='t', days=1)}"}

    def hand_out(chance):
        monkeypatch.setattr(policy, "draw", lambda *seed: chance)
        return assignments.reserve_next(ana, project)

    everything_received(client, hand_out(0.99), headers)
    places = [hand_out(0.99)]
    found = {places[0].purpose: everything_received(client, places[0], headers)}
    places += [hand_out(0.0)]
    found |= {places[1].purpose: everything_received(client, places[1], headers)}
    Assignment.objects.filter(annotator=ana).update(closed_at=timezone.now() - timedelta(days=2))
    Project.objects.update(grace_seconds=3 * 86_400)
    places += [hand_out(0.99)]
    return found | {places[2].purpose: everything_received(client, places[2], headers)}


def test_work_gold_and_a_repeat_are_alike_in_everything_that_is_received(received):
    told = {purpose: {name: plain(text) for name, text in got.items()} for purpose, got in received.items()}

    assert set(told) == {"work", "gold", "repeat"}
    assert told["gold"] == told["work"]
    assert told["repeat"] == told["work"]


def test_no_id_of_a_completion_or_comparison_is_received(received):
    texts = {(purpose, name): text for purpose, got in received.items() for name, text in got.items()}

    assert [where for where, text in texts.items() if re.search(r"70000\d\d", text)] == []


def test_a_repeat_has_another_name_in_the_browsers_memory_than_the_first_time(received):
    keys = {re.search('data-key="([0-9a-f]+)"', received[purpose]["page"])[1] for purpose in received}

    assert len(keys) == 3
