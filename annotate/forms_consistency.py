"""The forms of the consistency pages: what may be asked «what if», and why an annotator gets no more work."""

from django import forms

from annotate import statistics
from annotate.consistency import ballots
from annotate.consistency.tables import FORMS
from annotate.consistency.what_if import Conditions
from annotate.models import Project

MAX_LEFT_OUT = 100


class WhatIfForm(forms.Form):
    """Which rankings to leave out, for once."""

    without = forms.CharField(
        label="Without these annotators",
        required=False,
        max_length=4_000,
        help_text="Names as on the pages, with commas between them.",
    )
    overlap = forms.IntegerField(
        label="At overlap",
        required=False,
        min_value=2,
        max_value=50,
        help_text="Only the first so many rankings of each comparison.",
    )
    guideline = forms.TypedChoiceField(label="Only under guidelines", required=False, coerce=int, empty_value=None)
    category = forms.TypedChoiceField(label="Only prompts of category", required=False, empty_value=None)
    without_ties = forms.BooleanField(label="Without ties", required=False)
    without_simulated = forms.BooleanField(label="Without simulated annotators", required=False)

    def __init__(self, *args: object, project: Project, **more: object) -> None:
        super().__init__(*args, **more)
        numbers = project.guidelines.order_by("number").values_list("number", flat=True)
        self.fields["guideline"].choices = [("", "any"), *((number, f"version {number}") for number in numbers)]
        categories = statistics.categories(project)
        self.fields["category"].choices = [("", "any"), *((name, name) for name in categories)]

    def clean_without(self) -> tuple[int, ...]:
        names = sorted({name for part in self.cleaned_data["without"].split(",") if (name := part.strip())})
        if len(names) > MAX_LEFT_OUT:
            raise forms.ValidationError(f"At most {MAX_LEFT_OUT} names; got {len(names)}.")
        known = ballots.people(names)
        if missing := [name for name in names if name not in known]:
            raise forms.ValidationError(f"No annotator is called {', '.join(missing)[:200]}.")
        return tuple(sorted(known.values()))

    def clean(self) -> dict[str, object]:
        cleaned = super().clean()
        if self.is_bound and not self.errors and self.conditions == Conditions():
            raise forms.ValidationError("Choose what to leave out: otherwise both sides are the same.")
        return cleaned

    @property
    def conditions(self) -> Conditions:
        return Conditions(**self.cleaned_data)


class DownloadForm(forms.Form):
    """As which file a table is wanted."""

    form = forms.ChoiceField(choices=list(FORMS.items()), error_messages={"required": "Choose csv, json or parquet."})
