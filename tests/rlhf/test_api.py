"""Training for scripts: freeze, start, watch, cancel; the same checks as the pages."""

import json

import pytest

from annotate import outbox, tokens
from annotate.models import Event, Role
from annotate.people import create_account
from rlhf import runs
from rlhf.models import Checkpoint, Run, Snapshot

pytestmark = pytest.mark.django_db


@pytest.fixture
def headers(mia):
    return {"Authorization": f"Bearer {tokens.create(mia, label='test', days=1)}"}


@pytest.fixture
def post(client, headers):
    def send(path, body=None):
        raw = json.dumps(body or {})
        return client.post(f"/api/v1/{path}", raw, content_type="application/json", headers=headers)

    return send


@pytest.fixture
def base():
    return Checkpoint.objects.create(
        kind="base", name="tiny", path="models/tiny", manifest_sha256="m" * 64, tokenizer_sha256="t" * 64, size_bytes=1
    )


@pytest.fixture
def snapshot(post, comparisons):
    return post("projects/rivers/snapshots/", {"test_rate": 0.5}).json()


def refused_fields(response):
    assert response.status_code == 400
    return [one["field"] for one in response.json()["errors"]]


def test_an_unchanged_project_is_frozen_once(post, snapshot):
    again = post("projects/rivers/snapshots/", {"test_rate": 0.5})

    assert again.status_code == 201
    assert again.json() == snapshot
    assert Snapshot.objects.count() == 1


def test_a_project_without_prompts_cannot_be_frozen(post, project):
    refused = post("projects/rivers/snapshots/")

    assert refused.status_code == 409
    assert "no prompts yet" in refused.json()["errors"][0]["message"]


def test_a_run_is_queued_shown_and_cancelled(client, headers, post, snapshot, base):
    body = {"stage": "sample", "snapshot": snapshot["id"], "base": base.pk, "config": {}}
    queued = post("projects/rivers/runs/", body)

    shown = client.get(f"/api/v1/runs/{queued.json()['id']}/", headers=headers)
    listed = client.get("/api/v1/projects/rivers/runs/", {"state": "queued"}, headers=headers)
    cancelled = post(f"runs/{queued.json()['id']}/cancel/")
    again = post(f"runs/{queued.json()['id']}/cancel/")

    assert queued.status_code == 201
    assert shown.json() == queued.json() == listed.json()["results"][0]
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"stage": "nonsense"}, "stage"),
        ({"snapshot": 999}, "snapshot"),
        ({"snapshot": "1"}, "snapshot"),
        ({"base": 2**62}, "base"),
        ({"config": {"sed": 1}}, "config.sed"),
        ({"config": {"seed": "x"}}, "config.seed"),
        ({"config": []}, "config"),
        ({"queue": "gpu-1t"}, "queue"),
        ({"profile": "cpu-2"}, "profile"),  # sampling is for one process
        ({"profile": "--num_processes=9"}, "profile"),
        ({"trust_remote_code": True}, "trust_remote_code"),
    ],
)
def test_an_order_that_cannot_run_is_refused_by_field(post, snapshot, base, change, field):
    body = {"stage": "sample", "snapshot": snapshot["id"], "base": base.pk} | change

    assert refused_fields(post("projects/rivers/runs/", body)) == [field]
    assert not Run.objects.exists()


def test_an_annotators_token_opens_nothing_of_training(client, snapshot):
    eve = create_account("eve", password="correct horse battery", roles=[Role.ANNOTATOR])
    headers = {"Authorization": f"Bearer {tokens.create(eve, label='test', days=1)}"}

    for path in ("projects/rivers/snapshots/", "projects/rivers/runs/", "projects/rivers/checkpoints/", "runs/1/"):
        assert client.get(f"/api/v1/{path}", headers=headers).status_code == 403


def test_a_run_that_ends_is_told_once(project, post, snapshot, base, lee):
    outbox.add_webhook(project, url="https://example.org/", kinds=[outbox.Kind.RUN_FINISHED], by=lee)
    run = post("projects/rivers/runs/", {"stage": "sample", "snapshot": snapshot["id"], "base": base.pk}).json()
    held = runs.claim(run["id"])

    runs.fail(held, "out_of_memory", message="SECRET")
    with pytest.raises(runs.LostClaim):
        runs.cancelled(held)

    expected = {"run": run["id"], "stage": "sample", "state": "failed", "failure_reason": "out_of_memory"}
    assert [event.payload for event in Event.objects.all()] == [expected]


def test_a_silent_run_is_told(project, post, snapshot, base, lee):
    outbox.add_webhook(project, url="https://example.org/", kinds=[], by=lee)
    run = post("projects/rivers/runs/", {"stage": "sample", "snapshot": snapshot["id"], "base": base.pk}).json()
    runs.claim(run["id"])
    Run.objects.update(lease_until="2020-01-01T00:00:00Z")

    assert runs.fail_silent_runs() == 1

    assert Event.objects.get(kind="run.finished").payload["failure_reason"] == "lost"
