"""Celery: the beats that free reservations that ran out, follow crowds, send events and apply policies.

All are harmless to run twice.
"""

from celery import shared_task
from celery.utils.log import get_task_logger
from django.conf import settings

from annotate import assignments, deliveries, pausing, sealing, statistics
from annotate.consistency import report
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


@shared_task(name="annotate.tasks.seal_audit")
def seal_audit() -> str:
    """Seal the entries of the audit log that are not sealed yet and return the newest seal."""
    return sealing.seal()


@shared_task(name="annotate.tasks.make_report")
def make_report(project_id: int) -> None:
    """Make a project's consistency report anew."""
    report.make(Project.objects.get(pk=project_id))


@shared_task(name="annotate.tasks.make_stale_reports")
def make_stale_reports() -> int:
    """Make the consistency report of each project that has rankings its report does not know; return how many."""
    stale = [project for project in Project.objects.order_by("pk") if report.is_stale(project)]
    for project in stale:
        report.make(project)
    return len(stale)


@shared_task(name="annotate.tasks.pause_failing")
def pause_failing() -> int:
    """Apply the policy of annotate.pausing in the projects that have it; return how many people were paused."""
    projects = Project.objects.filter(pauses_failing=True, is_active=True)
    return sum(len(pausing.apply(project)) for project in projects)


@shared_task(name="annotate.tasks.catch_up_statistics")
def catch_up_statistics() -> int:
    """Count the comparisons that no sum holds yet, as after an upgrade or a rebuild cut off, and return how many."""
    return sum(statistics.catch_up(project) for project in Project.objects.all())
