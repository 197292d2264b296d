"""Accounts, their roles, and the annotators behind them: the only writer of Annotator.

Pages and exports know an annotator by a pseudonym drawn at random; the account's name stays here.
"""

import secrets
from collections.abc import Iterable

from django.contrib.auth.models import Group, User
from django.db import transaction

from annotate.models import Annotator, Origin, Role


def create_account(username: str, *, password: str, roles: Iterable[Role]) -> User:
    """Create an account with roles; admins get into Django's admin site. Raises IntegrityError if the name is taken."""
    names = list(roles)
    with transaction.atomic():
        user = User.objects.create_user(username, password=password, is_staff=Role.ADMIN in names)
        user.groups.set(Group.objects.filter(name__in=names))
        if Role.ANNOTATOR in names:
            annotator_for(user)
    return user


def annotator_for(user: User) -> Annotator:
    """Return the annotator of an account, made at first use."""
    annotator, _ = Annotator.objects.get_or_create(
        user=user, defaults={"origin": Origin.PERSON, "pseudonym": _new_pseudonym("annotator")}
    )
    return annotator


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
    Annotator.objects.filter(pk=annotator.pk).update(is_paused=is_paused)


def _known(source: str, wanted: set[str]) -> dict[str, Annotator]:
    return {a.external_id: a for a in Annotator.objects.filter(source=source).iterator() if a.external_id in wanted}


def _new_pseudonym(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(5)}"
