"""Forms of onboarding, objections and the desk: what may be asked for, checked."""

from django import forms
from django.utils.translation import gettext_lazy

from annotate.models import Membership, Project, Task

MAX_TEXT_CHARS = 2_000
MAX_CONSENT_CHARS = 100_000
Qualification = Membership.Qualification


def _words(label: str, *, rows: int = 3, max_length: int = MAX_TEXT_CHARS, **more: object) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows, "dir": "auto"})
    return forms.CharField(label=label, widget=widget, max_length=max_length, **more)


def refuse_known_orders(form: forms.ModelForm, *names: str) -> None:
    """Add an error to each of these fields that asks for known orders in a project of ideal outputs."""
    for name in names if form.instance.task == Task.DEMONSTRATION else ():
        if form.cleaned_data.get(name):
            form.add_error(name, "A project of ideal outputs has no known orders: nobody ranks in it. Set this to 0.")


class AgreeForm(forms.Form):
    """The number of the version that was on the page."""

    version = forms.IntegerField(
        widget=forms.HiddenInput,
        min_value=1,
        max_value=2**31 - 1,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"),
            gettext_lazy("The page did not say which version this is."),
        ),
    )


class ChangesForm(forms.Form):
    """Two versions of a project's guidelines."""

    old = forms.TypedChoiceField(coerce=int)
    new = forms.TypedChoiceField(coerce=int)

    def __init__(self, *args: object, numbers: list[int], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.choices = [(number, str(number)) for number in numbers]


class ObjectionForm(forms.Form):
    """What an annotator objects to, in their words."""

    text = _words(
        gettext_lazy("What is wrong?"), error_messages={"required": gettext_lazy("Say in a few words what is wrong.")}
    )


class AnswerForm(forms.Form):
    """The staff's answer to an objection."""

    verdict = forms.ChoiceField(
        label="Verdict",
        widget=forms.RadioSelect,
        choices=[("accept", "Accept"), ("reject", "Reject")],
        error_messages={"required": "Accept it or reject it."},
    )
    text = _words("Answer", help_text="The annotator reads it.", error_messages={"required": "Give an answer."})
    retires_key = forms.BooleanField(
        label="Retire the known order",
        required=False,
        help_text="When accepted: it is no longer used, and those who failed by it are judged anew.",
    )


class PauseMemberForm(forms.Form):
    """Why an annotator gets no more work in a project."""

    message = _words(
        "Message to the annotator",
        rows=2,
        max_length=500,
        error_messages={"required": "Say why: the annotator reads it."},
    )
    keeps_labels = forms.BooleanField(
        label="Their rankings make labels all the same",
        required=False,
        help_text="For a pause that says nothing of their work: a leave, the end of a contract. Otherwise what they "
        "said since they last passed a gold comparison makes no labels while they are paused.",
    )


class QuarantineForm(forms.Form):
    """What an annotator in quarantine is told, and why, for the staff."""

    message = _words(
        "Message to the annotator",
        rows=2,
        max_length=500,
        error_messages={"required": "Say what becomes of their work: the annotator reads it."},
    )
    reason = _words(
        "Reason, for the staff",
        rows=2,
        max_length=500,
        help_text="Nothing that they ranked or wrote here makes labels from now on. What is frozen stays as it is.",
        error_messages={"required": "Say why: it stays on record."},
    )


class DecideForm(forms.Form):
    """The staff's own word on a qualification."""

    outcome = forms.ChoiceField(
        label="Qualification", choices=[(Qualification.PASSED, "Passed"), (Qualification.FAILED, "Not passed")]
    )
    note = _words(
        "Reason", rows=2, max_length=300, error_messages={"required": "Give a reason: the annotator reads it."}
    )


class OnboardingForm(forms.ModelForm):
    """Who may work on a project, and what comes before the work."""

    class Meta:
        model = Project
        fields = ["is_open", "training_count", "qualification_count", "qualification_pass_rate", "pauses_failing"]
        labels = {
            "is_open": "Open to every annotator",
            "training_count": "Training comparisons",
            "qualification_count": "Qualification comparisons",
            "qualification_pass_rate": "Agreement needed to pass (0 to 1)",
            "pauses_failing": "Pause annotators who fail the quality checks",
        }
        help_texts = {
            "pauses_failing": "Checked every hour. They read why, keep what they ranked and its pay, and you can give "
            "them work again; then the policy leaves them alone."
        }
        widgets = {"qualification_pass_rate": forms.NumberInput(attrs={"step": "0.01", "min": "0", "max": "1"})}

    def clean(self) -> dict[str, object]:
        cleaned = super().clean()
        for name in ("training_count", "qualification_count"):
            if (cleaned.get(name) or 0) > 50:
                self.add_error(name, f"At most 50; got {cleaned[name]}.")
        refuse_known_orders(self, "training_count", "qualification_count")
        return cleaned


class ConsentForm(forms.Form):
    """The next consent text; empty asks for none."""

    text = _words(
        "Consent text",
        rows=12,
        max_length=MAX_CONSENT_CHARS,
        required=False,
        strip=False,
        help_text="Markdown. Every annotator agrees to it before their next comparison. Empty: none is asked for.",
    )


class MoreVotesForm(forms.Form):
    """How many more annotators are to rank a comparison."""

    count = forms.IntegerField(
        label="More rankings",
        min_value=1,
        max_value=10,
        initial=2,
        error_messages={"required": "Say how many more, 1 to 10.", "invalid": "Say how many more, 1 to 10."},
    )
