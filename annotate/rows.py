"""What a line of an import file says, checked: the shapes of prompts, comparisons and rankings made elsewhere.

Lines in, frozen rows out; no database. A FieldError names the field that is wrong.
"""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from annotate import jsonlines
from annotate.answers import MAX_NOTE_CHARS, MAX_SPANS, STRONGEST
from annotate.jsonlines import FieldError, Json
from annotate.models import Origin, Use
from annotate.questions import KEY, RATING_HIGH, RATING_LOW

MIN_COMPLETIONS, MAX_COMPLETIONS = 2, 9
MAX_MESSAGES = 200
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
DAY_SECONDS = 86_400.0

Message = dict[str, str]


@dataclass(frozen=True)
class PromptRow:
    """A prompt; `external_id` is made from the messages where the file gives none."""

    external_id: str
    messages: tuple[tuple[str, str], ...]  # (role, content)
    category: str = ""
    language: str = ""
    demonstration: str = ""

    @property
    def as_messages(self) -> list[Message]:
        return [{"role": role, "content": content} for role, content in self.messages]

    @cached_property
    def text_sha256(self) -> str:
        """Of the folded text: prompts that differ only in case and white space share a split."""
        folded = " ".join(unicodedata.normalize("NFC", f"{role}: {content}") for role, content in self.messages)
        return _sha256(" ".join(folded.casefold().split()))


@dataclass(frozen=True)
class CompletionRow:
    """A completion and the model that wrote it, where known."""

    external_id: str
    text: str
    source: str = ""


@dataclass(frozen=True)
class ComparisonRow:
    """A prompt with the completions to rank."""

    external_id: str
    prompt: PromptRow
    completions: tuple[CompletionRow, ...]
    overlap: int | None = None  # None: the project's
    priority: int = 0
    use: str = Use.WORK
    key: tuple[tuple[str, ...], ...] = ()  # the known order, exactly where the use is not work
    key_reason: str = ""

    @cached_property
    def fingerprint(self) -> str:
        """Of the content: a line imported again is known by it."""
        texts = [[c.external_id, c.text, c.source] for c in self.completions]
        known = [] if self.use == Use.WORK else [[self.use, self.key, self.key_reason]]
        return _sha256(json.dumps([self.prompt.messages, texts, *known], ensure_ascii=False))


@dataclass(frozen=True)
class RankingRow:
    """A ranking or pairwise vote made elsewhere."""

    comparison: str
    annotator: str
    tiers: tuple[tuple[str, ...], ...]  # completion ids of the file
    submitted_at: datetime
    seconds: float | None = None
    reason: str = ""
    order: tuple[str, ...] = ()  # as displayed; empty where unknown
    active_seconds: float | None = None
    revision: int = 1
    is_simulated: bool = False
    strength: int | None = None
    is_all_bad: bool = False
    unrankable: str = ""
    ratings: Mapping[str, int] = field(default_factory=dict)  # here and below by completion id of the file
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aspects: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    spans: tuple[tuple[str, int, int, str], ...] = ()  # (completion, start, end, note)

    @property
    def named(self) -> set[str]:
        """Every completion id that the row names."""
        by_completion = [self.ratings, self.flags, *self.aspects.values(), self.order, *self.tiers]
        return {name for names in by_completion for name in names} | {span[0] for span in self.spans}


def prompt(values: Json) -> PromptRow:
    """Return the prompt of a prompts file: {"prompt", "id"?, "category"?, "language"?, "demonstration"?}."""
    jsonlines.only_keys(values, required=["prompt"], optional=["id", "category", "language", "demonstration"])
    demonstration = jsonlines.text(values["demonstration"], "demonstration") if "demonstration" in values else ""
    return _prompt(values, id_key="id", demonstration=demonstration)


def comparison(values: Json) -> ComparisonRow:
    """Return a line of a comparisons file: {"prompt", "completions", "id"?, "prompt_id"?, "category"?, …}."""
    optional = ["id", "prompt_id", "category", "language", "overlap", "priority", "use", "key", "key_reason"]
    jsonlines.only_keys(values, required=["prompt", "completions"], optional=optional)
    the_prompt = _prompt(values, id_key="prompt_id")
    found = jsonlines.items(
        values["completions"], "completions", low=MIN_COMPLETIONS, high=MAX_COMPLETIONS, what="completions"
    )
    completions = tuple(_completion(value, f"completions[{i}]", index=i) for i, value in enumerate(found))
    _no_twins(completions)
    row = ComparisonRow(
        external_id=jsonlines.identifier(values["id"], "id") if "id" in values else "",
        prompt=the_prompt,
        completions=completions,
        overlap=_whole(values, "overlap", low=1, high=50),
        priority=_whole(values, "priority", low=-1_000_000, high=1_000_000) or 0,
        use=_one_of(values, "use", Use.values) or Use.WORK,
        key=_ranking(values["key"], "key") if "key" in values else (),
        key_reason=jsonlines.text(values["key_reason"], "key_reason", max_chars=20_000)
        if "key_reason" in values
        else "",
    )
    _check_key(row)
    return row if row.external_id else replace(row, external_id=f"c-{row.fingerprint[:16]}")


def ranking(values: Json) -> RankingRow:
    """Return a line of a rankings file: {"comparison", "annotator"}, what was said and about it.

    What was said is `ranking` ([[id, …], …] best first, several in a tier are a tie), or `chosen` and `rejected`, or
    `tie` (two ids), or `unrankable` (why). Without `submitted_at` the time of the import counts; `guideline` is another
    project's number and is not kept.
    """
    about = ["submitted_at", "seconds", "active_seconds", "order", "origin", "revision", "guideline", "reason"]
    said = ["ranking", "chosen", "rejected", "tie", "unrankable", "strength", "is_all_bad"]
    optional = [*about, *said, "ratings", "flags", "aspects", "spans"]
    jsonlines.only_keys(values, required=["comparison", "annotator"], optional=optional)
    order = values.get("order", [])
    return RankingRow(
        comparison=jsonlines.identifier(values["comparison"], "comparison"),
        annotator=jsonlines.identifier(values["annotator"], "annotator"),
        tiers=_tiers(values),
        submitted_at=_time(values["submitted_at"], "submitted_at") if "submitted_at" in values else datetime.now(UTC),
        seconds=_seconds(values, "seconds"),
        reason=jsonlines.text(values["reason"], "reason", max_chars=20_000) if values.get("reason") else "",
        order=tuple(_ids(order, "order")) if order else (),
        active_seconds=_seconds(values, "active_seconds"),
        revision=_whole(values, "revision", low=1, high=1000) or 1,
        is_simulated=_one_of(values, "origin", Origin.values) == Origin.SIMULATED,
        strength=_whole(values, "strength", low=0, high=STRONGEST),
        is_all_bad=_yes(values, "is_all_bad"),
        unrankable=jsonlines.text(values["unrankable"], "unrankable", max_chars=300)
        if values.get("unrankable")
        else "",
        ratings=_scale(values.get("ratings", {}), "ratings"),
        flags=_flags(values.get("flags", {})),
        aspects=_aspects(values.get("aspects", {})),
        spans=_spans(values.get("spans", [])),
    )


def _prompt(values: Json, *, id_key: str, demonstration: str = "") -> PromptRow:
    messages = _messages(values["prompt"])
    made_id = f"p-{_sha256(json.dumps(messages, ensure_ascii=False))[:16]}"
    return PromptRow(
        external_id=jsonlines.identifier(values[id_key], id_key) if id_key in values else made_id,
        messages=messages,
        category=jsonlines.identifier(values["category"], "category", max_chars=60) if "category" in values else "",
        language=jsonlines.identifier(values["language"], "language", max_chars=12) if "language" in values else "",
        demonstration=demonstration,
    )


def _messages(value: object) -> tuple[tuple[str, str], ...]:
    """Return (role, content) pairs: an optional system message, then user and assistant in turn, ending with user."""
    if isinstance(value, str):
        return (("user", jsonlines.text(value, "prompt")),)
    found = jsonlines.items(value, "prompt", low=1, high=MAX_MESSAGES, what="messages (or a plain text)")
    messages = [_message(message, f"prompt[{i}]") for i, message in enumerate(found)]
    turns = [role for role, _ in messages]
    start = 1 if turns[0] == "system" else 0
    for i, role in enumerate(turns[start:]):
        expected = "assistant" if i % 2 else "user"
        if role != expected:
            raise FieldError(f"prompt[{start + i}].role", f"expected {expected!r} at this turn, got {role!r}.")
    if turns[-1] != "user":
        raise FieldError(f"prompt[{len(turns) - 1}].role", "a prompt ends with a user message.")
    return tuple(messages)


def _message(value: object, where: str) -> tuple[str, str]:
    message = jsonlines.object_of(value, where)
    jsonlines.only_keys(message, required=["role", "content"])
    if message["role"] not in ("system", "user", "assistant"):
        raise FieldError(
            f"{where}.role", f"expected system, user or assistant, got {jsonlines.describe(message['role'])}."
        )
    return str(message["role"]), jsonlines.text(message["content"], f"{where}.content")


def _completion(value: object, where: str, *, index: int) -> CompletionRow:
    if isinstance(value, str):
        return CompletionRow(chr(ord("a") + index), jsonlines.text(value, where))
    values = jsonlines.object_of(value, where)
    jsonlines.only_keys(values, required=["text"], optional=["id", "model"])
    name = jsonlines.identifier(values["id"], f"{where}.id") if "id" in values else chr(ord("a") + index)
    source = jsonlines.identifier(values["model"], f"{where}.model") if "model" in values else ""
    return CompletionRow(name, jsonlines.text(values["text"], f"{where}.text"), source)


def _no_twins(completions: tuple[CompletionRow, ...]) -> None:
    seen_ids: dict[str, int] = {}
    seen_texts: dict[str, int] = {}
    for i, completion in enumerate(completions):
        if (first := seen_ids.setdefault(completion.external_id, i)) != i:
            raise FieldError(
                f"completions[{i}].id", f"{completion.external_id!r} is also the id of completions[{first}]."
            )
        if (first := seen_texts.setdefault(completion.text, i)) != i:
            raise FieldError(f"completions[{i}].text", f"is the same text as completions[{first}].")


def _check_key(row: ComparisonRow) -> None:
    """Gold, training and qualification have a known order; work has none."""
    if (row.use == Use.WORK) != (not row.key):
        said = (
            "is for gold, training and qualification; say which in `use`." if row.key else f"is missing for {row.use}."
        )
        raise FieldError("key", said)
    names = [name for tier in row.key for name in tier]
    if row.key and sorted(names) != sorted(completion.external_id for completion in row.completions):
        raise FieldError("key", "expected each completion of the comparison exactly once.")


def _tiers(values: Json) -> tuple[tuple[str, ...], ...]:
    has_pair, has_tie = "chosen" in values or "rejected" in values, "tie" in values
    has_ranking, is_unrankable = bool(values.get("ranking")) or "ranking" in values, bool(values.get("unrankable"))
    if is_unrankable and not (has_pair or has_tie or values.get("ranking")):
        return ()
    if has_pair + has_tie + has_ranking + is_unrankable != 1:
        raise FieldError("ranking", "expected exactly one of `ranking`, `chosen` with `rejected`, or `tie`.")
    if has_pair:
        jsonlines.only_keys({k: 0 for k in ("chosen", "rejected") if k in values}, required=["chosen", "rejected"])
        return tuple((jsonlines.identifier(values[key], key),) for key in ("chosen", "rejected"))
    if has_tie:
        return (tuple(_ids(values["tie"], "tie")),)
    return _ranking(values["ranking"], "ranking")


def _ranking(value: object, where: str) -> tuple[tuple[str, ...], ...]:
    found = jsonlines.items(value, where, low=1, high=MAX_COMPLETIONS, what="tiers")
    return tuple(tuple(_ids(tier, f"{where}[{i}]")) for i, tier in enumerate(found))


def _whole(values: Json, name: str, *, low: int, high: int) -> int | None:
    return jsonlines.whole_number(values[name], name, low=low, high=high) if name in values else None


def _seconds(values: Json, name: str) -> float | None:
    return jsonlines.number(values[name], name, low=0.0, high=DAY_SECONDS) if name in values else None


def _yes(values: Json, name: str) -> bool:
    if not isinstance(values.get(name, False), bool):
        raise FieldError(name, f"expected true or false, got {jsonlines.describe(values[name])}.")
    return bool(values.get(name, False))


def _one_of(values: Json, name: str, known: list[str]) -> str:
    if name in values and values[name] not in known:
        raise FieldError(name, f"expected one of {', '.join(known)}; got {jsonlines.describe(values[name])}.")
    return str(values.get(name, ""))


def _scale(value: object, where: str) -> dict[str, int]:
    given = jsonlines.object_of(value, where)
    return {
        jsonlines.identifier(name, where): jsonlines.whole_number(
            rating, f"{where}.{name[:60]}", low=RATING_LOW, high=RATING_HIGH
        )
        for name, rating in given.items()
        if rating is not None  # a struct column of Parquet has every name in every row
    }


def _flags(value: object) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, keys in jsonlines.object_of(value, "flags").items():
        where = f"flags.{name[:60]}"
        flags = jsonlines.items(keys, where, low=0, high=30, what="flags")
        found[jsonlines.identifier(name, "flags")] = tuple(_named_key(key, where) for key in flags)
    return found


def _aspects(value: object) -> dict[str, dict[str, int]]:
    given = jsonlines.object_of(value, "aspects")
    return {_named_key(key, "aspects"): _scale(values, f"aspects.{key[:40]}") for key, values in given.items()}


def _named_key(value: object, where: str) -> str:
    if not isinstance(value, str) or not KEY.fullmatch(value):
        raise FieldError(where, f"a key is 1-40 of a-z, 0-9 and _, a letter first; got {jsonlines.describe(value)}.")
    return value


def _spans(value: object) -> tuple[tuple[str, int, int, str], ...]:
    found = jsonlines.items(value, "spans", low=0, high=MAX_SPANS, what="marks")
    return tuple(_span(jsonlines.object_of(span, f"spans[{i}]"), f"spans[{i}]") for i, span in enumerate(found))


def _span(values: Json, where: str) -> tuple[str, int, int, str]:
    jsonlines.only_keys(values, required=["completion", "start", "end"], optional=["note"])
    start = jsonlines.whole_number(values["start"], f"{where}.start", low=0, high=jsonlines.MAX_TEXT_CHARS)
    end = jsonlines.whole_number(values["end"], f"{where}.end", low=start + 1, high=jsonlines.MAX_TEXT_CHARS)
    note = jsonlines.text(values["note"], f"{where}.note", max_chars=MAX_NOTE_CHARS) if values.get("note") else ""
    return jsonlines.identifier(values["completion"], f"{where}.completion"), start, end, note


def _ids(value: object, where: str) -> list[str]:
    found = jsonlines.items(value, where, low=1, high=MAX_COMPLETIONS, what="completion ids")
    return [jsonlines.identifier(item, f"{where}[{i}]") for i, item in enumerate(found)]


def _time(value: object, where: str) -> datetime:
    """Return an ISO 8601 time; one without a zone counts as UTC."""
    said = jsonlines.text(value, where, max_chars=64)
    try:
        time = datetime.fromisoformat(said)
    except ValueError:
        raise FieldError(where, f"expected an ISO 8601 time such as 2026-11-24T09:30:00Z, got {said[:40]!r}.") from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    if not EARLIEST <= time <= datetime.now(UTC):
        raise FieldError(where, f"expected a time from {EARLIEST:%Y} to now, got {said[:40]!r}.")
    return time


def _sha256(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
