"""What a project asks of each completion by itself, as fields of a form: rating, aspects, flags, marks of errors.

A field's name says what it is and of which completion: `rating-A`, `aspect-clarity-A`, `flags-A`, `quote-A-0`.
"""

from collections.abc import Iterable, Iterator, Mapping
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
    def rank_choices(self) -> tuple[tuple[object, str], ...]:
        return tuple(self.rank.field.choices)

    @property
    def rank_chosen(self) -> object:
        """The choice that was sent or is filled in, or the empty one."""
        said = str(self.rank.value() or "")
        return next((value for value, _words in self.rank_choices if str(value) == said), "")

    @property
    def is_rank_faulty(self) -> bool:
        return bool(self.rank.errors)

    @property
    def flag_count(self) -> int:
        return len(self.flags.value() or ()) if self.flags else 0

    @property
    def has_mark(self) -> bool:
        return any(mark.is_used for mark in self.marks)


def fields(asked: Questions, labels: Iterable[str]) -> Iterator[tuple[str, forms.Field]]:
    """Yield (name, field) of everything that is asked of each completion."""
    for label in labels:
        if asked.ratings:
            yield (
                f"rating-{label}",
                _scale_field(_("Overall"), label, named=_("Overall of {label}").format(label=label)),
            )
        for aspect in asked.aspects:
            yield f"aspect-{aspect.key}-{label}", _scale_field(aspect.label, label, named=f"{aspect.label}, {label}")
        if asked.flags:
            yield f"flags-{label}", _flags_field(asked, label)
        for n in range(MARKS_PER_COMPLETION if asked.spans else 0):
            yield from _mark_fields(label, n)


def of_card(form: forms.Form, label: str, asked: Questions) -> CardFields:
    """Return the fields of one completion, for its card."""
    scales = [(form[f"rating-{label}"], "")] if asked.ratings else []
    scales += [(form[f"aspect-{one.key}-{label}"], sections.anchor_of(one.section)) for one in asked.aspects]
    flags = form[f"flags-{label}"] if asked.flags else None
    anchors = [sections.anchor_of(flag.section) for flag in asked.flags]
    return CardFields(
        rank=form[f"rank-{label}"] if f"rank-{label}" in form.fields else None,
        scales=scales,
        flags=flags,
        flag_options=list(zip(flags, anchors, strict=True)) if flags else [],
        marks=[
            MarkFields(form[f"quote-{label}-{n}"], form[f"nth-{label}-{n}"], form[f"note-{label}-{n}"])
            for n in range(MARKS_PER_COMPLETION if asked.spans else 0)
        ],
    )


def add_faults(form: forms.Form, asked: Questions, texts: Mapping[str, str]) -> None:
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
    for label in texts if asked.spans else ():
        for n in range(MARKS_PER_COMPLETION):
            _add_mark_fault(form, f"{label}-{n}", texts[label])


def said(
    values: Mapping[str, Any], asked: Questions, texts: Mapping[int, str], labels: Mapping[int, str]
) -> dict[str, Any]:
    """Return what cleaned values say of the completions, as arguments of an Answer; nothing rated if unrankable."""
    is_rated = not values["unrankable"]

    def by_id(name: str) -> dict[int, Any]:
        return {pk: values[f"{name}-{label}"] for pk, label in labels.items()}

    return {
        "ratings": by_id("rating") if asked.ratings and is_rated else {},
        "aspects": {one.key: by_id(f"aspect-{one.key}") for one in asked.aspects} if is_rated else {},
        "flags": by_id("flags") if asked.flags else {},
        "spans": list(_spans(values, texts, labels)) if asked.spans else [],
    }


def initial(answer: Answer, texts: Mapping[int, str], labels: Mapping[int, str]) -> dict[str, Any]:
    """Return the values of the fields that say what an answer says: for changing it."""
    values: dict[str, Any] = {f"rating-{labels[pk]}": value for pk, value in answer.ratings.items()}
    for key, rated in answer.aspects.items():
        values |= {f"aspect-{key}-{labels[pk]}": value for pk, value in rated.items()}
    values |= {f"flags-{labels[pk]}": list(keys) for pk, keys in answer.flags.items()}
    for pk, text in texts.items():
        for n, span in enumerate(span for span in answer.spans if span.completion == pk):
            values[f"quote-{labels[pk]}-{n}"] = text[span.start : span.end]
            values[f"nth-{labels[pk]}-{n}"] = quotes.nth_of(text, span.start, span.end)
            values[f"note-{labels[pk]}-{n}"] = span.note
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


def _mark_fields(label: str, n: int) -> Iterator[tuple[str, forms.Field]]:
    line = {"dir": "auto", "autocomplete": "off"}
    yield (
        f"quote-{label}-{n}",
        forms.CharField(
            label=_("Wrong passage {number} in {label}").format(number=n + 1, label=label),
            required=False,
            max_length=MAX_QUOTE_CHARS,
            widget=forms.TextInput(attrs=line | {"placeholder": _("The passage, as it stands in the text")}),
        ),
    )
    yield (
        f"nth-{label}-{n}",
        forms.IntegerField(required=False, min_value=0, max_value=MAX_NTH, widget=forms.HiddenInput),
    )
    yield (
        f"note-{label}-{n}",
        forms.CharField(
            label=_("What is wrong there, passage {number} in {label}").format(number=n + 1, label=label),
            required=False,
            max_length=MAX_NOTE_CHARS,
            widget=forms.TextInput(attrs=line | {"placeholder": _("What is wrong (optional)")}),
        ),
    )


def _add_mark_fault(form: forms.Form, mark: str, text: str) -> None:
    name, values = f"quote-{mark}", form.cleaned_data
    if name in form.errors:
        return
    quote = values.get(name)
    if quote and quotes.find(text, quote) is None:
        form.add_error(name, _("This passage does not stand in the text. Copy it as it is written there."))
    if not quote and values.get(f"note-{mark}"):
        form.add_error(name, _("Which passage is it? Copy it from the text."))


def _spans(values: Mapping[str, Any], texts: Mapping[int, str], labels: Mapping[int, str]) -> Iterator[Span]:
    for pk, label in labels.items():
        for mark in (f"{label}-{n}" for n in range(MARKS_PER_COMPLETION)):
            if quote := values[f"quote-{mark}"]:
                start, end = quotes.find(texts[pk], quote, nth=values[f"nth-{mark}"] or 0)
                yield Span(pk, start, end, note=values[f"note-{mark}"])
