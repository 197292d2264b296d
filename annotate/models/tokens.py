"""Tokens of the API. Written by annotate.tokens."""

from django.db import models
from knox.models import AbstractAuthToken


class ApiToken(AbstractAuthToken):
    """A person's token: its hash (`digest`), its first characters (`token_key`), when it expires, what it is for."""

    label = models.CharField(max_length=80)
    is_read_only = models.BooleanField(default=False, db_default=False, help_text="It changes nothing.")

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.label
