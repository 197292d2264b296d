"""What a project asks, as fields of the staff's forms: the task, and the questions beside the order.

Flags and aspects are written one a line, «key | label | section of the guidelines»; the section may be left out.
"""

from collections.abc import Sequence
from typing import Any

from django import forms

from annotate import questions
from annotate.models import Task
from annotate.questions import BadQuestions, Choice, Questions

QUESTION_FIELDS = ("ratings", "asks_flags", "flags", "aspects", "spans", "reason", "unrankable")
REASONS = (("off", "not asked"), ("optional", "optional"), ("required", "required"))
MAX_LINES_CHARS = 10_000


def as_lines(choices: Sequence[Choice]) -> str:
    """Return flags or aspects as they are written in the form."""
    return "\n".join(" | ".join(filter(None, (one.key, one.label, one.section))) for one in choices)


def _lines_field(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=MAX_LINES_CHARS,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )


class QuestionsForm(forms.Form):
    """The questions of a project; `questions` is what Project.questions holds."""

    ratings = forms.BooleanField(label="Rate each completion overall, 1 to 7", required=False)
    aspects = _lines_field(
        "Aspects to rate, 1 to 7 each", "One a line: key | label | section of the guidelines. Empty: none."
    )
    asks_flags = forms.BooleanField(label="Ask for flags on each completion", required=False)
    flags = _lines_field(
        "Flags", "One a line: key | label | section of the guidelines. The list of InstructGPT is filled in."
    )
    spans = forms.BooleanField(label="Let annotators mark where an error stands", required=False)
    reason = forms.ChoiceField(label="Reason for the order", choices=REASONS, initial="optional")
    unrankable = forms.BooleanField(label="Offer «they cannot be ranked», with a reason", required=False, initial=True)

    def clean_aspects(self) -> tuple[Choice, ...]:
        return _choices(self.cleaned_data["aspects"])

    def clean_flags(self) -> tuple[Choice, ...]:
        return _choices(self.cleaned_data["flags"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("asks_flags") and not cleaned.get("flags") and "flags" not in self.errors:
            self.add_error("flags", "Name at least one flag, or do not ask for flags.")
        if not self.errors:
            self._check_questions()
        return cleaned

    @property
    def questions(self) -> dict[str, Any]:
        """The questions as Project.questions holds them."""
        return questions.to_json(self._asked())

    def _asked(self) -> Questions:
        said = self.cleaned_data
        return Questions(
            ratings=said["ratings"],
            flags=said["flags"] if said["asks_flags"] else (),
            aspects=said["aspects"],
            spans=said["spans"],
            reason=said["reason"],
            unrankable=said["unrankable"],
        )

    def _check_questions(self) -> None:
        try:
            self._asked()
        except BadQuestions as problem:
            field = str(problem).split(":")[0]
            self.add_error(field if field in self.fields else None, str(problem))


def initial(asked: Questions) -> dict[str, Any]:
    """Return the values of the fields for questions; the usual flags stand ready where none are asked for."""
    return {
        "ratings": asked.ratings,
        "aspects": as_lines(asked.aspects),
        "asks_flags": bool(asked.flags),
        "flags": as_lines(asked.flags or questions.INSTRUCT_FLAGS),
        "spans": asked.spans,
        "reason": asked.reason,
        "unrankable": asked.unrankable,
    }


def asked_in_words(task: str, asked: Questions) -> list[str]:
    """Return what annotators are asked, a phrase each, for the project's page."""
    if task == Task.DEMONSTRATION:
        return ["write the ideal output, anew or from a completion"]
    counted = [(len(asked.aspects), "aspect"), (len(asked.flags), "flag")]
    phrases = ["which of two is better, on 7 steps"] if task == Task.PAIRWISE else ["an order with ties"]
    phrases += ["a rating of 1-7 of each completion"] if asked.ratings else []
    phrases += [f"{count} {what}{'' if count == 1 else 's'}" for count, what in counted if count]
    phrases += ["marks of errors"] if asked.spans else []
    phrases += {"off": [], "optional": ["a reason (optional)"], "required": ["a reason"]}[asked.reason]
    return phrases + (["«cannot be ranked»"] if asked.unrankable else [])


def _choices(lines: str) -> tuple[Choice, ...]:
    rows = [[part.strip() for part in line.split("|")] for line in lines.splitlines() if line.strip()]
    for number, parts in enumerate(rows, start=1):
        if not 2 <= len(parts) <= 3 or not all(parts[:2]):
            raise forms.ValidationError(f"Line {number}: write «key | label» or «key | label | section».")
    return tuple(Choice(*parts) for parts in rows)
