"""The tables of annotation: what is ranked, by whom, and what was said.

Truth lives in constraints. A comparison has `overlap` numbered places; each place is one open Assignment row, made with
the comparison, so over-assignment is impossible. Each table has one writing module (see docs/architecture.md); nothing
else creates or changes rows.
"""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
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


class Project(models.Model):
    """A body of prompts ranked under one guideline. Written by annotate.projects."""

    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=120)
    overlap = models.PositiveSmallIntegerField(
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text="How many annotators rank each comparison (for comparisons imported from now on).",
    )
    lease_seconds = models.PositiveIntegerField(
        default=1800,
        validators=[MinValueValidator(60), MaxValueValidator(86_400)],
        help_text="How long a comparison stays reserved for an annotator before someone else may have it.",
    )
    is_active = models.BooleanField(default=True, help_text="Inactive projects hand out no work.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(overlap__gte=1, overlap__lte=50), name="project_overlap_1_to_50")
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


class Prompt(models.Model):
    """The input: messages ending with a user message. Written by annotate.intake."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="prompts")
    external_id = models.CharField(max_length=120)
    messages = models.JSONField(help_text='[{"role": "system"|"user"|"assistant", "content": text}, …]')
    text_sha256 = models.CharField(max_length=64, help_text="Of the folded text: the split is decided by it.")
    category = models.CharField(max_length=60, blank=True)
    language = models.CharField(max_length=12, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["project", "external_id"], name="prompt_id_once_per_project")]
        indexes = [models.Index(fields=["text_sha256"])]

    def __str__(self) -> str:
        return self.external_id


class Comparison(models.Model):
    """A prompt with 2-9 completions, to be ranked by `overlap` annotators. Written by annotate.intake."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="comparisons")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="comparisons")
    external_id = models.CharField(max_length=120)
    overlap = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(50)])
    source = models.CharField(max_length=120, blank=True, help_text="The import or run it came from. Staff only.")
    fingerprint = models.CharField(
        max_length=64, help_text="sha256 of the content: the same line imported again is known by it."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "external_id"], name="comparison_id_once_per_project"),
            models.CheckConstraint(condition=Q(overlap__gte=1, overlap__lte=50), name="comparison_overlap_1_to_50"),
        ]

    def __str__(self) -> str:
        return self.external_id


class Completion(models.Model):
    """One candidate output of a comparison; annotators never see its `source`. Written by annotate.intake."""

    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="completions")
    external_id = models.CharField(max_length=120)
    text = models.TextField()
    source = models.CharField(max_length=120, blank=True, help_text="The model that wrote it, e.g. checkpoint/3.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["comparison", "external_id"], name="completion_id_once_per_comparison")
        ]

    def __str__(self) -> str:
        return self.external_id


class Assignment(models.Model):
    """One annotator's place on a comparison. Written by annotate.assignments only.

    open → reserved → submitted; a reserved place that is skipped or expires is closed (its slot becomes null, the row
    stays as history) and a fresh open row takes over the slot. `order` is the order of completion ids on the page.
    """

    class State(models.TextChoices):
        OPEN = "open"
        RESERVED = "reserved"
        SUBMITTED = "submitted"
        SKIPPED = "skipped"
        EXPIRED = "expired"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="assignments")
    slot = models.PositiveSmallIntegerField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    annotator = models.ForeignKey(Annotator, null=True, on_delete=models.PROTECT, related_name="assignments")
    guideline = models.ForeignKey(GuidelineVersion, null=True, on_delete=models.PROTECT, related_name="+")
    order = models.JSONField(default=list)
    reserved_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    skip_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["comparison", "slot"], name="one_assignment_per_slot"),
            models.UniqueConstraint(
                fields=["comparison", "annotator"],
                condition=Q(state__in=["reserved", "submitted", "skipped"]),
                name="nobody_twice_on_a_comparison",
            ),
            models.UniqueConstraint(
                fields=["project", "annotator"], condition=Q(state="reserved"), name="one_reservation_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "reserved", "submitted"], slot__isnull=False)
                | Q(state__in=["skipped", "expired"], slot__isnull=True),
                name="a_slot_is_held_exactly_while_live",
            ),
            models.CheckConstraint(
                condition=Q(state="open", annotator__isnull=True) | (~Q(state="open") & Q(annotator__isnull=False)),
                name="open_exactly_if_nobody_has_it",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "comparison", "slot"], condition=Q(state="open"), name="assignment_open"),
            models.Index(fields=["annotator", "comparison"], name="assignment_seen"),
            models.Index(fields=["expires_at"], condition=Q(state="reserved"), name="assignment_leases"),
        ]

    def __str__(self) -> str:
        return f"{self.comparison} #{self.slot} {self.state}"


class Ranking(models.Model):
    """Best-first tiers of completion ids, as one annotator said. Revisions stay. Written by annotate.rankings only."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="rankings")
    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="rankings")
    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="rankings")
    submission = models.UUIDField(unique=True, help_text="Made by the client; sending it again is harmless.")
    revision = models.PositiveSmallIntegerField(default=1)
    tiers = models.JSONField(help_text="[[completion id, …], …] best first; a tier of several is a tie.")
    reason = models.TextField(blank=True)
    seconds = models.FloatField(null=True, help_text="From showing to submitting; null where unknown.")
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
    """The ideal output to a prompt, written by a person; becomes SFT data. Written by annotate.intake."""

    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="demonstrations")
    text = models.TextField()
    author = models.ForeignKey(Annotator, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"demonstration for {self.prompt}"
