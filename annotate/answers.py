"""One annotator's whole answer on a comparison: the order and what else was asked; checked, to and from rows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from annotate.models import Ranking, Task
from annotate.questions import RATING_HIGH, RATING_LOW, Questions

Tiers = list[list[int]]
MAX_SPANS = 50
MAX_NOTE_CHARS = 500
MAX_REASON_CHARS = 2_000
MAX_UNRANKABLE_CHARS = 300
STRENGTHS = {3: gettext_noop("significantly better"), 2: gettext_noop("better"), 1: gettext_noop("slightly better")}
STRONGEST = max(STRENGTHS)
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class BadAnswer(ValueError):
    """An answer that does not fit what was asked; `field` is what is wrong with it, the message says why."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True)
class Span:
    """A stretch of a completion's text that holds an error: characters start to end (exclusive) of the source."""

    completion: int
    start: int
    end: int
    note: str = ""


@dataclass(frozen=True)
class Answer:
    """What an annotator says of a comparison. `tiers` is empty exactly if `unrankable` says why."""

    tiers: Tiers
    reason: str = ""
    strength: int | None = None  # pairwise: 0 tie, 1 slightly, 2 better, 3 significantly better
    is_all_bad: bool = False
    unrankable: str = ""
    ratings: Mapping[int, int] = field(default_factory=dict)  # completion → 1-7
    flags: Mapping[int, Sequence[str]] = field(default_factory=dict)  # completion → keys of flags
    aspects: Mapping[str, Mapping[int, int]] = field(default_factory=dict)  # aspect → completion → 1-7
    spans: Sequence[Span] = ()
    active_seconds: float | None = None
    read: Sequence[int] = ()  # completions that the page saw read to their end

    @property
    def details(self) -> dict[str, Any]:
        """What Ranking.details holds: only what was said, keys as text, in a fixed order."""
        said = {
            "ratings": {str(pk): self.ratings[pk] for pk in sorted(self.ratings)},
            "flags": {str(pk): sorted(self.flags[pk]) for pk in sorted(self.flags) if self.flags[pk]},
            "aspects": {
                key: {str(pk): values[pk] for pk in sorted(values)} for key, values in sorted(self.aspects.items())
            },
            "spans": [
                {"completion": span.completion, "start": span.start, "end": span.end, "note": span.note}
                for span in sorted(self.spans, key=lambda span: (span.completion, span.start, span.end))
            ],
            "read": sorted(self.read),
        }
        return {name: value for name, value in said.items() if value}


def of(ranking: Ranking) -> Answer:
    """Return a stored ranking as an answer."""
    details = ranking.details
    return Answer(
        tiers=ranking.tiers,
        reason=ranking.reason,
        strength=ranking.strength,
        is_all_bad=ranking.is_all_bad,
        unrankable=ranking.unrankable,
        ratings={int(pk): value for pk, value in details.get("ratings", {}).items()},
        flags={int(pk): keys for pk, keys in details.get("flags", {}).items()},
        aspects={
            key: {int(pk): value for pk, value in values.items()} for key, values in details.get("aspects", {}).items()
        },
        spans=tuple(Span(**span) for span in details.get("spans", [])),
        active_seconds=ranking.active_seconds,
        read=tuple(details.get("read", [])),
    )


def named_tiers(tiers: Tiers, names: Mapping[int, str]) -> list[list[str]]:
    """Return tiers with the completions under other names (those of files, or the letters of a page), ties sorted."""
    return [sorted(names[pk] for pk in tier) for tier in tiers]


def named_details(details: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    """Return what Ranking.details says, without what the page measured, under other names and in their order."""

    def named(values: Mapping[str, Any]) -> dict[str, Any]:
        return dict(sorted((names[int(pk)], value) for pk, value in values.items()))

    made = {name: named(details[name]) for name in ("ratings", "flags") if name in details}
    if "aspects" in details:
        made["aspects"] = {key: named(values) for key, values in details["aspects"].items()}
    if "spans" in details:
        spans = [span | {"completion": names[span["completion"]]} for span in details["spans"]]
        made["spans"] = sorted(spans, key=lambda span: (span["completion"], span["start"], span["end"]))
    return made


def check(answer: Answer, *, task: str, questions: Questions, lengths: Mapping[int, int]) -> None:
    """Raise BadAnswer unless an answer fits what was asked of completions with texts of these lengths (by id)."""
    if task == Task.DEMONSTRATION:
        raise BadAnswer("tiers", _("This project asks for the ideal output, not for an order."))
    for name, said in (("reason", answer.reason), ("unrankable", answer.unrankable)):
        check_text(name, said)
    if answer.unrankable:
        _check_unrankable(answer, questions)
        _check_flags(answer, questions, lengths)
        _check_spans(answer, questions, lengths)
        return
    check_tiers(answer.tiers, completion_ids=set(lengths))
    if task == Task.PAIRWISE:
        _check_strength(answer)
    elif answer.strength is not None or answer.is_all_bad:
        raise BadAnswer("strength", _("Only pairwise projects ask how much better one is."))
    _check_scale(
        "ratings", {"": answer.ratings} if answer.ratings else {}, {""} if questions.ratings else set(), lengths
    )
    _check_scale("aspects", answer.aspects, {aspect.key for aspect in questions.aspects}, lengths)
    _check_flags(answer, questions, lengths)
    _check_spans(answer, questions, lengths)
    _check_reason(answer, questions)


def check_text(field: str, text: str) -> None:
    """Raise BadAnswer for a text that no database and no file can hold."""
    if UNSTORABLE.search(text):
        raise BadAnswer(
            field, _("The text holds characters that cannot be stored (NUL, or half of a pair). Remove them.")
        )


def check_tiers(tiers: Sequence[Sequence[int]], *, completion_ids: set[int]) -> None:
    """Raise BadAnswer unless the tiers hold each of the completions exactly once and no tier is empty."""
    ranked = [completion for tier in tiers for completion in tier]
    if any(not tier for tier in tiers):
        raise BadAnswer("tiers", _("A tier is empty. Leave out ranks that no completion has."))
    if len(ranked) != len(set(ranked)):
        raise BadAnswer("tiers", _("A completion is ranked twice."))
    if set(ranked) - completion_ids:
        raise BadAnswer("tiers", _("The ranking names a completion of another comparison."))
    if missing := completion_ids - set(ranked):
        raise BadAnswer(
            "tiers",
            _("{left} of {count} completions are not ranked yet. Give each a rank.").format(
                left=len(missing), count=len(completion_ids)
            ),
        )


def _check_unrankable(answer: Answer, questions: Questions) -> None:
    if not questions.unrankable:
        raise BadAnswer(
            "unrankable", _("This project wants an order for every comparison; skip what you cannot judge.")
        )
    if answer.tiers:
        raise BadAnswer("unrankable", _("Either rank the completions or say that they cannot be ranked, not both."))
    if answer.strength is not None or answer.ratings or answer.aspects:
        raise BadAnswer(
            "unrankable", _("What cannot be ranked has no strength and no ratings; flags and marks may stay.")
        )
    if len(answer.unrankable) > MAX_UNRANKABLE_CHARS or len(answer.reason) > MAX_REASON_CHARS:
        raise BadAnswer(
            "unrankable",
            _("Say in at most {most} characters why it cannot be ranked.").format(most=MAX_UNRANKABLE_CHARS),
        )


def _check_strength(answer: Answer) -> None:
    if answer.strength is None or not 0 <= answer.strength <= STRONGEST:
        raise BadAnswer("strength", _("Say how much better it is: 0 (a tie) to {most}.").format(most=STRONGEST))
    if (answer.strength == 0) != (len(answer.tiers) == 1):
        raise BadAnswer("strength", _("A tie has no better one, and a better one is no tie."))


def _check_scale(
    name: str, given: Mapping[str, Mapping[int, int]], asked: set[str], lengths: Mapping[int, int]
) -> None:
    if unknown := set(given) - asked:
        raise BadAnswer(name, _("This project does not ask for {what}.").format(what=min(unknown) or _("ratings")))
    for key in asked:
        values = given.get(key, {})
        if set(values) != set(lengths):
            raise BadAnswer(name, _not_rated(key))
        if any(not RATING_LOW <= value <= RATING_HIGH for value in values.values()):
            raise BadAnswer(
                name, _("A rating is a whole number from {low} to {high}.").format(low=RATING_LOW, high=RATING_HIGH)
            )


def _not_rated(key: str) -> str:
    if key:
        return _("Give every completion a rating for «{aspect}».").format(aspect=key)
    return _("Give every completion a rating.")


def _check_flags(answer: Answer, questions: Questions, lengths: Mapping[int, int]) -> None:
    known = {flag.key for flag in questions.flags}
    for completion, keys in answer.flags.items():
        if completion not in lengths:
            raise BadAnswer("flags", _("A flag stands on a completion of another comparison."))
        if unknown := set(keys) - known:
            raise BadAnswer("flags", _("This project has no flag «{flag}».").format(flag=min(unknown)))


def _check_spans(answer: Answer, questions: Questions, lengths: Mapping[int, int]) -> None:
    if answer.spans and not questions.spans:
        raise BadAnswer("spans", _("This project does not ask to mark errors."))
    if len(answer.spans) > MAX_SPANS:
        raise BadAnswer(
            "spans", _("At most {most} marks; got {count}.").format(most=MAX_SPANS, count=len(answer.spans))
        )
    for span in answer.spans:
        if span.completion not in lengths or not 0 <= span.start < span.end <= lengths[span.completion]:
            raise BadAnswer("spans", _("A mark does not lie inside the text of a completion."))
        check_text("spans", span.note)
        if len(span.note) > MAX_NOTE_CHARS:
            raise BadAnswer("spans", _("A note has at most {most} characters.").format(most=MAX_NOTE_CHARS))


def _check_reason(answer: Answer, questions: Questions) -> None:
    if questions.reason == "required" and not answer.reason.strip():
        raise BadAnswer("reason", _("Say in a few words why this order."))
    if len(answer.reason) > MAX_REASON_CHARS:
        raise BadAnswer(
            "reason",
            _("The reason has {count:,} characters; at most {most:,}.").format(
                count=len(answer.reason), most=MAX_REASON_CHARS
            ),
        )
