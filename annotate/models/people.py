"""Who people are: roles and annotators."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Role(models.TextChoices):
    """The four roles; each is a Django group of that name (migration 0002)."""

    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"
    ADMIN = "admin"
    ML_ENGINEER = "ml_engineer", "ML engineer"


class Origin(models.TextChoices):
    """Where an annotator's rankings come from. Simulated people are marked wherever they appear."""

    PERSON = "person"
    IMPORTED = "imported"
    SIMULATED = "simulated"


class Annotator(models.Model):
    """A person (or a simulated or imported one) who ranks. Pages show `pseudonym`, never the account.

    Written by annotate.people only.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    origin = models.CharField(max_length=10, choices=Origin)
    source = models.CharField(max_length=80, blank=True, help_text="Of an imported or simulated annotator: from where.")
    external_id = models.CharField(max_length=120, blank=True)
    pseudonym = models.CharField(max_length=60, unique=True)
    is_paused = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pseudonym"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"],
                condition=~Q(external_id=""),
                name="annotator_external_id_once_per_source",
            ),
            models.CheckConstraint(
                condition=Q(origin="person", user__isnull=False) | (~Q(origin="person") & Q(user__isnull=True)),
                name="annotator_has_an_account_exactly_if_a_person",
            ),
        ]

    def __str__(self) -> str:
        return self.pseudonym
