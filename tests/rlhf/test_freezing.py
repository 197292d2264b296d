"""Freezing a large project: one order at a time, carried out once, and what becomes of it is told."""

import threading
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from annotate import assignments, rankings
from annotate.answers import Answer
from annotate.models import AuditEntry
from rlhf import broker, freezing, snapshots
from rlhf.models import Freezing, Snapshot
from tests.rlhf.test_runs import rung

__all__ = ["rung"]  # a fixture
pytestmark = pytest.mark.django_db
HOW = {"test_rate": 0.5, "label": "votes"}


@pytest.fixture
def ranked(project, comparisons, ana):
    place = assignments.reserve_next(ana, project)
    rankings.submit(place, Answer([[pk] for pk in place.order]), submission=uuid4())
    return project


@pytest.fixture
def large(ranked, monkeypatch):
    monkeypatch.setattr(freezing, "LIVE_RANKINGS", 0)
    return ranked


@pytest.fixture
def order(large, rung, mia):
    return freezing.freeze(large, by=mia, **HOW)


def again(order):
    return Freezing.objects.get(pk=order.pk)


def test_a_small_project_is_frozen_at_once(ranked):
    assert isinstance(freezing.freeze(ranked, by=None, **HOW), Snapshot)
    assert not Freezing.objects.exists()


def test_a_large_one_is_ordered_and_a_worker_told(large, rung, mia, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        order = freezing.freeze(large, by=mia, **HOW)

    assert again(order).state == "waiting"
    assert rung == [(freezing.TASK, [order.pk])]
    assert not Snapshot.objects.exists()
    assert AuditEntry.objects.get(kind="freeze asked for").after["freezing"] == order.pk


def test_who_asks_again_gets_the_order_that_is_open(order, large, mia):
    assert freezing.freeze(large, by=mia, test_rate=0.3, label="votes") == order
    assert Freezing.objects.count() == 1


def test_one_that_is_over_in_the_moment_of_asking_is_what_one_gets(order, large, mia, monkeypatch):
    def refuse(**wanted):
        raise IntegrityError

    monkeypatch.setattr(Freezing.objects, "create", refuse)  # the order was open when the database looked
    freezing._end(order.pk, failure="The disk is full.")

    assert freezing.freeze(large, by=mia, **HOW).failure == "The disk is full."


def test_the_database_itself_refuses_a_second_open_order(order):
    with pytest.raises(IntegrityError), transaction.atomic():
        Freezing.objects.create(project=order.project, **HOW)


def test_it_is_carried_out_once_however_often_a_message_comes(order, mia, monkeypatch):
    freezing.carry_out(order.pk)
    monkeypatch.setattr(snapshots, "freeze", None)
    freezing.carry_out(order.pk)

    done = again(order)
    assert (done.state, done.snapshot.created_by, done.snapshot.filters["test_rate"]) == ("done", mia, 0.5)


def test_a_message_that_comes_meanwhile_begins_nothing(order, monkeypatch):
    begun = []

    def meanwhile(*args, **options):
        begun.append(1)
        if len(begun) == 1:
            freezing.carry_out(order.pk)
        return Snapshot.objects.create(project=order.project, sha256="a" * 64, filters={}, counts={})

    monkeypatch.setattr(snapshots, "freeze", meanwhile)

    freezing.carry_out(order.pk)

    assert begun == [1]


def test_it_says_why_it_could_not_be_done(order, monkeypatch):
    def refuse(*args, **options):
        raise snapshots.NothingToFreeze("This project has no prompts yet.")

    monkeypatch.setattr(snapshots, "freeze", refuse)

    freezing.carry_out(order.pk)

    assert (again(order).state, again(order).failure) == ("failed", "This project has no prompts yet.")


def test_a_fault_of_ours_is_told_and_logged(order, monkeypatch):
    monkeypatch.setattr(snapshots, "freeze", lambda *args, **options: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        freezing.carry_out(order.pk)

    assert again(order).failure.startswith("ZeroDivisionError, a fault of ours; the worker's log says more.")


@pytest.mark.parametrize(
    ("field", "seconds", "said"),
    [("heartbeat_at", freezing.SILENT_SECONDS, "went silent"), ("begun_at", freezing.GIVEN_UP_SECONDS, "two hours")],
)
def test_a_worker_that_went_silent_or_does_not_end_is_given_up(order, field, seconds, said):
    now = timezone.now()
    just_in_time = {"begun_at": now, "heartbeat_at": now} | {field: now - timedelta(seconds=seconds - 5)}
    Freezing.objects.filter(pk=order.pk).update(**just_in_time)
    freezing.ring_again()
    assert again(order).state == "working"
    Freezing.objects.filter(pk=order.pk).update(**{field: now - timedelta(seconds=seconds + 1)})

    freezing.ring_again()

    assert said in again(order).failure


@pytest.mark.django_db(transaction=True)
def test_a_worker_says_that_it_lives_and_what_it_does(roles, large, rung, mia, monkeypatch):
    order = freezing.freeze(large, by=mia, **HOW)
    began = timezone.now()
    seen = []

    def look(project, *, tell, **options):
        tell("it reads the votes")
        until = began + timedelta(seconds=20)
        while not again(order).doing and timezone.now() < until:
            time.sleep(0.02)
        seen.append(again(order))
        raise snapshots.NothingToFreeze("Enough seen.")

    monkeypatch.setattr(freezing, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(snapshots, "freeze", look)

    freezing.carry_out(order.pk)

    assert seen[0].doing == "it reads the votes"
    assert seen[0].heartbeat_at > seen[0].begun_at >= began


@pytest.mark.django_db(transaction=True)
def test_a_beat_that_the_database_refuses_ends_nothing(roles, large, rung, mia, monkeypatch, caplog):
    order = freezing.freeze(large, by=mia, **HOW)
    refused = threading.Event()

    def refuse():
        refused.set()
        raise DatabaseError

    def wait(*args, **options):
        assert refused.wait(20)
        raise snapshots.NothingToFreeze("Nothing there.")

    monkeypatch.setattr(freezing, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(snapshots, "freeze", wait)
    monkeypatch.setattr(freezing._Heart, "_say", lambda heart: refuse())

    freezing.carry_out(order.pk)

    assert again(order).failure == "Nothing there."
    assert "the heartbeat did not reach the database" in caplog.text


def test_what_is_being_done_is_told(ranked):
    told = []

    snapshots.freeze(ranked, by=None, test_rate=0.5, tell=told.append)

    assert told[0] == "it reads the votes"
    assert told[-1] == "0 of about 6 pairs are written"


def test_one_who_comes_back_late_overwrites_nothing(order, monkeypatch):
    def given_up_meanwhile(*args, **options):
        freezing._end(order.pk, failure="The worker went silent.")
        return Snapshot.objects.create(project=order.project, sha256="a" * 64, filters={}, counts={})

    monkeypatch.setattr(snapshots, "freeze", given_up_meanwhile)

    freezing.carry_out(order.pk)

    assert again(order).state == "failed"


def test_a_broker_that_was_away_is_told_later(order, rung, monkeypatch):
    def away(*args, **options):
        raise OperationalError

    monkeypatch.setattr(broker.current_app, "send_task", away)
    freezing.ring(order.pk)
    assert again(order).rung_at is None
    monkeypatch.setattr(broker.current_app, "send_task", lambda name, args, **options: rung.append((name, args)))

    freezing.ring_again()
    freezing.ring_again()

    assert rung == [(freezing.TASK, [order.pk])]


def test_the_page_says_how_far_it_is(client, order, large, mia):
    client.force_login(mia)

    def shown():
        live = client.get(reverse("freezing_live", args=[large.slug])).content.decode()
        assert live in client.get(reverse("training", args=[large.slug])).content.decode()
        return live

    assert "It waits for a worker" in shown()
    assert 'hx-trigger="every 3s"' in shown()
    Freezing.objects.filter(pk=order.pk).update(begun_at=timezone.now())
    assert "A worker began to freeze the project" in shown()
    Freezing.objects.filter(pk=order.pk).update(doing="0 of about 6 pairs are written")
    assert ": 0 of about 6 pairs are written." in shown()
    freezing._end(order.pk, failure="The disk is full.")
    assert "could not be frozen" in shown()
    assert "The disk is full." in shown()
    assert 'hx-trigger="every 3s"' not in shown()


def test_the_button_orders_and_the_snapshot_stands_on_the_page(client, large, rung, mia):
    client.force_login(mia)

    page = client.post(reverse("freeze", args=[large.slug]), HOW, follow=True).content.decode()
    assert "The project is large, so a worker freezes it" in page
    freezing.carry_out(Freezing.objects.get().pk)
    page = client.get(reverse("training", args=[large.slug])).content.decode()

    assert f'href="{reverse("snapshot", args=[Snapshot.objects.get().pk])}"' in page
    assert "A worker froze the project" in page


def test_a_script_gets_the_order_and_follows_it(client, large, rung, mia):
    client.force_login(mia)

    answer = client.post(reverse("api_snapshots", args=[large.slug]), HOW, content_type="application/json")
    freezing.carry_out(answer.json()["id"])
    (listed,) = client.get(reverse("api_freezings", args=[large.slug])).json()["results"]

    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    assert (listed["state"], listed["snapshot"]) == ("done", Snapshot.objects.get().pk)
