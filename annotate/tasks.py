"""Celery: the beat that frees reservations that ran out. Harmless to run twice or not at all."""

from celery import shared_task

from annotate import assignments


@shared_task(name="annotate.tasks.release_expired")
def release_expired() -> int:
    """Open the places of expired reservations again and return how many."""
    return assignments.release_expired()
