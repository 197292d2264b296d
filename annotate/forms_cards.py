"""What a project asks of each completion by itself, as fields of a form: rating, aspects, flags, marks of errors.

A field's name says what it is and of which completion: `rating-7`, `aspect-clarity-7`, `flags-7`, `quote-7-0`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from annotate import quotes, sections
from annotate.answers import MAX_NOTE_CHARS, Answer, Span
from annotate.questions import RATING_HIGH, RATING_LOW, Questions

MARKS_PER_COMPLETION = 4
MAX_QUOTE_CHARS = 2_000
MAX_NTH = 9_999
SCALE = tuple((value, str(value)) for value in range(RATING_LOW, RATING_HIGH + 1))


@dataclass(frozen=True)
class MarkFields:
    """One marked error: the passage, which of its places it is, and what is wrong with it."""

    quote: forms.BoundField
    nth: forms.BoundField
    note: forms.BoundField

    @property
    def is_used(self) -> bool:
        return any(bound.value() or bound.errors for bound in (self.quote, self.note))


@dataclass(frozen=True)
class CardFields:
    """What is asked on one completion's card; `rank` only where completions are ranked.

    Scales and flags stand beside the anchor of the section of the guidelines that explains them, or "".
    """

    rank: forms.BoundField | None
    scales: list[tuple[forms.BoundField, str]]
    flags: forms.BoundField | None
    flag_options: list[tuple[forms.boundfield.BoundWidget, str]]
    marks: list[MarkFields]

    @property
    def flag_count(self) -> int:
        return len(self.flags.value() or ()) if self.flags else 0

    @property
    def has_mark(self) -> bool:
        return any(mark.is_used for mark in self.marks)


def fields(asked: Questions, labels: Mapping[int, str]) -> Iterator[tuple[str, forms.Field]]:
    """Yield (name, field) of everything that is asked of each completion."""
    for pk, label in labels.items():
        if asked.ratings:
            yield f"rating-{pk}", _scale_field(_("Overall"), label, named=_("Overall of {label}").format(label=label))
        for aspect in asked.aspects:
            yield f"aspect-{aspect.key}-{pk}", _scale_field(aspect.label, label, named=f"{aspect.label}, {label}")
        if asked.flags:
            yield f"flags-{pk}", _flags_field(asked, label)
        for n in range(MARKS_PER_COMPLETION if asked.spans else 0):
            yield from _mark_fields(pk, n, label)


def of_card(form: forms.Form, pk: int, asked: Questions) -> CardFields:
    """Return the fields of one completion, for its card."""
    scales = [(form[f"rating-{pk}"], "")] if asked.ratings else []
    scales += [(form[f"aspect-{one.key}-{pk}"], sections.anchor_of(one.section)) for one in asked.aspects]
    flags = form[f"flags-{pk}"] if asked.flags else None
    anchors = [sections.anchor_of(flag.section) for flag in asked.flags]
    return CardFields(
        rank=form[f"rank-{pk}"] if f"rank-{pk}" in form.fields else None,
        scales=scales,
        flags=flags,
        flag_options=list(zip(flags, anchors, strict=True)) if flags else [],
        marks=[
            MarkFields(form[f"quote-{pk}-{n}"], form[f"nth-{pk}-{n}"], form[f"note-{pk}-{n}"])
            for n in range(MARKS_PER_COMPLETION if asked.spans else 0)
        ],
    )


def add_faults(form: forms.Form, asked: Questions, texts: Mapping[int, str]) -> None:
    """Say beside the field which ratings are missing (unless it cannot be ranked) and which passages stand nowhere."""
    is_rated = not form.cleaned_data.get("unrankable")
    for name, field in form.fields.items() if is_rated else ():
        if name.startswith(("rating-", "aspect-")) and form.cleaned_data.get(name) is None and name not in form.errors:
            form.add_error(
                name,
                _("{field}: not rated yet. Choose {low} to {high}.").format(
                    field=field.label, low=RATING_LOW, high=RATING_HIGH
                ),
            )
    for pk in texts if asked.spans else ():
        for n in range(MARKS_PER_COMPLETION):
            _add_mark_fault(form, pk, n, texts[pk])


def said(values: Mapping[str, Any], asked: Questions, texts: Mapping[int, str]) -> dict[str, Any]:
    """Return what cleaned values say of the completions, as arguments of an Answer; nothing rated if unrankable."""
    is_rated = not values["unrankable"]
    aspects = {aspect.key: {pk: values[f"aspect-{aspect.key}-{pk}"] for pk in texts} for aspect in asked.aspects}
    return {
        "ratings": {pk: values[f"rating-{pk}"] for pk in texts} if asked.ratings and is_rated else {},
        "aspects": aspects if is_rated else {},
        "flags": {pk: values[f"flags-{pk}"] for pk in texts} if asked.flags else {},
        "spans": list(_spans(values, texts)) if asked.spans else [],
    }


def initial(answer: Answer, texts: Mapping[int, str]) -> dict[str, Any]:
    """Return the values of the fields that say what an answer says: for changing it."""
    values: dict[str, Any] = {f"rating-{pk}": value for pk, value in answer.ratings.items()}
    for key, rated in answer.aspects.items():
        values |= {f"aspect-{key}-{pk}": value for pk, value in rated.items()}
    values |= {f"flags-{pk}": list(keys) for pk, keys in answer.flags.items()}
    for pk, text in texts.items():
        for n, span in enumerate(span for span in answer.spans if span.completion == pk):
            values[f"quote-{pk}-{n}"] = text[span.start : span.end]
            values[f"nth-{pk}-{n}"] = quotes.nth_of(text, span.start, span.end)
            values[f"note-{pk}-{n}"] = span.note
    return values


def _scale_field(what: str, label: str, *, named: str) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=named,
        required=False,
        choices=SCALE,
        coerce=int,
        empty_value=None,
        widget=forms.RadioSelect(attrs={"class": "scale"}),
        help_text=what,
        error_messages={
            "invalid_choice": _("Rate {label} from {low} to {high}: {what}.").format(
                label=label, low=RATING_LOW, high=RATING_HIGH, what=what
            )
        },
    )


def _flags_field(asked: Questions, label: str) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=_("Flags of {label}").format(label=label),
        required=False,
        choices=[(flag.key, flag.name) for flag in asked.flags],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _("{label} has a flag that this project does not know.").format(label=label)},
    )


def _mark_fields(pk: int, n: int, label: str) -> Iterator[tuple[str, forms.Field]]:
    line = {"dir": "auto", "autocomplete": "off"}
    yield (
        f"quote-{pk}-{n}",
        forms.CharField(
            label=_("Wrong passage {number} in {label}").format(number=n + 1, label=label),
            required=False,
            max_length=MAX_QUOTE_CHARS,
            widget=forms.TextInput(attrs=line | {"placeholder": _("The passage, as it stands in the text")}),
        ),
    )
    yield (
        f"nth-{pk}-{n}",
        forms.IntegerField(required=False, min_value=0, max_value=MAX_NTH, widget=forms.HiddenInput),
    )
    yield (
        f"note-{pk}-{n}",
        forms.CharField(
            label=_("What is wrong there, passage {number} in {label}").format(number=n + 1, label=label),
            required=False,
            max_length=MAX_NOTE_CHARS,
            widget=forms.TextInput(attrs=line | {"placeholder": _("What is wrong (optional)")}),
        ),
    )


def _add_mark_fault(form: forms.Form, pk: int, n: int, text: str) -> None:
    name, values = f"quote-{pk}-{n}", form.cleaned_data
    if name in form.errors:
        return
    quote = values.get(name)
    if quote and quotes.find(text, quote) is None:
        form.add_error(name, _("This passage does not stand in the text. Copy it as it is written there."))
    if not quote and values.get(f"note-{pk}-{n}"):
        form.add_error(name, _("Which passage is it? Copy it from the text."))


def _spans(values: Mapping[str, Any], texts: Mapping[int, str]) -> Iterator[Span]:
    for pk, text in texts.items():
        for n in range(MARKS_PER_COMPLETION):
            if quote := values[f"quote-{pk}-{n}"]:
                start, end = quotes.find(text, quote, nth=values[f"nth-{pk}-{n}"] or 0)
                yield Span(pk, start, end, note=values[f"note-{pk}-{n}"])
