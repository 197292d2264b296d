"""The staff's forms: what may be asked for, checked; the writing modules do the rest."""

from django import forms

from annotate import forms_questions, intake, questions
from annotate.forms_questions import QuestionsForm
from annotate.models import Completion, Project

MAX_GUIDELINES_CHARS = 100_000
MAX_REASON_CHARS = 2_000


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
        fields = ["name", "overlap", "lease_seconds", "is_active"]
        labels = {"lease_seconds": "Reservation, in seconds", "is_active": "Active"}

    def __init__(self, *args: object, instance: Project, **more: object) -> None:
        asked = forms_questions.initial(questions.parse(instance.questions))
        super().__init__(*args, instance=instance, initial=asked, **more)

    @property
    def settings(self) -> dict[str, object]:
        """What projects.change takes."""
        return {name: self.cleaned_data[name] for name in self._meta.fields} | {"questions": self.questions}


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
    """A file and what is in it; the kinds on offer depend on the role."""

    kind = forms.ChoiceField(label="What the file holds", widget=forms.RadioSelect)
    file = forms.FileField(label="File", widget=forms.FileInput(attrs={"accept": ".jsonl,.ndjson,.json"}))

    def __init__(self, *args: object, kinds: list[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(name, intake.KINDS[name].label) for name in kinds]
        self.fields["kind"].initial = kinds[0]


class PauseForm(forms.Form):
    """The state wanted, not «toggle»: pressing the button twice does no harm."""

    is_paused = forms.TypedChoiceField(
        choices=[("yes", "paused"), ("no", "working")], coerce=lambda said: said == "yes", widget=forms.HiddenInput
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
