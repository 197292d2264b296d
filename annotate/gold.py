"""Known orders of comparisons: the only writer of GoldKey."""

from django.contrib.auth.models import User

from annotate.answers import Tiers
from annotate.models import Comparison, GoldKey


def add(comparison: Comparison, *, tiers: Tiers, reason: str, by: User | None) -> GoldKey:
    """Give a comparison its known order."""
    return GoldKey.objects.create(comparison=comparison, tiers=tiers, reason=reason, created_by=by)
