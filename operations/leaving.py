"""A person leaves: they take their consent back, or have what says who they are erased.

Erasing keeps what they said, under a pseudonym that nobody can trace any more: labels and models rest on it. Taking the
consent back keeps what they said out of labels from then on. Each table is written by its own module.
"""

from axes.models import AccessAttempt, AccessFailureLog
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils.translation import gettext, gettext_noop

from annotate import audit, drafts, memberships, people, tokens
from annotate.crowd import participations
from annotate.models import Annotator, Project
from operations import second_factor
from rlhf import recall
from rlhf.recall import Touched

GOODBYE = gettext_noop(
    "You took your consent back. You get no more work here, and what you did is kept out of what models learn from."
)

WHY = "They took their consent back."


class MayNotLeave(Exception):
    """The message says why, and what to do first."""


def erase(user: User) -> dict[str, int]:
    """Erase who an account's person is; return how much of each kind went. Raises MayNotLeave for the last admin.

    Backups made before still hold it, until they are deleted.
    """
    admins = User.objects.filter(is_active=True, is_superuser=True)
    if user.is_superuser and not admins.exclude(pk=user.pk).exists():
        raise MayNotLeave("This is the last superuser: make another one first, or nobody can administer Concord.")
    with transaction.atomic():
        name, annotator = user.username, Annotator.objects.filter(user=user).first()
        gone = {
            "accounts": 1,
            "sessions": _end_sessions(user),
            "tokens": tokens.revoke_all(user),
            "drafts": drafts.forget_all(annotator) if annotator else 0,
            "provider ids": participations.forget(annotator) if annotator else 0,
            "failed sign-ins": _forget_sign_ins(name),
        }
        second_factor.reset(user)
        people.forget(user)
        audit.record(audit.Kind.ERASED, f"account {user.pk}", after=gone)
    return gone


def take_back_consent(annotator: Annotator, project: Project) -> Touched | None:
    """Recall an annotator's consent and return what may rest on them; None where it was recalled before."""
    member = memberships.admit(annotator, project)
    if not memberships.recall_consent(member, message=gettext(GOODBYE), reason=WHY, by=None):
        return None
    return recall.touched(annotator, project)


def _end_sessions(user: User) -> int:
    own = [one.pk for one in Session.objects.iterator() if one.get_decoded().get("_auth_user_id") == str(user.pk)]
    return Session.objects.filter(pk__in=own).delete()[0]


def _forget_sign_ins(username: str) -> int:
    found = (model.objects.filter(username=username) for model in (AccessAttempt, AccessFailureLog))
    return sum(rows.delete()[0] for rows in found)
