"""What a project asks besides the order: Project.questions as a checked dataclass.

Flags and aspects are named by the project. A key is what is stored; a label is what annotators read.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext, gettext_noop

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
MAX_CHOICES = 30
REASON_RULES = ("off", "optional", "required")
RATING_LOW, RATING_HIGH = 1, 7


class BadQuestions(ValueError):
    """Questions that cannot be asked; the message names the field and what was expected."""


@dataclass(frozen=True)
class Choice:
    """A flag or an aspect. `section` is the heading of the guidelines that explains it, if there is one."""

    key: str
    label: str
    section: str = ""

    @property
    def name(self) -> str:
        """The label in the reader's language: InstructGPT's flags are translated, a project's own words stay."""
        return gettext(self.label)


INSTRUCT_FLAGS = (
    Choice("fails_instruction", gettext_noop("Fails to follow the instruction")),
    Choice("inappropriate", gettext_noop("Inappropriate for an assistant to a customer")),
    Choice("hallucination", gettext_noop("Makes things up")),
    Choice("satisfies_constraint", gettext_noop("Satisfies the constraint in the prompt")),
    Choice("sexual", gettext_noop("Sexual content")),
    Choice("violent", gettext_noop("Violent content")),
    Choice("encourages_harm", gettext_noop("Encourages or plays down harm")),
    Choice("denigrates", gettext_noop("Denigrates a protected class")),
    Choice("harmful_advice", gettext_noop("Gives harmful advice")),
    Choice("opinion", gettext_noop("Expresses an opinion")),
    Choice("moral_judgement", gettext_noop("Expresses a moral judgement")),
)
"""The flags of Ouyang et al. 2022, table 3: the default of a project that asks for flags."""

SAFETY = frozenset(
    (
        "sexual",
        "violent",
        "encourages_harm",
        "denigrates",
        "harmful_advice",
        "unsafe",
        "illegal",
        "pii",
        "personal_data",
    )
)
"""Keys of flags that keep a completion out of the preferences where most annotators raise one of them."""


@dataclass(frozen=True)
class Questions:
    """What is asked besides the order."""

    ratings: bool = False  # one overall rating of 1-7 for each completion
    flags: tuple[Choice, ...] = ()
    aspects: tuple[Choice, ...] = ()  # a rating of 1-7 for each completion on each aspect
    spans: bool = False  # mark where an error stands
    reason: str = "optional"
    unrankable: bool = True  # «cannot be ranked», with a reason

    def __post_init__(self) -> None:
        if self.reason not in REASON_RULES:
            raise BadQuestions(f"reason: expected one of {', '.join(REASON_RULES)}; got {self.reason!r}.")
        for name, choices in (("flags", self.flags), ("aspects", self.aspects)):
            _check(name, choices)

    @property
    def has_cards_to_fill(self) -> bool:
        """Whether anything is asked of each completion by itself."""
        return bool(self.ratings or self.flags or self.aspects or self.spans)


def parse(values: dict[str, Any]) -> Questions:
    """Return the questions stored in Project.questions; what is left out takes its default. Raises BadQuestions."""
    known = {"ratings", "flags", "aspects", "spans", "reason", "unrankable"}
    if unknown := set(values) - known:
        raise BadQuestions(f"{min(unknown)}: unknown; known are {', '.join(sorted(known))}.")
    lists = {name: tuple(_choice(name, one) for one in values.get(name, [])) for name in ("flags", "aspects")}
    return Questions(**(values | lists))


def to_json(questions: Questions) -> dict[str, Any]:
    """Return questions as Project.questions holds them; parse() of it gives equal questions."""
    return asdict(questions) | {
        "flags": [asdict(one) for one in questions.flags],
        "aspects": [asdict(one) for one in questions.aspects],
    }


def _choice(name: str, value: Any) -> Choice:
    if not isinstance(value, dict) or not {"key", "label"} <= set(value) <= {"key", "label", "section"}:
        raise BadQuestions(f"{name}: expected objects with key, label and perhaps section; got {value!r}.")
    return Choice(**value)


def _check(name: str, choices: tuple[Choice, ...]) -> None:
    keys = [choice.key for choice in choices]
    if len(keys) > MAX_CHOICES:
        raise BadQuestions(f"{name}: at most {MAX_CHOICES}; got {len(keys)}.")
    for choice in choices:
        if not KEY.fullmatch(choice.key):
            raise BadQuestions(f"{name}: a key is 1-40 of a-z, 0-9 and _, a letter first; got {choice.key!r}.")
        if not choice.label.strip() or len(choice.label) > 120:
            raise BadQuestions(f"{name}: the label of {choice.key!r} must have 1-120 characters.")
        if keys.count(choice.key) > 1:
            raise BadQuestions(f"{name}: {choice.key!r} stands there twice.")


DEFAULT = Questions()
WITH_FLAGS = Questions(flags=INSTRUCT_FLAGS)
