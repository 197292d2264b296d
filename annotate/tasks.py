"""Celery: the beats that free reservations that ran out, follow crowds and send events. Harmless to run twice."""

from celery import shared_task
from celery.utils.log import get_task_logger
from django.conf import settings

from annotate import assignments, deliveries, statistics
from annotate.crowd import participations, prolific
from annotate.models import Project

log = get_task_logger(__name__)


@shared_task(name="annotate.tasks.release_expired")
def release_expired() -> int:
    """Open the places of expired reservations again and return how many."""
    return assignments.release_expired()


@shared_task(name="annotate.tasks.sync_prolific")
def sync_prolific() -> None:
    """Bring the statuses of all stays from Prolific; a project that fails is tried again at the next beat."""
    if not settings.PROLIFIC_TOKEN:
        return
    for project in Project.objects.filter(crowd__provider="prolific"):
        try:
            participations.sync(project)
        except prolific.ProlificError as error:
            log.warning("%s: %s", project.slug, error)


@shared_task(name="annotate.tasks.deliver_events")
def deliver_events() -> int:
    """Send the events that webhooks wait for and return how many arrived."""
    return deliveries.deliver_due()


@shared_task(name="annotate.tasks.catch_up_statistics")
def catch_up_statistics() -> int:
    """Count the comparisons that no sum holds yet, as after an upgrade or a rebuild cut off, and return how many."""
    return sum(statistics.catch_up(project) for project in Project.objects.all())
