"""Freezing a large project: ordered by a page or a script, carried out by a worker; the only writer of Freezing.

A project freezes at less than a thousand long rankings a second, so a small one is frozen while the page waits; one of
a million would keep a browser waiting for twenty minutes. An order ends with a snapshot or a reason.
"""

import logging
from datetime import timedelta

from celery import current_app
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from annotate import audit, preferences
from annotate.models import Project
from rlhf import snapshots, store
from rlhf.models import Freezing, Snapshot

LIVE_RANKINGS = 2000
"""Up to here a project is frozen at once."""
RING_AGAIN_SECONDS = 60
GIVEN_UP_SECONDS = 7200
"""So long after it began nobody believes in an order any more; a million rankings take a fifth of that."""
TASK = "rlhf.tasks.carry_out_freezing"

log = logging.getLogger(__name__)


def freeze(project: Project, *, by: User | None, test_rate: float, label: str) -> Snapshot | Freezing:
    """Freeze a small project and return the snapshot; return the order that a worker will carry out for a large one.

    One order of a project is open at a time: who asks again gets that one. Raises snapshots.NothingToFreeze.
    """
    if preferences.current_rankings(project).count() <= LIVE_RANKINGS:
        return snapshots.freeze(project, by=by, test_rate=test_rate, label=label)
    try:
        with transaction.atomic():
            order = Freezing.objects.create(project=project, test_rate=test_rate, label=label, asked_by=by)
            told = {"freezing": order.pk, "test_rate": test_rate, "label": label}
            audit.record(audit.Kind.FREEZE_ASKED, f"project {project.slug}", after=told)
            transaction.on_commit(lambda: ring(order.pk))
    except IntegrityError:
        if twin := latest(project):  # the open one, or over in this moment
            return twin
        raise
    return order


def latest(project: Project) -> Freezing | None:
    """Return the newest order of a project; None where none was made."""
    return Freezing.objects.filter(project=project).select_related("asked_by", "snapshot").first()


def carry_out(order_id: int) -> None:
    """Freeze what was ordered. A message that comes twice finds nothing to begin."""
    begun = Freezing.objects.filter(pk=order_id, begun_at=None, ended_at=None).update(begun_at=timezone.now())
    if not begun:
        return
    order = Freezing.objects.select_related("project", "asked_by").get(pk=order_id)
    try:
        made = snapshots.freeze(order.project, by=order.asked_by, test_rate=order.test_rate, label=order.label)
    except (snapshots.NothingToFreeze, store.Unreachable) as problem:
        _end(order_id, failure=str(problem)[:500])
    except Exception as problem:
        _end(order_id, failure=f"{type(problem).__name__}, a fault of ours; the worker's log says more. Try it again.")
        raise
    else:
        _end(order_id, snapshot=made)


def ring(order_id: int) -> None:
    """Tell a worker of an order. Where the broker is away, `ring_again` tells it later."""
    try:
        current_app.send_task(TASK, [order_id], expires=4 * RING_AGAIN_SECONDS)
    except (OperationalError, OSError) as problem:
        log.warning("freezing %s: the broker did not take the message (%s)", order_id, problem)
        return
    Freezing.objects.filter(pk=order_id).update(rung_at=timezone.now())


def ring_again() -> None:
    """Tell a worker again of orders that no message may be on its way for, and end those whose worker went silent."""
    now = timezone.now()
    waiting = Freezing.objects.filter(begun_at=None, ended_at=None)
    long_ago = now - timedelta(seconds=RING_AGAIN_SECONDS)
    for order_id in waiting.filter(Q(rung_at=None) | Q(rung_at__lt=long_ago)).values_list("pk", flat=True):
        ring(order_id)
    silent = Freezing.objects.filter(begun_at__lt=now - timedelta(seconds=GIVEN_UP_SECONDS), ended_at=None)
    for order_id in silent.values_list("pk", flat=True):
        _end(order_id, failure="The worker went silent: it was stopped, or its machine was. Freeze again.")


def _end(order_id: int, *, snapshot: Snapshot | None = None, failure: str = "") -> None:
    Freezing.objects.filter(pk=order_id, ended_at=None).update(
        ended_at=timezone.now(), snapshot=snapshot, failure=failure
    )
