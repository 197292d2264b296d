"""A person's API tokens: made, listed, revoked. The only writer of ApiToken.

The token itself is returned once and kept as a hash. It gives its account's roles, or only what of them reads, and ends
when it expires, is revoked, or the account is closed.
"""

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from annotate import audit
from annotate.models import ApiToken

MAX_TOKENS = 20


class TooManyTokens(Exception):
    """The account has as many tokens as it may have."""


def create(user: User, *, label: str, days: int, is_read_only: bool = False) -> str:
    """Make a token that expires in some days and return it; it cannot be shown again. Raises TooManyTokens."""
    if of(user).count() >= MAX_TOKENS:
        raise TooManyTokens
    with transaction.atomic():
        made, token = ApiToken.objects.create(user, expiry=timedelta(days=days), label=label, is_read_only=is_read_only)
        about = {"token": made.token_key[:6], "days": days, "is_read_only": is_read_only}
        audit.record(audit.Kind.TOKEN_MADE, f"account {user.pk}", after=about)
    return token


def of(user: User) -> QuerySet[ApiToken]:
    """Return the account's tokens that work, newest first."""
    return ApiToken.objects.filter(Q(expiry=None) | Q(expiry__gt=timezone.now()), user=user)


def revoke_all(user: User) -> int:
    """Revoke all of an account's tokens; return how many there were."""
    with transaction.atomic():
        deleted, _ = ApiToken.objects.filter(user=user).delete()
        if deleted:
            audit.record(audit.Kind.TOKEN_REVOKED, f"account {user.pk}", before={"tokens": deleted})
    return deleted


def revoke(user: User, *, token_key: str) -> bool:
    """Revoke one of the account's tokens by its first characters; False where there is none."""
    with transaction.atomic():
        deleted, _ = ApiToken.objects.filter(user=user, token_key=token_key).delete()
        if deleted:
            audit.record(audit.Kind.TOKEN_REVOKED, f"account {user.pk}", before={"token": token_key[:6]})
    return bool(deleted)
