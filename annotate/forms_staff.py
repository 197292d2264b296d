"""The staff's forms: what may be asked for, checked; the writing modules do the rest."""

from django import forms

from annotate import exports, forms_questions, intake, projects, questions, redaction
from annotate.formats import columns, shapes
from annotate.forms_onboarding import refuse_known_orders
from annotate.forms_questions import QuestionsForm
from annotate.models import Completion, OverlapPolicy, Project

MAX_GUIDELINES_CHARS = 100_000
MAX_REASON_CHARS = 2_000
RATES = ("fixed_rate", "gold_rate", "repeat_rate")


def _text_area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class ProjectForm(QuestionsForm, forms.ModelForm):
    """A new project: its task, what is asked, and the first version of its guidelines."""

    guidelines = forms.CharField(
        widget=_text_area(14),
        max_length=MAX_GUIDELINES_CHARS,
        strip=False,
        help_text="What annotators read before they rank: what makes a completion better. Markdown.",
    )

    class Meta:
        model = Project
        fields = ["name", "slug", "task", "overlap"]
        labels = {"slug": "Short name", "task": "What annotators do"}
        help_texts = {
            "slug": "Stands in addresses: letters, digits, hyphens. It cannot be changed later.",
            "task": "It cannot be changed once there are comparisons.",
        }
        widgets = {"task": forms.RadioSelect}

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, initial=forms_questions.initial(questions.DEFAULT), **more)

    @property
    def settings(self) -> dict[str, object]:
        """What projects.create takes."""
        names = ("name", "slug", "task", "overlap", "guidelines")
        return {name: self.cleaned_data[name] for name in names} | {"questions": self.questions}


class SettingsForm(QuestionsForm, forms.ModelForm):
    """What may change in a project's life."""

    class Meta:
        model = Project
        fields = ["name", "overlap", "lease_seconds", "is_active", *projects.QUEUE_FIELDS]
        labels = {
            "lease_seconds": "Reservation, in seconds",
            "is_active": "Active",
            "overlap_policy": "How many votes",
            "overlap_cap": "At most so many votes",
            "fixed_rate": "Share with fixed overlap (0 to 1)",
            "gold_rate": "Hidden gold (0 to 0.5)",
            "repeat_rate": "Hidden repeats (0 to 0.5)",
            "grace_seconds": "Time to change a submission, in seconds",
        }
        widgets = {name: forms.NumberInput(attrs={"step": "0.01", "min": "0"}) for name in RATES}

    def __init__(self, *args: object, instance: Project, **more: object) -> None:
        asked = forms_questions.initial(questions.parse(instance.questions))
        super().__init__(*args, instance=instance, initial=asked, **more)

    def clean(self) -> dict[str, object]:
        """An adaptive overlap can only grow."""
        given = super().clean()
        cap, overlap = given.get("overlap_cap"), given.get("overlap")
        if given.get("overlap_policy") == OverlapPolicy.ADAPTIVE and cap and overlap and cap < overlap:
            self.add_error("overlap_cap", f"At least the overlap, {overlap}; got {cap}.")
        refuse_known_orders(self, "gold_rate", "repeat_rate")
        return given

    @property
    def settings(self) -> dict[str, object]:
        """What projects.change takes."""
        said = {name: self.cleaned_data[name] for name in self._meta.fields}
        queue = {name: said.pop(name) for name in projects.QUEUE_FIELDS}
        return said | {"questions": self.questions, "queue": queue}


class GuidelinesForm(forms.Form):
    """The next version; `based_on` is the version that the writer had before them."""

    text = forms.CharField(
        label="Guidelines",
        widget=_text_area(24),
        max_length=MAX_GUIDELINES_CHARS,
        strip=False,
        help_text="Markdown. Annotators see this version from their next comparison on.",
    )
    based_on = forms.IntegerField(widget=forms.HiddenInput)


class ImportForm(forms.Form):
    """A file, what is in it and how it is written; the kinds on offer depend on the role."""

    kind = forms.ChoiceField(label="What the file holds", widget=forms.RadioSelect)
    file = forms.FileField(
        label="File",
        allow_empty_file=True,  # intake says by name what is wrong with it
        widget=forms.FileInput(attrs={"accept": ".jsonl,.ndjson,.json,.csv,.tsv,.parquet,.arrow"}),
    )
    shape = forms.ChoiceField(
        label="Format",
        choices=[(name, shape.label) for name, shape in shapes.SHAPES.items()],
        initial=shapes.OWN,
        required=False,
    )
    columns = forms.CharField(
        label="Your columns",
        widget=_text_area(4),
        max_length=4_000,
        required=False,
        help_text="Where they have other names than ours: a line each, such as prompt = question or "
        "completions = answer_1, answer_2. Columns that are not named are then left out.",
    )
    is_dry_run = forms.BooleanField(label="Dry run: show the first rows and the counts, store nothing", required=False)

    def __init__(self, *args: object, kinds: list[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(name, intake.KINDS[name].label) for name in kinds]
        self.fields["kind"].initial = kinds[0]

    def clean(self) -> dict[str, object]:
        """Read the mapping of columns; only a file in our own shape has one."""
        given = super().clean()
        given["shape"] = given.get("shape") or shapes.OWN
        self.mapped = columns.Mapped()
        if given.get("columns") and given["shape"] != shapes.OWN:
            self.add_error("columns", "Only files with columns of their own are mapped; leave this empty.")
        elif given.get("columns") and given.get("kind"):
            try:
                self.mapped = columns.parse(given["columns"], kind=given["kind"])
            except columns.BadMapping as problem:
                self.add_error("columns", str(problem))
        return given

    @property
    def how(self) -> dict[str, object]:
        """What intake.import_file wants to know besides the file."""
        return {name: self.cleaned_data[name] for name in ("kind", "shape", "is_dry_run")} | {"mapped": self.mapped}


class ExportForm(forms.Form):
    """What to export, and as which file."""

    what = forms.ChoiceField(
        label="What", choices=[(name, one.label) for name, one in exports.WHATS.items()], widget=forms.RadioSelect
    )
    form = forms.ChoiceField(label="File", choices=list(exports.FORMS.items()), initial="jsonl")
    reasons = forms.ChoiceField(
        label="Reasons that annotators wrote",
        choices=list(redaction.REASONS.items()),
        initial="none",
        required=False,
        help_text="They may say who somebody is. Addresses and numbers can be replaced; names are not found.",
    )

    def clean_reasons(self) -> str:
        return self.cleaned_data["reasons"] or "none"

    def clean(self) -> dict[str, object]:
        """Formats of other tools are JSON only."""
        given = super().clean()
        what, form = given.get("what"), given.get("form")
        if what and form and form not in exports.WHATS[what].forms:
            forms_there = ", ".join(exports.FORMS[name] for name in exports.WHATS[what].forms)
            self.add_error("form", f"{exports.WHATS[what].label} can be had as {forms_there}.")
        return given


class PauseForm(forms.Form):
    """The state wanted, not «toggle»: pressing the button twice does no harm."""

    is_paused = forms.TypedChoiceField(
        choices=[("yes", "paused"), ("no", "working")], coerce=lambda said: said == "yes", widget=forms.HiddenInput
    )


class AskAgainForm(forms.Form):
    """How many disagreements between people and model are asked again, and of how many annotators."""

    limit = forms.IntegerField(label="Comparisons at most", min_value=1, max_value=1000, initial=20)
    place_count = forms.IntegerField(
        label="More annotators for each",
        min_value=1,
        max_value=9,
        initial=2,
        help_text="Two who agree decide it; two who differ show that people are truly split.",
    )


class WithdrawForm(forms.Form):
    """The state wanted of a prompt, not «toggle»."""

    is_withdrawn = forms.TypedChoiceField(
        choices=[("yes", "withdrawn"), ("no", "in use")], coerce=lambda said: said == "yes", widget=forms.HiddenInput
    )


class RulingForm(forms.Form):
    """A rank for each completion and the reason; the same rank is a tie."""

    reason = forms.CharField(
        label="Reason",
        widget=_text_area(3),
        max_length=MAX_REASON_CHARS,
        help_text="Required: it stays on record beside the ruling.",
    )

    def __init__(self, *args: object, completions: list[Completion], labels: dict[int, str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.completion_ids = [completion.pk for completion in completions]
        ranks = [("", "Choose a rank"), *((str(n), str(n)) for n in range(1, len(completions) + 1))]
        for pk in self.completion_ids:
            self.fields[f"rank_{pk}"] = forms.TypedChoiceField(
                label=f"Rank of {labels[pk]}", choices=ranks, coerce=int, error_messages={"required": "Give it a rank."}
            )
        self.order_fields([*(f"rank_{pk}" for pk in self.completion_ids), "reason"])

    @property
    def rank_fields(self) -> list[forms.BoundField]:
        """The fields of the ranks, for the page."""
        return [self[f"rank_{pk}"] for pk in self.completion_ids]

    @property
    def tiers(self) -> list[list[int]]:
        """The ruling as best-first tiers; ranks that nobody has are left out."""
        ranks = {pk: self.cleaned_data[f"rank_{pk}"] for pk in self.completion_ids}
        return [[pk for pk in ranks if ranks[pk] == rank] for rank in sorted(set(ranks.values()))]
