"""What is ranked, and each annotator's place on it."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from annotate.models.people import Annotator
from annotate.models.projects import ConsentVersion, GuidelineVersion, Project


class Prompt(models.Model):
    """The input: messages ending with a user message. Written by annotate.comparison_intake."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="prompts")
    external_id = models.CharField(max_length=120)
    messages = models.JSONField(help_text='[{"role": "system"|"user"|"assistant", "content": text}, …]')
    text_sha256 = models.CharField(max_length=64, help_text="Of the folded text: the split is decided by it.")
    category = models.CharField(max_length=60, blank=True)
    language = models.CharField(max_length=12, blank=True)
    withdrawn_at = models.DateTimeField(null=True, help_text="Since when it is neither handed out nor trained on.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["project", "external_id"], name="prompt_id_once_per_project")]
        indexes = [models.Index(fields=["text_sha256"])]

    def __str__(self) -> str:
        return self.external_id


class Use(models.TextChoices):
    """What a comparison is for. Annotators cannot tell work from gold."""

    WORK = "work"
    GOLD = "gold"
    TRAINING = "training"
    QUALIFICATION = "qualification"


class Comparison(models.Model):
    """A prompt with 2-9 completions (0-9 for a demonstration), for `overlap` annotators.

    Made by annotate.intake; `overlap`, `priority` and `use` change with the places, in annotate.assignments.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="comparisons")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="comparisons")
    external_id = models.CharField(max_length=120)
    use = models.CharField(
        max_length=13,
        choices=Use,
        default=Use.WORK,
        help_text="Only work has places and becomes preferences; the others have a GoldKey.",
    )
    overlap = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(50)])
    priority = models.IntegerField(default=0, help_text="Higher is handed out first.")
    cohort = models.CharField(
        max_length=60, blank=True, default="", db_default="", help_text="Whose work it is alone; empty: everybody's."
    )
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


class GoldKey(models.Model):
    """The known order of a comparison, and why. Written by annotate.gold."""

    comparison = models.OneToOneField(Comparison, on_delete=models.PROTECT, related_name="key")
    tiers = models.JSONField(help_text="[[completion id, …], …] best first.")
    reason = models.TextField(blank=True, help_text="Shown after a training item.")
    is_retired = models.BooleanField(default=False, help_text="No longer handed out, and in no figure.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"key of {self.comparison}"


class Completion(models.Model):
    """One candidate output; annotators never see its `source`. Written by annotate.comparison_intake."""

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

    Work: open → reserved → submitted; the row of a reservation is made when it is handed out and replaces the open one.
    A reserved place that is skipped or expires is closed (its slot becomes null, the row stays as history) and a fresh
    open row takes over the slot. Gold, training, qualification and repeats have no slot and no open row. `order` is the
    order of completion ids on the page.
    """

    class State(models.TextChoices):
        OPEN = "open"
        RESERVED = "reserved"
        SUBMITTED = "submitted"
        SKIPPED = "skipped"
        EXPIRED = "expired"

    class Purpose(models.TextChoices):
        WORK = "work"
        GOLD = "gold"
        REPEAT = "repeat"
        TRAINING = "training"
        QUALIFICATION = "qualification"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="assignments")
    purpose = models.CharField(max_length=13, choices=Purpose, default=Purpose.WORK)
    repeat_of = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="repeated_by")
    slot = models.PositiveSmallIntegerField(null=True)
    position = models.BigIntegerField(default=0, help_text="Open places are handed out by position, lowest first.")
    cohort = models.CharField(
        max_length=60, blank=True, default="", db_default="", help_text="The comparison's, on open places."
    )
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    annotator = models.ForeignKey(Annotator, null=True, on_delete=models.PROTECT, related_name="assignments")
    guideline = models.ForeignKey(GuidelineVersion, null=True, on_delete=models.PROTECT, related_name="+")
    consent = models.ForeignKey(ConsentVersion, null=True, on_delete=models.PROTECT, related_name="+")
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
                condition=Q(state__in=["reserved", "submitted", "skipped"]) & ~Q(purpose="repeat"),
                name="nobody_twice_on_a_comparison",
            ),
            models.UniqueConstraint(
                fields=["project", "annotator"], condition=Q(state="reserved"), name="one_reservation_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(purpose="work", state__in=["open", "reserved", "submitted"], slot__isnull=False)
                | Q(purpose="work", state__in=["skipped", "expired"], slot__isnull=True)
                | ~Q(purpose="work") & ~Q(state="open") & Q(slot__isnull=True),
                name="a_slot_is_held_exactly_while_live",
            ),
            models.CheckConstraint(
                condition=Q(state="open", annotator__isnull=True) | (~Q(state="open") & Q(annotator__isnull=False)),
                name="open_exactly_if_nobody_has_it",
            ),
            models.CheckConstraint(
                condition=Q(purpose="repeat", repeat_of__isnull=False)
                | ~Q(purpose="repeat") & Q(repeat_of__isnull=True),
                name="a_repeat_repeats_something",
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "cohort", "position", "comparison", "slot"],
                condition=Q(state="open"),
                name="assignment_open",
            ),
            models.Index(fields=["annotator", "comparison"], name="assignment_seen"),
            models.Index(fields=["expires_at"], condition=Q(state="reserved"), name="assignment_leases"),
        ]

    def __str__(self) -> str:
        return f"{self.comparison} #{self.slot} {self.state}"

    @cached_property
    def texts(self) -> dict[int, str]:
        """The text of each completion by id; they never change."""
        return dict(Completion.objects.filter(comparison=self.comparison_id).order_by().values_list("pk", "text"))


class Draft(models.Model):
    """What an annotator has entered and not submitted, as the page sent it. Written by annotate.drafts."""

    assignment = models.OneToOneField(Assignment, on_delete=models.CASCADE, related_name="draft")
    content = models.JSONField(help_text="The fields of the form by name.")
    saved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"draft on {self.assignment}"
