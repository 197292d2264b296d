"""The forms of tokens and webhooks."""

from django import forms


class TokenForm(forms.Form):
    """A new token: what it is for, and how long it works."""

    label = forms.CharField(max_length=80, label="What is it for?", help_text="For instance: nightly import.")
    days = forms.TypedChoiceField(
        label="It expires after",
        choices=[(7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "a year")],
        coerce=int,
        initial=30,
    )
