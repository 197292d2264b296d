"""The tables of operations: limits and recovery codes."""

from django.conf import settings
from django.db import models


class Bucket(models.Model):
    """What is left of a limit: tokens at a moment (seconds since 1970). Written by operations.limits only."""

    key = models.CharField(max_length=80, primary_key=True)
    tokens = models.FloatField()
    at = models.FloatField(db_index=True)

    def __str__(self) -> str:
        return self.key


class RecoveryCode(models.Model):
    """A code that stands in for the second factor once. Written by operations.second_factor only."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    sha256 = models.CharField(max_length=64, unique=True)

    def __str__(self) -> str:
        return f"a recovery code of account {self.user_id}"
