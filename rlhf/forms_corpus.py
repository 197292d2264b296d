"""The form that brings plain text into a project."""

from django import forms

from rlhf import corpora


class CorpusForm(forms.Form):
    """A file of documents, its name, and how much of it is held out."""

    name = forms.CharField(label="Name", max_length=120, help_text="What people choose it by.")
    file = forms.FileField(label="File", widget=forms.FileInput(attrs={"accept": ".jsonl,.ndjson,.txt"}))
    test_rate = forms.FloatField(
        label="Held out",
        initial=corpora.TEST_RATE,
        min_value=0.001,
        max_value=0.5,
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text="Share of documents kept from training to measure perplexity on, chosen by a hash of their text.",
    )
