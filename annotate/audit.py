"""Who did what that bears on rights: the only writer of AuditEntry, which nothing changes or deletes.

An entry is written in the transaction of the act, so neither exists without the other. Who acted is whoever is signed
in where the request is answered; without a request it was a command or a worker.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from annotate.models import AuditEntry

Values = dict[str, Any]
_request: ContextVar[HttpRequest | None] = ContextVar("audited_request", default=None)


class Kind(StrEnum):
    """What is on record."""

    ACCOUNT_MADE = "account made"
    ACCOUNT_CHANGED = "account changed"  # its roles, or whether it may sign in
    ACCOUNT_DELETED = "account deleted"
    PASSWORD_SET = "password set"  # noqa: S105  for somebody else
    SECOND_FACTOR_SET = "second factor set"
    SECOND_FACTOR_RESET = "second factor reset"
    TOKEN_MADE = "token made"  # noqa: S105
    TOKEN_REVOKED = "token revoked"  # noqa: S105
    INVITATION_MADE = "invitation made"
    INVITATION_REVOKED = "invitation revoked"
    PROJECT_MADE = "project made"
    PROJECT_CHANGED = "project changed"
    EXPORTED = "exported"
    FREEZE_ASKED = "freeze asked for"  # of a large project, which a worker freezes
    FROZEN = "frozen"
    RUN_STARTED = "run started"
    RUN_CANCELLED = "run cancelled"
    RUN_RESUMED = "run resumed"
    WEIGHTS_REMOVED = "weights removed"
    RULED = "ruled"
    OVERRIDDEN = "overridden"  # the staff's word in place of a rule's
    ANNOTATOR_PAUSED = "annotator paused"
    ANNOTATOR_QUARANTINED = "annotator put in quarantine"
    ANNOTATOR_RELEASED = "annotator taken out of quarantine"
    PAY_DECIDED = "pay decided"  # of one submission
    SNAPSHOT_SIGNED = "snapshot signed"  # to be learned from in spite of its findings
    CONSENT_RECALLED = "consent recalled"
    ERASED = "erased"


def remembered(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: remember the request while it is answered. It asks nothing of it and of nobody."""

    def answer(request: HttpRequest) -> HttpResponse:
        mark = _request.set(request)
        try:
            return get_response(request)
        finally:
            _request.reset(mark)

    return answer


def record(kind: Kind, subject: object, *, before: Values | None = None, after: Values | None = None) -> None:
    """Record an act; call inside the transaction in which it is done."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"{kind}: an act is recorded inside its transaction.")
    AuditEntry.objects.create(by=_actor(), kind=kind, subject=str(subject)[:120], before=before, after=after)


@contextmanager
def change(kind: Kind, row: models.Model, subject: object) -> Iterator[None]:
    """Record what the block changes of a row, field by field; nothing where nothing changed. Opens a transaction."""
    with transaction.atomic():
        before = _values(row)
        yield
        changed(kind, subject, before=before, after=_values(row))


def changed(kind: Kind, subject: object, *, before: Values, after: Values) -> None:
    """Record the fields that differ; nothing where none does."""
    names = [name for name in after if after[name] != before.get(name)]
    if names:
        record(kind, subject, before={name: before.get(name) for name in names}, after={n: after[n] for n in names})


def account(user: User) -> Values:
    """Return what an account may do; no name stands in it, and no address."""
    found = User.objects.values("is_active", "is_staff", "is_superuser").get(pk=user.pk)
    return found | {"roles": sorted(user.groups.values_list("name", flat=True))}


def entries(*, kind: str = "", by: int | None = None) -> QuerySet[AuditEntry]:
    """Return the log, newest first, of one kind or person where that is asked."""
    found = AuditEntry.objects.select_related("by")
    if kind:
        found = found.filter(kind=kind)
    return found.filter(by=by) if by else found


def _values(row: models.Model) -> Values:
    return type(row)._default_manager.filter(pk=row.pk).values().get()


def _actor() -> User | None:
    request = _request.get()
    user = getattr(request, "user", None)
    return User(pk=user.pk) if user is not None and user.is_authenticated else None
