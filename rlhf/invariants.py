"""What must hold of every run, as questions to the database; whatever breaks it is shown to admins and counted.

The constraints of the table and the transitions of runs.py keep it; these find what they cannot: a sweeper that stands
still, a row changed by hand, a queue to which no worker listens.
"""

from datetime import timedelta

from django.conf import settings
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from rlhf.models import Checkpoint, Run
from rlhf.publishing import LEAVES_WEIGHTS

State = Run.State
OVER = [State.SUCCEEDED, State.FAILED, State.CANCELLED]
LEASES = 3
"""A run whose lease is over for so many leases should have been swept."""
UNHEARD_SECONDS = 24 * 3600


def rules() -> dict[str, Q]:
    """Return what breaks a rule, by a sentence that says how."""
    now = timezone.now()
    swept_by = now - timedelta(seconds=LEASES * settings.RUN_LEASE_SECONDS)
    left = Exists(Checkpoint.objects.filter(run=OuterRef("pk")))
    place = Concat(
        Value("runs/"),
        Cast(OuterRef("pk"), CharField()),
        Value("/"),
        Cast(OuterRef("fence"), CharField()),
        Value("/checkpoint"),
    )
    elsewhere = Exists(Checkpoint.objects.filter(run=OuterRef("pk")).exclude(path=place))
    must_leave = Q(stage__in=[*LEAVES_WEIGHTS, Run.Stage.EXPORT])
    return {
        "runs although its lease is long over: no beat sweeps": Q(state=State.RUNNING, lease_until__lt=swept_by),
        "runs without ever having been claimed": Q(state=State.RUNNING, fence=0),
        "is over and has no time at which it ended": Q(state__in=OVER, finished_at=None),
        "is not over and has a time at which it ended": ~Q(state__in=OVER) & ~Q(finished_at=None),
        "is not running and has a lease": Q(state__in=[State.QUEUED, State.SUCCEEDED]) & ~Q(lease_until=None),
        "succeeded without a result": Q(state=State.SUCCEEDED, result__isnull=True),
        "succeeded and left no checkpoint": Q(state=State.SUCCEEDED) & must_leave & ~Q(left),
        "did not succeed and left a checkpoint": ~Q(state=State.SUCCEEDED) & Q(left),
        "has a checkpoint of another attempt": Q(elsewhere),
        "was taken up more often than is allowed": Q(attempt__gt=settings.RUN_MAX_ATTEMPTS),
        "waits in a queue that is none (RUN_QUEUES)": Q(state=State.QUEUED) & ~Q(queue__in=settings.RUN_QUEUES),
        "has waited for a day: does a worker listen to its queue?": Q(
            state=State.QUEUED, created_at__lt=now - timedelta(seconds=UNHEARD_SECONDS)
        ),
    }


def breaking() -> QuerySet[Run]:
    """Return the runs that break a rule."""
    broken = Q(pk=None)
    for rule in rules().values():
        broken |= rule
    return Run.objects.filter(broken)


def broken_by(run: Run) -> list[str]:
    """Return what is broken of a run, a sentence each."""
    return [said for said, rule in rules().items() if Run.objects.filter(rule, pk=run.pk).exists()]
