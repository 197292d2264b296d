"""What is to be done, under which rules, and who may do it."""

import secrets

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from annotate.models.people import Annotator
from annotate.policy import MOST_VOTES


class Task(models.TextChoices):
    """What annotators are asked to do with a comparison."""

    RANKING = "ranking", "rank 2-9 completions, ties allowed"
    PAIRWISE = "pairwise", "say which of two is better, and how much"
    DEMONSTRATION = "demonstration", "write the ideal completion"


class OverlapPolicy(models.TextChoices):
    """How many votes a comparison gets."""

    FIXED = "fixed", "always `overlap` votes"
    ADAPTIVE = "adaptive", "`overlap` votes, and more where they leave it undecided"


class Project(models.Model):
    """A body of prompts ranked under one guideline. Written by annotate.projects."""

    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=120)
    names_key = models.CharField(
        max_length=64, default=secrets.token_hex, editable=False, help_text="Of annotators' names in files: names.py."
    )
    task = models.CharField(max_length=13, choices=Task, default=Task.RANKING)
    questions = models.JSONField(
        default=dict, blank=True, help_text="What is asked besides the order; read by annotate.questions."
    )
    overlap = models.PositiveSmallIntegerField(
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text="How many annotators rank each comparison (for comparisons imported from now on).",
    )
    overlap_policy = models.CharField(max_length=8, choices=OverlapPolicy, default=OverlapPolicy.FIXED)
    overlap_cap = models.PositiveSmallIntegerField(
        default=MOST_VOTES,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text="Adaptive: the most votes a comparison may get.",
    )
    fixed_rate = models.FloatField(
        default=0.15,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Adaptive: share of prompts that keep `overlap` votes whatever they say, for honest statistics.",
    )
    gold_rate = models.FloatField(
        default=0.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.5)],
        help_text="Share of an annotator's work that has a known order. Rises while little is known of them.",
    )
    repeat_rate = models.FloatField(
        default=0.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.5)],
        help_text="Share of an annotator's work that they have ranked before, shuffled anew.",
    )
    lease_seconds = models.PositiveIntegerField(
        default=1800,
        validators=[MinValueValidator(60), MaxValueValidator(86_400)],
        help_text="How long a comparison stays reserved for an annotator before someone else may have it.",
    )
    grace_seconds = models.PositiveIntegerField(
        default=300,
        validators=[MaxValueValidator(86_400)],
        help_text="How long an annotator may go back and change what they submitted.",
    )
    is_open = models.BooleanField(
        default=True, help_text="Any account with the role annotator may work on it; otherwise by invitation only."
    )
    is_active = models.BooleanField(default=True, help_text="Inactive projects hand out no work.")
    training_count = models.PositiveSmallIntegerField(
        default=0, help_text="Training items that an annotator sees, with reasons, before they work."
    )
    qualification_count = models.PositiveSmallIntegerField(
        default=0, help_text="Comparisons of known order that an annotator ranks before they work; 0 asks for none."
    )
    qualification_pass_rate = models.FloatField(
        default=0.75, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    pauses_failing = models.BooleanField(
        default=False, help_text="Pause annotators whose rankings fail the quality checks; staff can undo it."
    )
    pay_per_hour = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    crowd = models.JSONField(default=dict, blank=True, help_text="The crowd provider; read by annotate.crowd.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(overlap__gte=1, overlap__lte=50), name="project_overlap_1_to_50"),
            models.CheckConstraint(condition=Q(task__in=Task.values), name="project_task_is_known"),
            models.CheckConstraint(
                condition=~Q(task=Task.DEMONSTRATION)
                | Q(gold_rate=0, repeat_rate=0, training_count=0, qualification_count=0),
                name="project_of_demonstrations_has_no_known_orders",
                violation_error_message="A project of ideal outputs has no known orders: it takes no gold, repeats, "
                "training or qualification. Set them to 0.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GuidelineVersion(models.Model):
    """One published text of a project's guidelines; never edited, only followed by the next.

    Written by annotate.projects.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="guidelines")
    number = models.PositiveIntegerField()
    text = models.TextField(help_text="Markdown.")
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="guideline_number_once_per_project")]

    def __str__(self) -> str:
        return f"{self.project} guidelines v{self.number}"


class ConsentVersion(models.Model):
    """One published text that annotators agree to before they work. Written by annotate.projects."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="consents")
    number = models.PositiveIntegerField()
    text = models.TextField(help_text="Markdown.")
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="consent_number_once_per_project")]

    def __str__(self) -> str:
        return f"{self.project} consent v{self.number}"


class PolicyChange(models.Model):
    """A policy of a project was turned on or off; never edited. Written by annotate.projects."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="policy_changes")
    policy = models.CharField(max_length=40)
    is_on = models.BooleanField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.policy} {'on' if self.is_on else 'off'} in {self.project}"


class Membership(models.Model):
    """An annotator in a project: what they agreed to and read, how they qualified, how much they may do.

    Written by annotate.memberships.
    """

    class Qualification(models.TextChoices):
        PENDING = "pending"
        PASSED = "pass"
        FAILED = "fail"
        UNKNOWN = "unknown", "not enough evidence"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="memberships")
    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="memberships")
    cohort = models.CharField(max_length=60, blank=True)
    quota = models.PositiveIntegerField(null=True, blank=True, help_text="The most comparisons; empty: no limit.")
    consent = models.ForeignKey(ConsentVersion, null=True, on_delete=models.PROTECT, related_name="+")
    consented_at = models.DateTimeField(null=True)
    recalled_at = models.DateTimeField(
        null=True, help_text="When they took their consent back: what they said makes no labels while this is set."
    )
    guideline = models.ForeignKey(GuidelineVersion, null=True, on_delete=models.PROTECT, related_name="+")
    guideline_read_at = models.DateTimeField(null=True)
    qualification = models.CharField(max_length=8, choices=Qualification, default=Qualification.PENDING)
    qualification_note = models.CharField(max_length=300, blank=True, help_text="The verdict's reason in a sentence.")
    is_paused = models.BooleanField(default=False)
    pause_message = models.CharField(max_length=500, blank=True, help_text="Shown to the annotator.")
    keeps_labels = models.BooleanField(
        default=False,
        help_text="While paused, what they ranked makes labels all the same: the pause is no doubt of it.",
    )
    quarantined_at = models.DateTimeField(
        null=True, help_text="When the staff came to doubt all that they ranked: it makes no labels while this is set."
    )
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["project", "annotator"], name="one_membership_per_project")]

    def __str__(self) -> str:
        return f"{self.annotator} in {self.project}"


class Intervention(models.Model):
    """What was done about an annotator in a project: by whom, why, and what they were told.

    Nothing here is changed or removed. Written by annotate.memberships.
    """

    class Action(models.TextChoices):
        PAUSED = "paused"
        RESUMED = "resumed"
        QUARANTINED = "quarantined", "put in quarantine"
        RELEASED = "released", "taken out of quarantine"

    membership = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="interventions")
    action = models.CharField(max_length=11, choices=Action)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the project's policy.",
    )
    message = models.CharField(max_length=500, blank=True, help_text="What the annotator was told.")
    reason = models.CharField(max_length=500, blank=True, help_text="The finding behind it. Staff only.")
    evidence = models.JSONField(default=list, help_text="Ids of the comparisons that show it.")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.membership} {self.action}"


class Invitation(models.Model):
    """A link that lets people into a project; only a hash of its secret is kept. Written by annotate.crowd."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="invitations")
    token_sha256 = models.CharField(max_length=64, unique=True)
    label = models.CharField(max_length=120)
    cohort = models.CharField(max_length=60, blank=True)
    quota = models.PositiveIntegerField(null=True, blank=True)
    max_uses = models.PositiveIntegerField(null=True, blank=True)
    use_count = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField(null=True, blank=True)
    is_revoked = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(max_uses__isnull=True) | Q(use_count__lte=models.F("max_uses")),
                name="invitation_not_overused",
            )
        ]

    def __str__(self) -> str:
        return self.label


class Participation(models.Model):
    """A crowd worker's stay in a study at a provider (Prolific or another). Written by annotate.crowd."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        SUBMITTED = "submitted", "awaiting review"
        APPROVED = "approved"
        REJECTED = "rejected"
        RETURNED = "returned"
        TIMED_OUT = "timed_out", "timed out"
        SCREENED_OUT = "screened_out", "screened out"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="participations")
    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="participations")
    provider = models.CharField(max_length=30)
    study_id = models.CharField(max_length=80, blank=True)
    session_id = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.ACTIVE)
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "annotator", "study_id", "session_id"], name="one_participation_per_session"
            )
        ]

    def __str__(self) -> str:
        return f"{self.annotator} at {self.provider}"
