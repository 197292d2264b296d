"""The forms of the crowd: an invitation, an account by invitation, a project's provider and pay."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.utils import timezone
from django.utils.translation import gettext_lazy

from annotate import projects
from annotate.crowd import settings as crowds
from annotate.crowd.settings import Crowd
from annotate.models import Invitation, Project

NONE, OTHER = "none", "other"
MAX_COUNT = 1_000_000
MAX_REASON_CHARS = 2_000


class InvitationForm(forms.ModelForm):
    """A new link: for whom, how much, how often, until when."""

    quota = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_COUNT,
        label="Quota",
        help_text="The most comparisons for each person.",
    )
    max_uses = forms.IntegerField(required=False, min_value=1, max_value=MAX_COUNT, label="How many people")
    expires_at = forms.DateTimeField(
        required=False,
        label="Valid until (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    class Meta:
        model = Invitation
        fields = ["label", "cohort", "quota", "max_uses", "expires_at"]
        help_texts = {
            "label": "For you: whom you give it to.",
            "cohort": "A name for them as a group: work of this cohort is theirs alone, and pay is summed by it.",
        }

    def clean_expires_at(self) -> datetime | None:
        """Refuse a moment that is past already."""
        moment = self.cleaned_data["expires_at"]
        if moment and moment <= timezone.now():
            raise forms.ValidationError("This moment is past. Choose a later one, or leave it empty.")
        return moment


class AccountForm(BaseUserCreationForm):
    """A new annotator's name and password; people.create_account does the rest."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = gettext_lazy("At least 10 characters, and none that everybody uses.")
        self.fields["password2"].help_text = ""


class CrowdForm(forms.Form):
    """A project's provider; annotate.crowd.settings judges the whole."""

    provider = forms.ChoiceField(
        label="Provider",
        choices=[(NONE, "None"), (crowds.PROLIFIC, "Prolific"), (OTHER, "Another one")],
        widget=forms.RadioSelect,
    )
    studies = forms.CharField(
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Ids of the studies whose workers may come in, a line each.",
    )
    quota = forms.IntegerField(required=False, label="Comparisons in one stay", min_value=1, max_value=crowds.MAX_QUOTA)
    cohort = forms.CharField(
        required=False,
        max_length=60,
        help_text="Their group: work of this cohort is theirs alone, and pay is summed by it.",
    )
    completion_code = forms.CharField(required=False, max_length=40, help_text="Shown to who has finished.")
    failed_code = forms.CharField(
        required=False, max_length=40, label="Screen-out code", help_text="Shown to who did not qualify."
    )
    reward = forms.CharField(
        required=False, max_length=20, label="Reward of a finished stay", help_text="In the project's currency."
    )
    asks_provider = forms.BooleanField(
        required=False,
        label="Check each session with Prolific",
        help_text="Needs PROLIFIC_TOKEN. Without it a worker who knows a colleague's ids could pose as them.",
    )
    discards_failed_stays = forms.BooleanField(
        required=False,
        label="Leave failed stays out of training",
        help_text="Returned, timed out, rejected: nothing of them is deleted, and you may turn this off again. The "
        "figures show them either way; snapshots and exports of preferences count them as left out.",
    )
    link_number = forms.IntegerField(
        min_value=1, max_value=MAX_COUNT, initial=1, help_text="Raise it to make all earlier links invalid."
    )
    name = forms.CharField(required=False, max_length=30, label="Its name", help_text="Stands in the address.")
    id_parameter = forms.CharField(required=False, max_length=40, label="Parameter with the worker's id")
    study_parameter = forms.CharField(required=False, max_length=40, label="Parameter with the study")
    session_parameter = forms.CharField(required=False, max_length=40, label="Parameter with the session")
    completion_url = forms.CharField(
        required=False,
        max_length=400,
        label="Address to return to",
        help_text="https://…; {code}, {id}, {study} and {session} are filled in.",
    )

    OF_ANOTHER = ("name", "id_parameter", "study_parameter", "session_parameter", "completion_url")

    @classmethod
    def of(cls, crowd: Crowd) -> dict[str, Any]:
        """Return a crowd as the form's initial values."""
        values = crowds.to_json(crowd)
        is_other = crowd.provider and not crowd.is_prolific
        choice = OTHER if is_other else crowd.provider or NONE
        return values | {
            "provider": choice,
            "name": crowd.provider if is_other else "",
            "studies": "\n".join(crowd.studies),
        }

    @property
    def of_another(self) -> list[forms.BoundField]:
        """The fields that only another provider needs."""
        return [self[name] for name in self.OF_ANOTHER]

    def clean(self) -> dict[str, Any]:
        """Put the fields together to a crowd; what it refuses stands at its field."""
        cleaned = super().clean()
        if self.errors:
            return cleaned
        try:
            cleaned["crowd"] = crowds.parse(self._values(cleaned))
        except crowds.BadCrowd as refusal:
            is_name = refusal.field == "provider" and cleaned["provider"] == OTHER
            self.add_error("name" if is_name else refusal.field, str(refusal))
        return cleaned

    def _values(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        """Return what of the fields the chosen provider has."""
        if cleaned["provider"] == NONE:
            return {projects.FAILED_STAYS: cleaned[projects.FAILED_STAYS]}  # the stays that were are still there
        kept = {name: value for name, value in cleaned.items() if name not in ("provider", "name")}
        if cleaned["provider"] == crowds.PROLIFIC:
            kept = {name: value for name, value in kept.items() if name not in self.OF_ANOTHER}
        elif cleaned["name"] == crowds.PROLIFIC:
            raise crowds.BadCrowd("provider", "Choose Prolific above instead.")
        provider = crowds.PROLIFIC if cleaned["provider"] == crowds.PROLIFIC else cleaned["name"]
        return kept | {"provider": provider, "studies": cleaned["studies"].split()}


class PayForm(forms.ModelForm):
    """What an hour of work is paid."""

    pay_per_hour = forms.DecimalField(required=False, min_value=0, max_digits=8, decimal_places=2)
    currency = forms.RegexField(
        r"^[A-Z]{3}$", required=False, max_length=3, error_messages={"invalid": "Three capitals, such as GBP."}
    )

    covers_past = forms.BooleanField(
        required=False,
        label="Also for all work so far",
        help_text="Otherwise for what is handed out from now on. What was promised can be raised, not lowered.",
    )

    class Meta:
        model = Project
        fields = ["pay_per_hour", "currency"]


class DecisionForm(forms.Form):
    """Whether one submission is paid, and why."""

    is_paid = forms.TypedChoiceField(
        choices=[("yes", "yes"), ("no", "no")], coerce=lambda said: said == "yes", widget=forms.HiddenInput
    )
    reason = forms.CharField(
        max_length=MAX_REASON_CHARS,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
        help_text="The annotator reads it.",
        error_messages={"required": "Say why: the annotator reads it, and it stays on record."},
    )
