"""What was said: rankings, rulings, demonstrations, objections."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotate.models.people import Annotator
from annotate.models.work import Assignment, Comparison, Completion, Prompt


class Ranking(models.Model):
    """Best-first tiers of completion ids, as one annotator said. Revisions stay. Written by annotate.rankings only."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="rankings")
    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="rankings")
    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="rankings")
    submission = models.UUIDField(unique=True, help_text="Made by the client; sending it again is harmless.")
    revision = models.PositiveSmallIntegerField(default=1)
    tiers = models.JSONField(
        help_text="[[completion id, …], …] best first; a tier of several is a tie. Empty if it cannot be ranked."
    )
    strength = models.PositiveSmallIntegerField(
        null=True, help_text="Pairwise: 0 tie, 1 slightly better, 2 better, 3 significantly better."
    )
    is_all_bad = models.BooleanField(default=False, help_text="«Both are bad», said apart from the order.")
    unrankable = models.CharField(max_length=300, blank=True, help_text="Why it cannot be ranked.")
    details = models.JSONField(
        default=dict, help_text="ratings, flags, aspects and spans by completion id; see annotate.answers."
    )
    reason = models.TextField(blank=True)
    seconds = models.FloatField(null=True, help_text="From showing to submitting; null where unknown.")
    active_seconds = models.FloatField(null=True, help_text="Without pauses and hidden tabs, as the page measured it.")
    submitted_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "revision"], name="ranking_revisions_are_numbered"),
            models.UniqueConstraint(
                fields=["assignment"],
                condition=Q(superseded_at__isnull=True),
                name="one_current_ranking_per_assignment",
            ),
            models.CheckConstraint(
                condition=Q(strength__isnull=True) | Q(strength__lte=3), name="ranking_strength_0_to_3"
            ),
        ]
        indexes = [models.Index(fields=["annotator", "submitted_at"])]

    def __str__(self) -> str:
        return f"{self.annotator} on {self.comparison}"


class Adjudication(models.Model):
    """The staff ruling on a comparison; it overrules the votes. Written by annotate.rankings only."""

    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="adjudications")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    tiers = models.JSONField()
    reason = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["comparison"], condition=Q(superseded_at__isnull=True), name="one_current_ruling_per_comparison"
            )
        ]

    def __str__(self) -> str:
        return f"ruling on {self.comparison}"


class Demonstration(models.Model):
    """The ideal output to a prompt, written by a person; becomes SFT data. Written by annotate.demonstrations."""

    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="demonstrations")
    text = models.TextField()
    author = models.ForeignKey(Annotator, null=True, on_delete=models.PROTECT, related_name="+")
    assignment = models.ForeignKey(Assignment, null=True, on_delete=models.PROTECT, related_name="demonstrations")
    edited_from = models.ForeignKey(Completion, null=True, on_delete=models.PROTECT, related_name="+")
    submission = models.UUIDField(null=True, unique=True, help_text="Made by the client; sending it again is harmless.")
    seconds = models.FloatField(null=True)
    active_seconds = models.FloatField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["assignment"],
                condition=Q(superseded_at__isnull=True),
                name="one_current_demonstration_per_assignment",
            )
        ]

    def __str__(self) -> str:
        return f"demonstration for {self.prompt}"


class Objection(models.Model):
    """An annotator contests a gold order, disputes their pay or reports a bad item; staff answer.

    Written by annotate.objections.
    """

    class Kind(models.TextChoices):
        CONTEST = "contest", "contests the known order"
        BAD_ITEM = "bad_item", "reports a bad item"
        PAY = "pay", "disputes that pay was withheld"

    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        REJECTED = "rejected"

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="objections")
    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="objections")
    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="objections")
    kind = models.CharField(max_length=8, choices=Kind)
    text = models.TextField()
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    answer = models.TextField(blank=True, help_text="Shown to the annotator.")
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["assignment", "kind"],
                condition=Q(state="open"),
                name="one_open_objection_per_assignment_and_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.annotator} {self.kind} {self.comparison}"
