"""Celery: the beat that clears away buckets of limits. Harmless to run twice."""

from celery import shared_task

from operations import limits


@shared_task(name="operations.tasks.delete_unused_buckets")
def delete_unused_buckets() -> int:
    """Delete the buckets that nobody has used for a day and return how many."""
    return limits.delete_unused()
