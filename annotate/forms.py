"""The annotators' forms: an answer on a comparison (a ranking or a pairwise verdict), a demonstration, a skip.

Nothing is chosen beforehand. Fields are named by the letters of the page, so that nothing an annotator receives bears
an id of a completion; what a form says is an `answers.Answer`, by completion id and never by side.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from annotate import answers, forms_cards
from annotate.answers import MAX_REASON_CHARS, MAX_UNRANKABLE_CHARS, STRENGTHS, Answer, Tiers
from annotate.demonstrations import MAX_TEXT_CHARS
from annotate.forms_cards import CardFields
from annotate.models import Task
from annotate.questions import DEFAULT, Questions

TIE = "tie"
SKIP_REASONS = (
    gettext_noop("I do not understand the prompt"),
    gettext_noop("I cannot judge this subject"),
    gettext_noop("I do not read this language well"),
    gettext_noop("It shows something harmful or upsetting"),
    gettext_noop("A completion is broken or empty"),
)
OTHER = "other"


class SubmissionForm(forms.Form):
    """A form whose submission has an id made by the page, so that sending it again is harmless."""

    submission = forms.UUIDField(
        widget=forms.HiddenInput,
        error_messages={
            "required": gettext_lazy("The page did not say which submission this is. Send it again."),
            "invalid": gettext_lazy("The page did not say which submission this is. Send it again."),
        },
    )

    @property
    def submission_id(self) -> UUID:
        """The id that was sent, or a new one: for the page that is shown (again)."""
        return (self.cleaned_data.get("submission") if self.is_bound else None) or uuid4()


class AnswerForm(SubmissionForm):
    """What both kinds of answer have: the reason, «cannot be ranked», and the questions on each completion."""

    reason = forms.CharField(
        label=gettext_lazy("Why this order?"),
        required=False,
        max_length=MAX_REASON_CHARS,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )
    unrankable = forms.CharField(
        label=gettext_lazy("Why they cannot be ranked"),
        required=False,
        max_length=MAX_UNRANKABLE_CHARS,
        widget=forms.TextInput(attrs={"dir": "auto"}),
        help_text=gettext_lazy("Only if no order can be given, even with ties. Say why, and choose no order."),
    )
    task: Task

    def __init__(
        self,
        *args: object,
        labels: dict[int, str],
        texts: Mapping[int, str],
        asked: Questions = DEFAULT,
        **more: object,
    ) -> None:
        super().__init__(*args, **more)
        self.labels, self.texts, self.asked = labels, {pk: texts[pk] for pk in labels}, asked
        self.fields.update(self.order_fields_of(labels))
        self.fields.update(forms_cards.fields(asked, labels.values()))
        if asked.reason == "off":
            del self.fields["reason"]
        elif asked.reason == "required":
            self.fields["reason"].label = _("Why this order? (required)")
        if not asked.unrankable:
            del self.fields["unrankable"]

    @property
    def cards(self) -> list[CardFields]:
        """What is asked on each card, in the order of the page."""
        return [forms_cards.of_card(self, label, self.asked) for label in self.labels.values()]

    @property
    def is_pairwise(self) -> bool:
        return self.task == Task.PAIRWISE

    @property
    def answer(self) -> Answer:
        """What the form says."""
        values = {"reason": "", "unrankable": ""} | self.cleaned_data
        return Answer(
            **self.order_said(),
            reason=values["reason"],
            unrankable=values["unrankable"],
            **forms_cards.said(values, self.asked, self.texts, self.labels),
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not cleaned.get("unrankable"):
            self.add_missing_order()
        forms_cards.add_faults(self, self.asked, {self.labels[pk]: text for pk, text in self.texts.items()})
        if not self.errors:
            self._check_answer()
        return cleaned

    def _check_answer(self) -> None:
        lengths = {pk: len(text) for pk, text in self.texts.items()}
        try:
            answers.check(self.answer, task=self.task, questions=self.asked, lengths=lengths)
        except answers.BadAnswer as problem:
            self.add_error(problem.field if problem.field in self.fields else None, str(problem))


class RankingForm(AnswerForm):
    """A rank for each completion, in the order of the page; the same rank is a tie."""

    task = Task.RANKING

    def order_fields_of(self, labels: dict[int, str]) -> dict[str, forms.Field]:
        return {f"rank-{label}": _rank_field(label, count=len(labels)) for label in labels.values()}

    def add_missing_order(self) -> None:
        for label in self.labels.values():
            if not self.cleaned_data.get(f"rank-{label}") and f"rank-{label}" not in self.errors:
                self.add_error(f"rank-{label}", _("{label} is not ranked yet. Give it a rank.").format(label=label))

    def order_said(self) -> dict[str, Tiers]:
        """The ranking as best-first tiers; ranks that nobody has are left out, ids in a tie are sorted."""
        ranks = {pk: rank for pk, label in self.labels.items() if (rank := self.cleaned_data[f"rank-{label}"])}
        return {"tiers": [sorted(pk for pk in ranks if ranks[pk] == rank) for rank in sorted(set(ranks.values()))]}


class PairwiseForm(AnswerForm):
    """Which of two is better and how much, on 7 steps; a step is named by the better completion, never by its side."""

    task = Task.PAIRWISE
    is_all_bad = forms.BooleanField(label=gettext_lazy("Both are bad"), required=False)

    def order_fields_of(self, labels: dict[int, str]) -> dict[str, forms.Field]:
        return {"verdict": _verdict_field(labels)}

    def add_missing_order(self) -> None:
        """«Both are bad» alone is a tie of two bad ones."""
        if not self.cleaned_data.get("verdict") and not self.cleaned_data.get("is_all_bad") and not self.errors:
            self.add_error("verdict", _("Say which one is better, or that they tie."))

    def order_said(self) -> dict[str, Any]:
        verdict, is_all_bad = self.cleaned_data["verdict"], self.cleaned_data["is_all_bad"]
        if not verdict and (not is_all_bad or self.cleaned_data.get("unrankable")):
            return {"tiers": [], "is_all_bad": is_all_bad}
        if verdict in ("", TIE):
            return {"tiers": [sorted(self.labels)], "strength": 0, "is_all_bad": is_all_bad}
        label, strength = verdict.split("-")
        better, worse = sorted(self.labels, key=lambda pk: self.labels[pk] != label)
        return {"tiers": [[better], [worse]], "strength": int(strength), "is_all_bad": is_all_bad}


def initial_of(answer: Answer, *, labels: Mapping[int, str], texts: Mapping[int, str]) -> dict[str, Any]:
    """Return the values of a form's fields that say what an answer says: for a page on which it is changed."""
    values = {"reason": answer.reason, "unrankable": answer.unrankable, "is_all_bad": answer.is_all_bad}
    values |= {f"rank-{labels[pk]}": rank for rank, tier in enumerate(answer.tiers, start=1) for pk in tier}
    if answer.strength is not None:
        values["verdict"] = TIE if answer.strength == 0 else f"{labels[answer.tiers[0][0]]}-{answer.strength}"
    return values | forms_cards.initial(answer, texts, labels)


class DemonstrationForm(SubmissionForm):
    """The ideal output in the annotator's words, and the completion that they began from, if any."""

    text = forms.CharField(
        label=gettext_lazy("The ideal output"),
        max_length=MAX_TEXT_CHARS,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 14, "dir": "auto"}),
        error_messages={"required": gettext_lazy("Write the ideal output.")},
    )
    edited_from = forms.TypedChoiceField(empty_value=None, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: object, labels: dict[int, str], **more: object) -> None:
        super().__init__(*args, **more)
        self.fields["edited_from"].choices = [("", "nothing"), *((label, label) for label in labels.values())]
        self.fields["edited_from"].coerce = {label: pk for pk, label in labels.items()}.__getitem__
        self.fields["edited_from"].error_messages["invalid_choice"] = _(
            "It was begun from a completion of another prompt."
        )

    def clean_text(self) -> str:
        """Return the text with plain line breaks and without blank ends."""
        text = self.cleaned_data["text"].replace("\r\n", "\n").replace("\r", "\n").strip()
        if not text:
            raise forms.ValidationError(gettext_lazy("Write the ideal output."))
        return text


class SkipForm(forms.Form):
    """Why an annotator gives a comparison back: one of the usual reasons, or their own words."""

    why = forms.ChoiceField(
        label=gettext_lazy("Why do you skip it?"),
        widget=forms.RadioSelect,
        choices=[
            *((reason, gettext_lazy(reason)) for reason in SKIP_REASONS),
            (OTHER, gettext_lazy("Something else:")),
        ],
        error_messages={"required": gettext_lazy("Choose a reason.")},
    )
    words = forms.CharField(
        label=gettext_lazy("In your words"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"dir": "auto"}),
    )

    def clean(self) -> dict[str, str]:
        cleaned = super().clean()
        if cleaned.get("why") == OTHER and not cleaned.get("words"):
            self.add_error("words", _("Say in a few words why."))
        return cleaned

    @property
    def reason(self) -> str:
        """The reason that is stored."""
        why = self.cleaned_data["why"]
        return self.cleaned_data["words"] if why == OTHER else why


def _rank_field(label: str, *, count: int) -> forms.TypedChoiceField:
    words = {1: _("1 Best"), count: _("{count} Worst").format(count=count)}
    ranks = [(rank, words.get(rank, str(rank))) for rank in range(1, count + 1)]
    return forms.TypedChoiceField(
        label=_("Rank of {label}").format(label=label),
        required=False,  # a comparison that cannot be ranked has none; clean() asks for it otherwise
        choices=[("", _("Rank…")), *ranks],
        coerce=int,
        error_messages={
            "invalid_choice": _("Choose a rank from 1 to {count} for {label}.").format(count=count, label=label)
        },
    )


def _verdict_field(labels: dict[int, str]) -> forms.ChoiceField:
    left, right = labels.values()
    steps = [
        (f"{left}-{strength}", _("{label} is {words}").format(label=left, words=_(words)))
        for strength, words in STRENGTHS.items()
    ]
    steps += [(TIE, _("Tie"))]
    steps += [
        (f"{right}-{n}", _("{label} is {words}").format(label=right, words=_(words)))
        for n, words in reversed(STRENGTHS.items())
    ]
    return forms.ChoiceField(
        label=_("Which is better, and how much?"),
        required=False,
        choices=steps,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("Choose one of the seven steps.")},
    )
