"""The known orders of comparisons: the only writer of GoldKey."""

from annotate.models import GoldKey


def retire(key: GoldKey) -> None:
    """Take a key out of use: its comparison is no longer handed out as known, and counts in no figure."""
    GoldKey.objects.filter(pk=key.pk).update(is_retired=True)
