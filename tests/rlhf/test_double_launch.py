"""An order is active once: of twenty presses at the same moment one starts a run, and the database decides which."""

import json
import multiprocessing
from dataclasses import replace

import pytest
from django.contrib.messages import get_messages
from django.db import IntegrityError, connections, transaction
from django.test import Client
from django.urls import reverse

from annotate import audit, projects, tokens
from annotate.models import AuditEntry, Role
from annotate.people import create_account
from rlhf import broker, preflight, runs, sweeps
from rlhf.contract import config as configs
from rlhf.models import Checkpoint, Run, Snapshot

AT_ONCE = 20
COUNTS = {"prompts": 4, "prompts_test": 1, "demonstrations": 4, "pairs_train": 30, "pairs_test": 6}


def make_order(project, *, stage="reward", **config):
    snapshot = Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts=dict(COUNTS))
    base = Checkpoint.objects.create(
        kind="base", name="b", path="models/b", manifest_sha256="m" * 64, tokenizer_sha256="t" * 64, size_bytes=1
    )
    return preflight.RunOrder(project, stage, configs.parse(stage, config), snapshot, base)


@pytest.fixture(autouse=True)
def silent(monkeypatch):
    monkeypatch.setattr(broker.current_app, "send_task", lambda name, args, **options: None)


@pytest.fixture
def order(project):
    return make_order(project)


def changed(order, **settings):
    return replace(order, config=configs.parse(order.stage, settings))


def press(job):
    """Post an order through the API in a process of its own; return the status and what came back."""
    secret, body, key = job
    headers = {"Authorization": f"Bearer {secret}"} | ({"Idempotency-Key": key} if key else {})
    path = "/api/v1/projects/rivers/runs/"
    answer = Client().post(path, json.dumps(body), content_type="application/json", headers=headers)
    connections.close_all()
    return answer.status_code, answer.json()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", ["", "3f1c-once"])
def test_of_twenty_orders_at_once_one_starts_a_run(roles, key, settings):
    settings.RATE_LIMIT_FACTOR = 0  # twenty in one moment are more than an account may send
    project = projects.create(slug="rivers", name="Rivers", overlap=2, guidelines="Be fair.", by=None)
    order = make_order(project)
    mia = create_account("mia-twenty", password="correct horse battery", roles=[Role.ML_ENGINEER])
    secret = tokens.create(mia, label="test", days=1)
    body = {"stage": "reward", "snapshot": order.snapshot.pk, "base": order.base.pk}
    connections.close_all()  # a connection must not be shared with the processes

    with multiprocessing.get_context("fork").Pool(AT_ONCE) as pool:
        answers = pool.map(press, [(secret, body, key)] * AT_ONCE, chunksize=1)

    run = Run.objects.get()
    statuses = sorted(status for status, _ in answers)
    if key:
        assert statuses == [200] * (AT_ONCE - 1) + [201]
        assert {answer["id"] for _, answer in answers} == {run.pk}
    else:
        assert statuses == [201] + [409] * (AT_ONCE - 1)
        said = {answer["errors"][0]["message"] for status, answer in answers if status == 409}
        assert said == {str(runs.AlreadyActive(run))}
        assert f"Run {run.pk} is active" in said.pop()
    assert AuditEntry.objects.filter(kind=audit.Kind.RUN_STARTED).count() == 1


def test_the_same_order_may_come_again_once_the_first_is_over(order):
    first = runs.create(order, by=None)
    with pytest.raises(runs.AlreadyActive) as refused:
        runs.create(order, by=None)
    runs.request_cancel(first)

    assert refused.value.run == first
    assert runs.create(order, by=None).pk != first.pk


@pytest.mark.parametrize("stage", ["sft", "reward"])
def test_another_seed_is_another_order(project, stage):
    order = make_order(project, stage=stage)

    made = [runs.create(changed(order, seed=seed), by=None) for seed in (0, 1)]

    assert len({run.order_sha256 for run in made}) == 2


def test_another_queue_is_the_same_order(order, settings):
    settings.RUN_QUEUES = ["gpu", "gpu-80g"]
    runs.create(order, by=None)

    with pytest.raises(runs.AlreadyActive):
        runs.create(replace(order, queue="gpu-80g"), by=None)


def test_a_key_stands_for_one_order_even_after_its_run_is_over(order):
    first = runs.create(order, by=None, key="k")
    runs.request_cancel(first)

    with pytest.raises(runs.AskedBefore) as same:
        runs.create(order, by=None, key="k")
    with pytest.raises(runs.AskedBefore, match="another order") as other:
        runs.create(changed(order, seed=7), by=None, key="k")

    assert (same.value.run, same.value.is_same) == (first, True)
    assert (other.value.run, other.value.is_same) == (first, False)


def test_a_key_that_came_with_another_order_is_a_conflict(client, order):
    mia = create_account("mia-key", password="correct horse battery", roles=[Role.ML_ENGINEER])
    secret = tokens.create(mia, label="test", days=1)
    body = {"stage": "reward", "snapshot": order.snapshot.pk, "base": order.base.pk}

    first, second = (
        press_here(client, secret, body, "k"),
        press_here(client, secret, body | {"config": {"seed": 9}}, "k"),
    )
    odd = press_here(client, secret, body, "x" * 101)

    assert (first.status_code, second.status_code, odd.status_code) == (201, 409, 400)
    assert odd.json()["errors"][0]["field"] == "Idempotency-Key"


def press_here(client, secret, body, key):
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}
    return client.post("/api/v1/projects/rivers/runs/", json.dumps(body), "application/json", headers=headers)


def test_a_run_is_not_resumed_beside_the_same_order(order, monkeypatch):
    monkeypatch.setattr(runs.attempts, "refusal", lambda run: "")
    first = runs.create(order, by=None)
    runs.request_cancel(first)
    second = runs.create(order, by=None)

    with pytest.raises(runs.CannotResume, match=f"Run {second.pk} is active"):
        runs.resume(Run.objects.get(pk=first.pk))

    assert Run.objects.get(pk=first.pk).state == "cancelled"


def test_a_sweep_over_what_is_being_tried_starts_nothing(order):
    runs.create(changed(order, learning_rate=1e-4), by=None)

    with pytest.raises(runs.AlreadyActive):
        sweeps.create(order, text="learning_rate: 1e-5, 1e-4", draws=0, by=None)

    assert Run.objects.count() == 1


def test_the_button_pressed_twice_leads_to_the_run_of_the_first_time(client, mia, order):
    page = reverse("run_new", args=[order.project.slug, "reward"])
    client.force_login(mia)
    sent = {field.name: getattr(field.value(), "pk", field.value()) for field in client.get(page).context["form"]}
    sent = {name: "" if value is None else value for name, value in sent.items()}
    first = client.post(page, sent)

    second = client.post(page, sent)

    run = Run.objects.get()
    assert first.url == second.url == reverse("run", args=[run.pk])
    assert [str(one) for one in get_messages(second.wsgi_request)][-1].startswith("Nothing new was started.")


def test_the_database_itself_refuses_a_second_active_run(order):
    run = runs.create(order, by=None)
    twin = {"project": run.project, "stage": run.stage, "config": {}, "snapshot": run.snapshot, "base": run.base}

    with pytest.raises(IntegrityError, match="order_sha256|an_order_has_one_active_run"), transaction.atomic():
        Run.objects.create(**twin, order_sha256=run.order_sha256)
