"""Celery: the beat that frees reservations that ran out and sends events. Harmless to run twice or not at all."""

from celery import shared_task

from annotate import assignments, deliveries


@shared_task(name="annotate.tasks.release_expired")
def release_expired() -> int:
    """Open the places of expired reservations again and return how many."""
    return assignments.release_expired()


@shared_task(name="annotate.tasks.deliver_events")
def deliver_events() -> int:
    """Send the events that webhooks wait for and return how many arrived."""
    return deliveries.deliver_due()
