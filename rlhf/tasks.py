"""Celery: execute_run (queue gpu) and reap_lost_runs (beat). A task calls a module that works without Celery."""

from celery import shared_task

from rlhf import runs, supervisor


@shared_task(name="rlhf.tasks.execute_run", acks_late=False)
def execute_run(run_id: int) -> None:
    """Execute a queued run; a message that comes twice or too late finds nothing to claim."""
    if held := runs.claim(run_id):
        supervisor.supervise(held)


@shared_task(name="rlhf.tasks.reap_lost_runs")
def reap_lost_runs() -> None:
    """Fail runs whose worker went silent and ring again for queued ones."""
    runs.fail_silent_runs()
    runs.ring_again()
