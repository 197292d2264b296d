"""The annotators' forms: a ranking, a skip."""

from uuid import UUID, uuid4

from django import forms

from annotate.answers import Tiers

MAX_REASON_CHARS = 2_000
SKIP_REASONS = (
    "I do not understand the prompt",
    "I cannot judge this subject",
    "I do not read this language well",
    "It shows something harmful or upsetting",
    "A completion is broken or empty",
)
OTHER = "other"


class RankingForm(forms.Form):
    """A rank for each completion, in the order of the page; nothing is chosen beforehand, the same rank is a tie."""

    submission = forms.UUIDField(
        widget=forms.HiddenInput,
        error_messages={
            "required": "The page did not say which submission this is. Send it again.",
            "invalid": "The page did not say which submission this is. Send it again.",
        },
    )
    reason = forms.CharField(
        label="Why this order?",
        required=False,
        max_length=MAX_REASON_CHARS,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )

    def __init__(self, *args: object, labels: dict[int, str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.labels = labels
        for pk, label in labels.items():
            self.fields[f"rank-{pk}"] = _rank_field(label, count=len(labels))

    @property
    def rank_fields(self) -> list[forms.BoundField]:
        """The ranks, in the order of the page."""
        return [self[f"rank-{pk}"] for pk in self.labels]

    @property
    def submission_id(self) -> UUID:
        """The id that was sent, or a new one: for the page that is shown (again)."""
        return (self.cleaned_data.get("submission") if self.is_bound else None) or uuid4()

    @property
    def tiers(self) -> Tiers:
        """The ranking as best-first tiers; ranks that nobody has are left out, ids in a tie are sorted."""
        ranks = {pk: self.cleaned_data[f"rank-{pk}"] for pk in self.labels}
        return [sorted(pk for pk in ranks if ranks[pk] == rank) for rank in sorted(set(ranks.values()))]


class SkipForm(forms.Form):
    """Why an annotator gives a comparison back: one of the usual reasons, or their own words."""

    why = forms.ChoiceField(
        label="Why do you skip it?",
        widget=forms.RadioSelect,
        choices=[*((reason, reason) for reason in SKIP_REASONS), (OTHER, "Something else:")],
        error_messages={"required": "Choose a reason."},
    )
    words = forms.CharField(
        label="In your words", required=False, max_length=200, widget=forms.TextInput(attrs={"dir": "auto"})
    )

    def clean(self) -> dict[str, str]:
        cleaned = super().clean()
        if cleaned.get("why") == OTHER and not cleaned.get("words"):
            self.add_error("words", "Say in a few words why.")
        return cleaned

    @property
    def reason(self) -> str:
        """The reason that is stored."""
        why = self.cleaned_data["why"]
        return self.cleaned_data["words"] if why == OTHER else why


def _rank_field(label: str, *, count: int) -> forms.TypedChoiceField:
    words = {1: "1 Best", count: f"{count} Worst"}
    ranks = [(rank, words.get(rank, str(rank))) for rank in range(1, count + 1)]
    return forms.TypedChoiceField(
        label=f"Rank of {label}",
        choices=[("", "Rank…"), *ranks],
        coerce=int,
        error_messages={
            "required": f"{label} is not ranked yet. Give it a rank.",
            "invalid_choice": f"Choose a rank from 1 to {count} for {label}.",
        },
    )
