"""The Celery application: celery -A config worker."""

import os

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun
from kombu.transport import TRANSPORT_ALIASES

from operations import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
TRANSPORT_ALIASES["filesystem"] = "config.file_queue:Transport"
app = Celery("concord")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

if os.environ.get("LOG_FORMAT") == "json":  # else Celery's own lines, which people read

    @setup_logging.connect
    def keep_our_logs(**_: object) -> None:
        """Whoever listens here keeps Celery from setting up handlers of its own."""


@task_prerun.connect
def name_the_run(task: object, args: tuple[object, ...] = (), **_: object) -> None:
    """Give every log line of a run's task the run's number."""
    is_run = getattr(task, "name", "") == "rlhf.tasks.execute_run"
    logs.run_id.set(str(args[0]) if is_run and args else "")


@task_postrun.connect
def forget_the_run(**_: object) -> None:
    logs.run_id.set("")
