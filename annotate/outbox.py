"""What happened, for other systems: the only writer of Webhook, Event and Delivery.

An event is written in the transaction of what it tells, so neither exists without the other; one that no webhook asks
for is not written. Delivery is at least once: a receiver knows an event that comes twice by its id. annotate.deliveries
sends.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from annotate.models import Delivery, Event, Project, Webhook

State = Delivery.State
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 30, 6 * 3600
MAX_ATTEMPTS = 12
"""Over about 14 hours; then it is given up, and a button sends it again."""
LEASE_SECONDS = 120
MAX_WEBHOOKS = 20


class Kind(StrEnum):
    """What is told. A payload holds ids and pseudonyms, never a text."""

    RANKING_SUBMITTED = "ranking.submitted"
    COMPARISON_SETTLED = "comparison.settled"
    OBJECTION_OPENED = "objection.opened"
    IMPORT_FINISHED = "import.finished"
    RUN_ALARM = "run.alarm"
    RUN_FINISHED = "run.finished"


class TooManyWebhooks(Exception):
    """The project has as many webhooks as it may have."""


@dataclass(frozen=True)
class Claim:
    """The right to send a delivery once: later words on it must carry the number of this attempt."""

    delivery: Delivery
    attempt: int


def add_webhook(project: Project, *, url: str, kinds: Collection[str], by: User) -> Webhook:
    """Make a webhook with a secret of its own; no kinds means all. Raises TooManyWebhooks."""
    if project.webhooks.count() >= MAX_WEBHOOKS:
        raise TooManyWebhooks
    secret = f"whsec_{secrets.token_urlsafe(32)}"
    return Webhook.objects.create(project=project, url=url, kinds=sorted(kinds), secret=secret, created_by=by)


def set_active(webhook: Webhook, *, is_active: bool) -> None:
    """Stop or resume sending to a webhook; while stopped it is told of nothing, and what waits goes on waiting."""
    Webhook.objects.filter(pk=webhook.pk).update(is_active=is_active)


def heard(project_id: int) -> set[str]:
    """Return the kinds of events that any webhook asks for."""
    asked = Webhook.objects.filter(project=project_id, is_active=True).values_list("kinds", flat=True)
    return {kind for kinds in asked for kind in kinds or Kind}


def record(project_id: int, kind: Kind, payload: dict[str, object]) -> None:
    """Record that something happened; call inside the transaction in which it does."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"{kind}: an event is recorded inside the transaction of what it tells.")
    if not (hooks := _listeners(project_id, kind)):
        return
    event = Event.objects.create(project_id=project_id, kind=kind, payload=payload)
    Delivery.objects.bulk_create(
        Delivery(event=event, webhook=hook, next_attempt_at=event.created_at) for hook in hooks
    )


def claim_due(*, limit: int, now: datetime | None = None) -> list[Claim]:
    """Take deliveries that are due, the longest waiting first; nobody else gets them while the lease lasts."""
    now = now or timezone.now()
    waiting = Delivery.objects.filter(state=State.WAITING, webhook__is_active=True, next_attempt_at__lte=now)
    due = waiting.select_related("event__project", "webhook").order_by("next_attempt_at", "pk")[:limit]
    return [claim for delivery in list(due) if (claim := _claim(delivery, now))]


def delivered(claim: Claim) -> None:
    """Close a delivery that arrived."""
    _held(claim).update(state=State.DELIVERED, delivered_at=timezone.now(), last_error="")


def failed(claim: Claim, error: str, *, now: datetime | None = None) -> None:
    """Try a delivery again after a pause that doubles, or give it up after the last attempt."""
    if claim.attempt >= MAX_ATTEMPTS:
        _held(claim).update(state=State.GIVEN_UP, last_error=error[:300])
        return
    pause = min(FIRST_PAUSE_SECONDS * 2 ** (claim.attempt - 1), LONGEST_PAUSE_SECONDS)
    at = (now or timezone.now()) + timedelta(seconds=pause)
    _held(claim).update(next_attempt_at=at, last_error=error[:300])


def redeliver(delivery: Delivery) -> None:
    """Send a delivery again as soon as possible, with all its attempts."""
    changes = {"state": State.WAITING, "attempt_count": 0, "next_attempt_at": timezone.now(), "delivered_at": None}
    Delivery.objects.filter(pk=delivery.pk).update(**changes)


def _listeners(project_id: int, kind: Kind) -> list[Webhook]:
    hooks = Webhook.objects.filter(project=project_id, is_active=True)
    return [hook for hook in hooks if not hook.kinds or kind in hook.kinds]


def _claim(delivery: Delivery, now: datetime) -> Claim | None:
    mine = Delivery.objects.filter(pk=delivery.pk, state=State.WAITING, next_attempt_at=delivery.next_attempt_at)
    lease_until = now + timedelta(seconds=LEASE_SECONDS)
    if mine.update(next_attempt_at=lease_until, attempt_count=F("attempt_count") + 1) != 1:
        return None
    return Claim(delivery, delivery.attempt_count + 1)


def _held(claim: Claim) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk=claim.delivery.pk, state=State.WAITING, attempt_count=claim.attempt)
