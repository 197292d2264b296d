"""Links that let people into a project: the only writer of Invitation.

The secret is shown once, to whoever makes the link; its hash is kept. A constraint refuses a use too many, however many
people open the link at once.
"""

import hashlib
import secrets
from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate import audit, memberships, people
from annotate.models import Annotator, Invitation, Membership, Project, Role


class Closed(Exception):
    """The link lets nobody in; the message says why."""


def create(
    project: Project,
    *,
    label: str,
    cohort: str = "",
    quota: int | None = None,
    max_uses: int | None = None,
    expires_at: datetime | None = None,
    by: User | None,
) -> tuple[Invitation, str]:
    """Make a link and return it with its secret, which cannot be had again."""
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            project=project,
            token_sha256=_hash(secret),
            label=label,
            cohort=cohort,
            quota=quota,
            max_uses=max_uses,
            expires_at=expires_at,
            created_by=by,
        )
        told = {"cohort": cohort, "quota": quota, "max_uses": max_uses, "expires_at": expires_at}
        audit.record(audit.Kind.INVITATION_MADE, _named(invitation), after=told)
    return invitation, secret


def revoke(invitation: Invitation) -> None:
    """Let nobody else in by a link; who came by it stays."""
    with transaction.atomic():
        Invitation.objects.filter(pk=invitation.pk).update(is_revoked=True)
        audit.record(audit.Kind.INVITATION_REVOKED, _named(invitation))


def find(secret: str) -> Invitation | None:
    """Return the invitation of a secret, in an active project."""
    found = Invitation.objects.select_related("project")
    return found.filter(token_sha256=_hash(secret), project__is_active=True).first()


def why_closed(invitation: Invitation, *, now: datetime | None = None) -> str:
    """Say why a link lets nobody in; nothing where it does."""
    if invitation.is_revoked:
        return _("This invitation has been withdrawn.")
    if invitation.expires_at and invitation.expires_at <= (now or timezone.now()):
        return _("This invitation has expired.")
    if invitation.max_uses is not None and invitation.use_count >= invitation.max_uses:
        return _("This invitation has been used as often as it may be.")
    return ""


def accept(invitation: Invitation, annotator: Annotator) -> Membership:
    """Let an annotator into the project; coming again is no further use. Raises Closed."""
    with transaction.atomic():
        if member := Membership.objects.filter(project=invitation.project, annotator=annotator).first():
            return member
        _use(invitation)
        return memberships.admit(annotator, invitation.project, cohort=invitation.cohort, quota=invitation.quota)


def accept_as_new(invitation: Invitation, *, username: str, password: str) -> User:
    """Make an annotator's account and let it into the project, or neither. Raises Closed, or IntegrityError."""
    with transaction.atomic():
        user = people.create_account(username, password=password, roles=[Role.ANNOTATOR])
        accept(invitation, people.annotator_for(user))
    return user


def _use(invitation: Invitation) -> None:
    """Count a use. What is asked here is asked of the row as it is now, not as it was when the page was opened."""
    now = timezone.now()
    open_now = Invitation.objects.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), is_revoked=False)
    try:
        with transaction.atomic():
            if open_now.filter(pk=invitation.pk).update(use_count=F("use_count") + 1) == 1:
                return
    except IntegrityError:  # invitation_not_overused
        pass
    invitation.refresh_from_db()
    raise Closed(why_closed(invitation, now=now))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _named(invitation: Invitation) -> str:
    return f"invitation {invitation.pk} to {invitation.project.slug}"
