"""The Celery application: celery -A config worker."""

import os

from celery import Celery
from celery.signals import beat_embedded_init, setup_logging, task_postrun, task_prerun
from kombu.transport import TRANSPORT_ALIASES

from operations import logs
from rlhf.contract.lifeline import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
TRANSPORT_ALIASES["filesystem"] = "config.file_queue:Transport"
TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = "config.redis_queue:Transport"
THE_WORKER = os.getpid()
app = Celery("concord")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

if os.environ.get("LOG_FORMAT") == "json":  # else Celery's own lines, which people read

    @setup_logging.connect
    def keep_our_logs(**_: object) -> None:
        """Whoever listens here keeps Celery from setting up handlers of its own."""


@beat_embedded_init.connect
def end_with_the_worker(**_: object) -> None:
    """Or the beat of a worker that was killed goes on for ever, beside that of the next one."""
    die_with_parent(THE_WORKER)


@task_prerun.connect
def name_the_run(task: object, args: tuple[object, ...] = (), **_: object) -> None:
    """Give every log line of a run's task the run's number."""
    is_run = getattr(task, "name", "") == "rlhf.tasks.execute_run"
    logs.run_id.set(str(args[0]) if is_run and args else "")


@task_postrun.connect
def forget_the_run(**_: object) -> None:
    logs.run_id.set("")
