"""Celery: execute_run (queue gpu), carry_out_freezing and reap_lost_runs (beat).

A task calls a module that works without Celery.
"""

from celery import shared_task

from rlhf import freezing, runs, supervisor


@shared_task(name="rlhf.tasks.execute_run", acks_late=False)
def execute_run(run_id: int) -> None:
    """Execute a queued run; a message that comes twice or too late finds nothing to claim."""
    if held := runs.claim(run_id):
        supervisor.supervise(held)


@shared_task(name="rlhf.tasks.reap_lost_runs")
def reap_lost_runs() -> None:
    """Fail runs whose worker went silent; ring again for queued ones and for projects to freeze."""
    runs.fail_silent_runs()
    runs.ring_again()
    freezing.ring_again()


@shared_task(name="rlhf.tasks.carry_out_freezing")
def carry_out_freezing(order_id: int) -> None:
    """Freeze a large project as somebody ordered; a message that comes twice finds nothing to begin."""
    freezing.carry_out(order_id)
