"""What the API shows and takes. Nothing that annotators must not meet is in Work, Assigned and what they hold."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotate import rows
from annotate.answers import MAX_NOTE_CHARS, MAX_REASON_CHARS, MAX_SPANS
from annotate.api.base import Strict, Text, Whole, YesNo
from annotate.forms_staff import MAX_GUIDELINES_CHARS
from annotate.models import Assignment, Comparison, Completion, Project, Prompt, Ranking, Task, Use
from annotate.questions import RATING_HIGH, RATING_LOW

MAX_ROWS = 500
DAY_SECONDS = 86_400

Tiers = serializers.ListField(
    child=serializers.ListField(child=Text(max_length=1), min_length=1, max_length=rows.MAX_COMPLETIONS),
    max_length=rows.MAX_COMPLETIONS,
    help_text="Letters of completions, best first; those in one bracket are a tie. Empty if it cannot be ranked.",
)


class Message(serializers.Serializer):
    role = serializers.ChoiceField(choices=["system", "user", "assistant"])
    content = serializers.CharField()


class Refusal(serializers.Serializer):
    """One reason why a request was refused."""

    index = serializers.IntegerField(required=False, help_text="Of the row that was sent, from 0.")
    field = serializers.CharField(allow_blank=True)
    message = serializers.CharField()


class Errors(serializers.Serializer):
    """The body of every 4xx."""

    errors = Refusal(many=True)


# --- staff --------------------------------------------------------------------------------------------------------


class Me(serializers.Serializer):
    """The account behind a request."""

    username = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())


class ProjectOut(serializers.ModelSerializer):
    class Meta:
        model = Project
        fields = [
            "slug",
            "name",
            "task",
            "questions",
            "overlap",
            "overlap_policy",
            "overlap_cap",
            "lease_seconds",
            "grace_seconds",
            "is_open",
            "is_active",
            "created_at",
        ]


class ProjectIn(Strict):
    """A new project with the first version of its guidelines."""

    slug = serializers.SlugField(max_length=60)
    name = Text(max_length=120)
    overlap = Whole(min_value=1, max_value=50, default=3)
    guidelines = Text(max_length=MAX_GUIDELINES_CHARS)


class PromptOut(serializers.ModelSerializer):
    messages = Message(many=True)

    class Meta:
        model = Prompt
        fields = ["id", "external_id", "messages", "category", "language", "created_at"]


class CompletionOut(serializers.ModelSerializer):
    comparison = serializers.IntegerField(source="comparison_id")

    class Meta:
        model = Completion
        fields = ["id", "external_id", "comparison", "text", "source"]


class ComparisonOut(serializers.ModelSerializer):
    prompt = PromptOut()
    completions = CompletionOut(many=True)
    use = serializers.ChoiceField(choices=Use.choices)

    class Meta:
        model = Comparison
        fields = ["id", "external_id", "prompt", "completions", "use", "overlap", "priority", "source", "created_at"]


class CompletionIn(Strict):
    """A candidate output; a plain text stands for one without an id."""

    text = Text(max_length=200_000)
    id = Text(required=False)
    model = Text(required=False)


class PromptIn(Strict):
    """A prompt, as a line of a prompts file (annotate.rows checks it)."""

    prompt = extend_schema_field(OpenApiTypes.ANY)(serializers.JSONField)(help_text="A text, or a list of messages.")
    id = Text(required=False)
    category = Text(required=False)
    language = Text(required=False)
    demonstration = Text(required=False)


class ComparisonIn(Strict):
    """A comparison, as a line of a comparisons file (annotate.rows checks it)."""

    prompt = extend_schema_field(OpenApiTypes.ANY)(serializers.JSONField)(help_text="A text, or a list of messages.")
    completions = CompletionIn(many=True)
    id = Text(required=False)
    prompt_id = Text(required=False)
    category = Text(required=False)
    language = Text(required=False)
    overlap = Whole(required=False)


class PromptsIn(Strict):
    """Up to 500 prompts."""

    prompts = PromptIn(many=True)


class ComparisonsIn(Strict):
    """Up to 500 comparisons."""

    comparisons = ComparisonIn(many=True)


class Added(serializers.Serializer):
    """What a bulk request did."""

    row_count = serializers.IntegerField()
    new_count = serializers.IntegerField()
    duplicate_count = serializers.IntegerField()


class RankingOut(serializers.ModelSerializer):
    """A ranking for staff; the annotator stands there under a pseudonym."""

    comparison = serializers.IntegerField(source="comparison_id")
    annotator = serializers.CharField(source="annotator.pseudonym")
    origin = serializers.CharField(source="annotator.origin")
    purpose = serializers.ChoiceField(source="assignment.purpose", choices=Assignment.Purpose.choices)
    order = serializers.ListField(source="assignment.order", child=serializers.IntegerField())
    tiers = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))

    class Meta:
        model = Ranking
        fields = [
            "id",
            "comparison",
            "annotator",
            "origin",
            "purpose",
            "order",
            "submission",
            "revision",
            "tiers",
            "strength",
            "is_all_bad",
            "unrankable",
            "details",
            "reason",
            "seconds",
            "active_seconds",
            "submitted_at",
            "superseded_at",
        ]


class EstimateOut(serializers.Serializer):
    """A figure with its 95 % interval, or the reason why there is none."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    reason = serializers.CharField(allow_blank=True)


class AnnotatorFigures(serializers.Serializer):
    """How one annotator ranks."""

    annotator = serializers.CharField(source="pseudonym")
    origin = serializers.CharField()
    is_paused = serializers.BooleanField()
    ranking_count = serializers.IntegerField(source="reliability.rankings")
    agreement = EstimateOut(source="reliability.agreement")
    tie_rate = EstimateOut(source="reliability.tie_rate")
    first_shown_rate = EstimateOut(source="reliability.first_shown_rate")
    median_seconds = EstimateOut()
    remarks = serializers.ListField(child=serializers.CharField())


class Consistency(serializers.Serializer):
    """The figures of the consistency page; intervals are over new prompts to the same annotators."""

    comparison_count = serializers.IntegerField(source="headline.comparison_count")
    ranking_count = serializers.IntegerField(source="headline.ranking_count")
    annotator_count = serializers.IntegerField(source="headline.annotator_count")
    has_simulated = serializers.BooleanField(source="headline.has_simulated")
    agreement = EstimateOut(source="agreement.same_annotators")
    decisive_agreement = EstimateOut(source="decisive.same_annotators")
    alpha = EstimateOut(source="alpha.same_annotators")
    tie_rate = EstimateOut(source="headline.tie_rate")
    median_seconds = EstimateOut(source="headline.median_seconds")
    annotators = AnnotatorFigures(many=True)


# --- annotators ---------------------------------------------------------------------------------------------------


class WorkOut(serializers.Serializer):
    """A project as its annotator meets it."""

    project = serializers.CharField(source="project.slug")
    name = serializers.CharField(source="project.name")
    task = serializers.ChoiceField(source="project.task", choices=Task.choices)
    done_count = serializers.IntegerField()
    left_count = serializers.IntegerField()


class ShownCompletion(serializers.Serializer):
    """A completion under its letter: without its id, which tells when it came in, and without its origin."""

    label = serializers.CharField()
    text = serializers.CharField()


class OwnRanking(serializers.Serializer):
    """What the annotator said of a comparison."""

    submission = serializers.UUIDField()
    revision = serializers.IntegerField()
    tiers = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    strength = serializers.IntegerField(allow_null=True)
    is_all_bad = serializers.BooleanField()
    unrankable = serializers.CharField(allow_blank=True)
    details = serializers.DictField()
    reason = serializers.CharField(allow_blank=True)
    submitted_at = serializers.DateTimeField()
    words = serializers.CharField(help_text="Read back, in the letters shown: C > A = D > B.")


class OwnDemonstration(serializers.Serializer):
    """The ideal output that the annotator wrote."""

    submission = serializers.UUIDField()
    text = serializers.CharField()
    edited_from = serializers.CharField(allow_null=True, help_text="A letter.")
    created_at = serializers.DateTimeField()


class Assigned(serializers.Serializer):
    """A comparison as its annotator sees it: completions in the order shown."""

    id = serializers.IntegerField()
    project = serializers.CharField()
    task = serializers.ChoiceField(choices=Task.choices)
    questions = serializers.DictField()
    state = serializers.ChoiceField(choices=Assignment.State.choices)
    expires_at = serializers.DateTimeField(allow_null=True)
    messages = Message(many=True)
    completions = ShownCompletion(many=True)
    ranking = OwnRanking(allow_null=True)
    demonstration = OwnDemonstration(allow_null=True)


class SpanIn(Strict):
    """A stretch of a completion's text that holds an error."""

    completion = Text(max_length=1, help_text="Its letter.")
    start = Whole(min_value=0)
    end = Whole(min_value=1)
    note = Text(max_length=MAX_NOTE_CHARS, allow_blank=True, default="")


def _rating() -> Whole:
    return Whole(min_value=RATING_LOW, max_value=RATING_HIGH)


class AnswerIn(Strict):
    """An annotator's answer. `submission` is a UUID of the client's; sending the same answer again is harmless."""

    submission = serializers.UUIDField()
    tiers = Tiers
    reason = Text(max_length=MAX_REASON_CHARS, allow_blank=True, default="")
    strength = Whole(min_value=0, max_value=3, allow_null=True, default=None)
    is_all_bad = YesNo(default=False)
    unrankable = Text(max_length=300, allow_blank=True, default="")
    ratings = serializers.DictField(child=_rating(), default=dict, help_text="1-7 by letter.")
    flags = serializers.DictField(
        child=serializers.ListField(child=Text(max_length=40), max_length=30),
        default=dict,
        help_text="Keys of flags by letter.",
    )
    aspects = serializers.DictField(
        child=serializers.DictField(child=_rating()), default=dict, help_text="1-7 by aspect, by letter."
    )
    spans = SpanIn(many=True, default=list, max_length=MAX_SPANS)
    active_seconds = serializers.FloatField(min_value=0, max_value=DAY_SECONDS, allow_null=True, default=None)


class SkipIn(Strict):
    """Why a comparison is given back."""

    reason = Text(max_length=200)
