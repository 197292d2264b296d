"""The forms of tokens and webhooks."""

from django import forms

from annotate import posting
from annotate.outbox import Kind


class TokenForm(forms.Form):
    """A new token: what it is for, and how long it works."""

    label = forms.CharField(max_length=80, label="What is it for?", help_text="For instance: nightly import.")
    days = forms.TypedChoiceField(
        label="It expires after",
        choices=[(7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "a year")],
        coerce=int,
        initial=30,
    )
    is_read_only = forms.BooleanField(
        required=False, label="It only reads", help_text="Whatever changes something is refused."
    )


class WebhookForm(forms.Form):
    """A new webhook: where to, and what it is told of."""

    url = forms.CharField(
        max_length=500, label="Address", help_text="https://… that takes a POST; it must be reachable from outside."
    )
    kinds = forms.MultipleChoiceField(
        label="Tell it of",
        choices=[(kind.value, kind.value) for kind in Kind],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all.",
    )

    def clean_url(self) -> str:
        try:
            posting.check_url(self.cleaned_data["url"])
        except posting.Refused as problem:
            raise forms.ValidationError(str(problem)) from problem
        return self.cleaned_data["url"]


class ActiveForm(forms.Form):
    """The state wanted, not «toggle»: pressing the button twice does no harm."""

    is_active = forms.TypedChoiceField(
        choices=[("yes", "active"), ("no", "stopped")], coerce=lambda said: said == "yes"
    )
