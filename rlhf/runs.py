"""A run's life: create, claim, heartbeat, finish, fail, cancel. The only writer of Run and Metric.

The row is the truth, the Celery message a bell. A message delivered twice, late or never leads to the same result: a
claim is one UPDATE filtered on `queued`, so a run is executed once; every later write carries the fence of that claim
and is refused when it no longer holds. A run whose worker went silent fails, or goes on from the state that it saved.

queued → running → succeeded | failed | cancelled; queued → cancelled; failed | cancelled → queued, a further attempt.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q
from django.db.models.functions import Now

from annotate import audit, outbox
from rlhf import attempts, broker, preflight
from rlhf.contract import config as configs
from rlhf.contract.records import FailureReason
from rlhf.contract.rundir import Result
from rlhf.models import Metric, Run, Sweep
from rlhf.preflight import RunOrder

log = logging.getLogger(__name__)
State = Run.State
RING_AGAIN_SECONDS = 30
MESSAGE_CHARS = 4000
RESTORED_FENCES = 1000


class AlreadyOver(Exception):
    """The run has ended; there is nothing to cancel."""


class AlreadyActive(Exception):
    """A run of the same order waits or runs; a second one would give the same result twice."""

    def __init__(self, run: Run) -> None:
        self.run = run
        super().__init__(
            f"Run {run.pk} is active with exactly these settings. Wait for it, cancel it, or change one (the seed)."
        )


class AskedBefore(Exception):
    """The key of an order was used before: `run` is what it started."""

    def __init__(self, run: Run, *, is_same: bool) -> None:
        self.run, self.is_same = run, is_same
        super().__init__(f"The key was used for run {run.pk}{'' if is_same else ', which is another order'}.")


class CannotResume(Exception):
    """A run has nothing to go on from, or was taken up too often; the message says which."""


class LostClaim(Exception):
    """The claim no longer holds: the run was cancelled, failed as silent, or ended. Stop working on it."""


@dataclass(frozen=True)
class Claim:
    """The right to execute a run: its id and the fence that every write must carry."""

    run_id: int
    fence: int


def create(order: RunOrder, *, by: User | None, sweep: Sweep | None = None, key: str = "") -> Run:
    """Queue a run and ring for a worker once the transaction commits.

    Raises preflight.Refused, AlreadyActive where a run of the same order is not over, and AskedBefore where the key (at
    most 100 characters, once in a project) came before. The database decides, so that of many at once one wins.
    """
    if problems := preflight.problems(order):
        raise preflight.Refused(problems)
    try:
        return _create(order, by=by, sweep=sweep, key=key)
    except IntegrityError:
        asked = Run.objects.filter(project=order.project, order_key=key).first() if key else None
        if asked:
            raise AskedBefore(asked, is_same=asked.order_sha256 == order.sha256) from None
        if twin := Run.objects.filter(order_sha256=order.sha256).first():  # the newest, if over in this moment
            raise AlreadyActive(twin) from None
        raise


def _create(order: RunOrder, *, by: User | None, sweep: Sweep | None, key: str) -> Run:
    with transaction.atomic():
        run = Run.objects.create(
            project=order.project,
            sweep=sweep,
            stage=order.stage,
            config=configs.to_json(order.config),
            snapshot=order.snapshot,
            corpus=order.corpus,
            base=order.base,
            reward_model=order.reward_model,
            baseline=order.baseline,
            watcher=order.watcher,
            profile=order.profile,
            queue=order.queue or settings.RUN_QUEUES[0],
            order_sha256=order.sha256,
            order_key=key,
            created_by=by,
        )
        told = {"stage": run.stage, "project": run.project.slug, "config": run.config}
        told |= {"profile": run.profile, "queue": run.queue}
        audit.record(audit.Kind.RUN_STARTED, f"run {run.pk}", after=told)
        transaction.on_commit(lambda: ring(run.pk))
    return run


def ring(run_id: int) -> None:
    """Send the wake-up message of a queued run. Where the broker is away the sweeper rings later."""
    queue = Run.objects.values_list("queue", flat=True).get(pk=run_id)
    if broker.ring("rlhf.tasks.execute_run", run_id, queue=queue, expires=4 * RING_AGAIN_SECONDS):
        Run.objects.filter(pk=run_id, state=State.QUEUED).update(rung_at=Now())


def claim(run_id: int) -> Claim | None:
    """Take a queued run for execution; None where someone else was first or it is over."""
    taken = Run.objects.filter(pk=run_id, state=State.QUEUED).update(
        state=State.RUNNING, fence=F("fence") + 1, started_at=Now(), heartbeat_at=Now(), lease_until=_lease_end()
    )
    if taken != 1:
        return None
    return Claim(run_id, Run.objects.values_list("fence", flat=True).get(pk=run_id))


def heartbeat(held: Claim) -> bool:
    """Renew the lease and return whether a cancel was asked for. Raises LostClaim."""
    if _held(held).update(heartbeat_at=Now(), lease_until=_lease_end()) != 1:
        raise LostClaim
    return Run.objects.filter(pk=held.run_id, cancel_requested_at__isnull=False).exists()


def record_metrics(held: Claim, rows: Sequence[tuple[int, dict[str, float]]]) -> None:
    """Store lines of metrics.jsonl; a step that is there already is left as it is. Raises LostClaim."""
    with transaction.atomic():
        if not _held(held).select_for_update().exists():
            raise LostClaim
        Metric.objects.bulk_create(
            (Metric(run_id=held.run_id, step=step, values=values) for step, values in rows), ignore_conflicts=True
        )


def tell_alarms(held: Claim, rows: Sequence[dict[str, Any]]) -> None:
    """Tell webhooks of lines of alarms.jsonl: the step, the alarm's name and its sentence. Raises LostClaim."""
    with transaction.atomic():
        if not _held(held).select_for_update().exists():
            raise LostClaim
        run = Run.objects.get(pk=held.run_id)
        for row in rows:
            told = {"run": run.pk, "stage": run.stage, **{name: row[name] for name in ("step", "name", "sentence")}}
            outbox.record(run.project_id, outbox.Kind.RUN_ALARM, told)


def succeed(held: Claim, result: Result) -> None:
    """Close a run as succeeded; call inside the transaction that stores what it left. Raises LostClaim."""
    _close(held, State.SUCCEEDED, result=asdict(result))


def fail(held: Claim, reason: str, *, message: str, result: Result | None = None) -> None:
    """Close a run as failed with a FailureReason and a sentence for the person looking. Raises LostClaim."""
    left = asdict(result) if result else None
    _close(held, State.FAILED, failure_reason=reason, failure_message=message[:MESSAGE_CHARS], result=left)


def cancelled(held: Claim, result: Result | None = None) -> None:
    """Close a run that stopped because it was asked to. Raises LostClaim."""
    _close(held, State.CANCELLED, result=asdict(result) if result else None)


def request_cancel(run: Run) -> None:
    """Cancel a queued run at once, or ask a running one to stop. Raises AlreadyOver."""
    with transaction.atomic():
        if Run.objects.filter(pk=run.pk, state=State.QUEUED).update(state=State.CANCELLED, finished_at=Now()):
            audit.record(audit.Kind.RUN_CANCELLED, f"run {run.pk}", before={"state": State.QUEUED})
            _tell(run.pk)
            return
    with transaction.atomic():
        asked = Run.objects.filter(pk=run.pk, state=State.RUNNING)
        if not asked.update(cancel_requested_at=Now()):
            raise AlreadyOver
        audit.record(audit.Kind.RUN_CANCELLED, f"run {run.pk}", before={"state": State.RUNNING})


def resume(run: Run) -> None:
    """Queue a run that failed or was cancelled once more, to go on from the newest state that it saved.

    Raises CannotResume.
    """
    if refusal := attempts.refusal(run):
        raise CannotResume(refusal)
    try:
        _queue_again(run)
    except IntegrityError:
        twin = Run.objects.filter(order_sha256=run.order_sha256).exclude(pk=run.pk).first()
        if twin is None:
            raise
        raise CannotResume(str(AlreadyActive(twin))) from None


def _queue_again(run: Run) -> None:
    over = Run.objects.filter(pk=run.pk, attempt=run.attempt, state__in=[State.FAILED, State.CANCELLED])
    with transaction.atomic():
        changes = {"state": State.QUEUED, "attempt": F("attempt") + 1, "failure_reason": "", "failure_message": ""}
        none = dict.fromkeys(("finished_at", "result", "cancel_requested_at", "rung_at", "lease_until"))
        if over.update(**changes, **none) != 1:
            raise CannotResume(f"Run {run.pk} was just resumed by somebody else.")
        told = {"state": run.state, "failure_reason": run.failure_reason, "attempt": run.attempt}
        audit.record(audit.Kind.RUN_RESUMED, f"run {run.pk}", before=told, after={"attempt": run.attempt + 1})
        transaction.on_commit(lambda: ring(run.pk))


def begin_attempt(held: Claim, *, step: int) -> None:
    """Drop what was measured after a step: the attempt that goes on from there measures it again. Raises LostClaim."""
    with transaction.atomic():
        if not _held(held).select_for_update().exists():
            raise LostClaim
        Metric.objects.filter(run_id=held.run_id, step__gt=step).delete()


def fail_silent_runs() -> int:
    """Fail the running runs whose lease is over; return how many. What saved a state goes on from it by itself."""
    silent = Run.objects.filter(state=State.RUNNING, lease_until__lt=Now())
    failed = [pk for pk in list(silent.values_list("pk", flat=True)) if _fail_silent(pk)]
    for run in Run.objects.filter(pk__in=failed, cancel_requested_at=None):
        try:
            resume(run)
        except CannotResume as reason:
            log.warning("%s", reason)
    return len(failed)


def fail_restored() -> int:
    """After a restore: fail what was running when the backup was made, and raise the fences of what was queued.

    A worker of that time holds neither: its claims are of fences that no row bears any more. Return how many failed.
    """
    with transaction.atomic():
        Run.objects.filter(state=State.QUEUED).update(fence=F("fence") + RESTORED_FENCES)
        return Run.objects.filter(state=State.RUNNING).update(
            state=State.FAILED,
            finished_at=Now(),
            failure_reason=FailureReason.LOST,
            failure_message="Concord was restored from a backup in which this run was running. Start it again.",
        )


def ring_again() -> int:
    """Ring for queued runs that no message may be on its way for; return how many."""
    long_ago = ExpressionWrapper(Now() - timedelta(seconds=RING_AGAIN_SECONDS), output_field=DateTimeField())
    waiting = Run.objects.filter(Q(rung_at=None) | Q(rung_at__lt=long_ago), state=State.QUEUED)
    ids = list(waiting.values_list("pk", flat=True))
    for run_id in ids:
        ring(run_id)
    return len(ids)


def _fail_silent(run_id: int) -> bool:
    with transaction.atomic():
        silent = Run.objects.filter(pk=run_id, state=State.RUNNING, lease_until__lt=Now())
        is_failed = silent.update(
            state=State.FAILED,
            finished_at=Now(),
            failure_reason=FailureReason.LOST,
            failure_message="The worker of this run went silent: it was stopped, or its machine was.",
        )
        if is_failed:
            _tell(run_id)
    return bool(is_failed)


def _held(held: Claim):
    return Run.objects.filter(pk=held.run_id, fence=held.fence, state=State.RUNNING)


def _close(held: Claim, state: State, **changes: Any) -> None:
    with transaction.atomic():
        if _held(held).update(state=state, finished_at=Now(), lease_until=None, **changes) != 1:
            raise LostClaim
        _tell(held.run_id)


def _tell(run_id: int) -> None:
    """Tell webhooks that a run is over; inside the transaction that ends it."""
    run = Run.objects.get(pk=run_id)
    told = {"run": run.pk, "stage": run.stage, "state": run.state, "failure_reason": run.failure_reason}
    outbox.record(run.project_id, outbox.Kind.RUN_FINISHED, told)


def _lease_end() -> ExpressionWrapper:
    """The end of a lease that starts now, by the database's clock."""
    return ExpressionWrapper(Now() + timedelta(seconds=settings.RUN_LEASE_SECONDS), output_field=DateTimeField())
