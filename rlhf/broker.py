"""A message to a worker that a row of the database waits for it. The row is the truth; a message only saves waiting."""

import logging

from celery import current_app
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def ring(task: str, row_id: int, *, queue: str | None = None, expires: float) -> bool:
    """Send `task` with a row's key and return whether the broker took it; where not, beat rings again later.

    A message that no worker took in `expires` seconds is dropped: by then another is on its way.
    """
    try:
        current_app.send_task(task, [row_id], queue=queue, expires=expires)
    except (OperationalError, OSError) as problem:
        log.warning("%s %s: the broker did not take the message (%s); beat will ring again", task, row_id, problem)
        return False
    return True
