"""Accounts, their roles, and the annotators behind them: the only writer of Annotator.

Pages and exports know an annotator by a pseudonym drawn at random; the account's name stays here.
"""

import secrets
from collections.abc import Iterable

from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction

from annotate import audit
from annotate.models import Annotator, Origin, Role


def create_account(username: str, *, password: str, roles: Iterable[Role]) -> User:
    """Create an account with roles; admins get into Django's admin site. Raises IntegrityError if the name is taken."""
    names = list(roles)
    with transaction.atomic():
        user = User.objects.create_user(username, password=password, is_staff=Role.ADMIN in names)
        user.groups.set(Group.objects.filter(name__in=names))
        if Role.ANNOTATOR in names:
            annotator_for(user)
        audit.record(audit.Kind.ACCOUNT_MADE, f"account {user.pk}", after=audit.account(user))
    return user


def annotator_for(user: User) -> Annotator:
    """Return the annotator of an account, made at first use."""
    annotator, _ = Annotator.objects.get_or_create(
        user=user, defaults={"origin": Origin.PERSON, "pseudonym": _new_pseudonym("annotator")}
    )
    return annotator


def make_annotator(user: User) -> Annotator:
    """Give an account the role annotator and return its annotator."""
    with transaction.atomic():
        before = audit.account(user)
        user.groups.add(Group.objects.get(name=Role.ANNOTATOR))
        audit.changed(audit.Kind.ACCOUNT_CHANGED, f"account {user.pk}", before=before, after=audit.account(user))
    return annotator_for(user)


def worker(*, source: str, external_id: str) -> Annotator:
    """Return the person whom a crowd provider knows by an id, made at first sight with an account without password."""
    try:
        with transaction.atomic():
            return _known_worker(source, external_id) or _new_worker(source, external_id)
    except IntegrityError:  # their other browser tab was faster
        return Annotator.objects.get(source=source, external_id=external_id)


def without_account(origin: Origin, *, source: str, external_ids: Iterable[str]) -> dict[str, Annotator]:
    """Return annotators of imported or simulated rankings by their id at `source`, making those that are missing."""
    wanted = set(external_ids)
    known = _known(source, wanted)
    missing = [
        Annotator(origin=origin, source=source, external_id=name, pseudonym=_new_pseudonym(origin.value))
        for name in sorted(wanted - known.keys())
    ]
    Annotator.objects.bulk_create(missing, batch_size=500)
    return known | {annotator.external_id: annotator for annotator in missing}


def set_paused(annotator: Annotator, *, is_paused: bool) -> None:
    """Stop or resume handing work to an annotator; what they ranked stays."""
    with audit.change(audit.Kind.ANNOTATOR_PAUSED, annotator, f"annotator {annotator.pk}"):
        Annotator.objects.filter(pk=annotator.pk).update(is_paused=is_paused)


def forget(user: User) -> None:
    """Take from an account and its annotator all that says who they are; the pseudonym and what was said stay."""
    nobody = {"first_name": "", "last_name": "", "email": "", "is_active": False, "is_staff": False}
    with transaction.atomic():
        user.groups.clear()
        user.user_permissions.clear()
        user.set_unusable_password()
        User.objects.filter(pk=user.pk).update(
            username=f"erased-{user.pk}", password=user.password, is_superuser=False, last_login=None, **nobody
        )
        Annotator.objects.filter(user=user).update(source="", external_id="", is_paused=True)


def _known_worker(source: str, external_id: str) -> Annotator | None:
    return Annotator.objects.filter(origin=Origin.PERSON, source=source, external_id=external_id).first()


def _new_worker(source: str, external_id: str) -> Annotator:
    user = User.objects.create_user(f"worker-{secrets.token_hex(6)}")  # no password: they come in by their link only
    user.groups.add(Group.objects.get(name=Role.ANNOTATOR))
    audit.record(audit.Kind.ACCOUNT_MADE, f"account {user.pk}", after=audit.account(user))
    return Annotator.objects.create(
        user=user,
        origin=Origin.PERSON,
        source=source,
        external_id=external_id,
        pseudonym=_new_pseudonym("annotator"),
    )


def _known(source: str, wanted: set[str]) -> dict[str, Annotator]:
    return {a.external_id: a for a in Annotator.objects.filter(source=source).iterator() if a.external_id in wanted}


def _new_pseudonym(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(5)}"
