"""The audit log and its seals. The database refuses to change or delete a row (migrations 0017 and 0026)."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models


class AuditEntry(models.Model):
    """An act that bears on rights: who did what to what, and how it stood before and after.

    Accounts and annotators are named by number, so that erasing a person leaves the log as it was. Written by
    annotate.audit.
    """

    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["kind", "id"]), models.Index(fields=["by", "id"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class AuditSeal(models.Model):
    """A link of the chain over the log: the sha256 of the link before and of one entry. Written by annotate.sealing."""

    number = models.PositiveBigIntegerField(unique=True, help_text="1, 2, 3 … without a gap.")
    entry = models.OneToOneField(AuditEntry, on_delete=models.PROTECT, related_name="seal")
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.number}:{self.sha256}"
