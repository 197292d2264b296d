"""Freezing a large project: ordered by a page or a script, carried out by a worker; the only writer of Freezing.

A project freezes at less than a thousand long rankings a second, so a small one is frozen while the page waits; one of
a million would keep a browser waiting for twenty minutes. An order ends with a snapshot or a reason.
"""

import logging
import threading
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from annotate import audit, preferences
from annotate.models import Project
from rlhf import broker, snapshots, store
from rlhf.models import Freezing, Snapshot

LIVE_RANKINGS = 2000
"""Up to here a project is frozen at once."""
RING_AGAIN_SECONDS = 60
BEAT_SECONDS = 5
SILENT_SECONDS = 120
"""A worker that has not said for so long that it lives is given up."""
GIVEN_UP_SECONDS = 7200
"""So long after it began one is given up though it lives; a million rankings take a fifth of that."""
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
    now = timezone.now()
    if not Freezing.objects.filter(pk=order_id, begun_at=None, ended_at=None).update(begun_at=now, heartbeat_at=now):
        return
    order = Freezing.objects.select_related("project", "asked_by").get(pk=order_id)
    how = {"by": order.asked_by, "test_rate": order.test_rate, "label": order.label}
    try:
        with _Heart(order_id) as heart:
            made = snapshots.freeze(order.project, **how, tell=heart.tell)
    except (snapshots.NothingToFreeze, store.Unreachable) as problem:
        _end(order_id, failure=str(problem)[:500])
    except Exception as problem:
        _end(order_id, failure=f"{type(problem).__name__}, a fault of ours; the worker's log says more. Try it again.")
        raise
    else:
        _end(order_id, snapshot=made)


def ring(order_id: int) -> None:
    """Tell a worker of an order. Where the broker is away, `ring_again` tells it later."""
    if broker.ring(TASK, order_id, expires=4 * RING_AGAIN_SECONDS):
        Freezing.objects.filter(pk=order_id).update(rung_at=timezone.now())


def ring_again() -> None:
    """Tell a worker again of orders that no message may be on its way for, and end those whose worker went silent."""
    now = timezone.now()
    waiting = Freezing.objects.filter(begun_at=None, ended_at=None)
    long_ago = now - timedelta(seconds=RING_AGAIN_SECONDS)
    for order_id in waiting.filter(Q(rung_at=None) | Q(rung_at__lt=long_ago)).values_list("pk", flat=True):
        ring(order_id)
    at_work = Freezing.objects.filter(begun_at__isnull=False, ended_at=None)
    for order_id in at_work.filter(_before("heartbeat_at", SILENT_SECONDS)).values_list("pk", flat=True):
        _end(order_id, failure="The worker went silent: it was stopped, or its machine was. Freeze again.")
    for order_id in at_work.filter(_before("begun_at", GIVEN_UP_SECONDS)).values_list("pk", flat=True):
        _end(order_id, failure="It took more than two hours and was given up; the worker's log may say why.")


class _Heart:
    """Writes every BEAT_SECONDS, from a thread, that this process lives and what it is doing."""

    def __init__(self, order_id: int) -> None:
        self.order_id, self.doing = order_id, ""
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._beat, name=f"heart of freezing {order_id}", daemon=True)

    def __enter__(self) -> "_Heart":
        self.thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.is_over.set()
        self.thread.join()

    def tell(self, doing: str) -> None:
        """Say what is being done, for the next beat."""
        self.doing = doing

    def _say(self) -> None:
        open_order = Freezing.objects.filter(pk=self.order_id, ended_at=None)
        open_order.update(heartbeat_at=timezone.now(), doing=self.doing)

    def _beat(self) -> None:
        while not self.is_over.wait(BEAT_SECONDS):
            try:
                self._say()
            except DatabaseError as problem:  # the next beat asks again
                log.warning("freezing %s: the heartbeat did not reach the database (%s)", self.order_id, problem)
                connection.close()
        connection.close()


def _before(field: str, seconds: int) -> Q:
    return Q(**{f"{field}__lt": timezone.now() - timedelta(seconds=seconds)})


def _end(order_id: int, *, snapshot: Snapshot | None = None, failure: str = "") -> None:
    Freezing.objects.filter(pk=order_id, ended_at=None).update(
        ended_at=timezone.now(), snapshot=snapshot, failure=failure
    )
