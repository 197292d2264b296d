"""What a line of an import file says, checked: the shapes of prompts, comparisons and rankings made elsewhere.

Lines in, frozen rows out; no database. A FieldError names the field that is wrong.
"""

import hashlib
import json
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

from annotate import jsonlines
from annotate.jsonlines import FieldError, Json
from annotate.models import Task

MIN_COMPLETIONS, MAX_COMPLETIONS = 2, 9
COMPLETION_COUNTS = {
    Task.RANKING: (MIN_COMPLETIONS, MAX_COMPLETIONS),
    Task.PAIRWISE: (2, 2),
    Task.DEMONSTRATION: (0, MAX_COMPLETIONS),
}
"""How many completions a comparison has, by what its project asks of it."""
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

    @property
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

    @property
    def fingerprint(self) -> str:
        """Of the content: a line imported again is known by it."""
        texts = [[c.external_id, c.text, c.source] for c in self.completions]
        return _sha256(json.dumps([self.prompt.messages, texts], ensure_ascii=False))


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


def prompt(values: Json) -> PromptRow:
    """Return the prompt of a prompts file: {"prompt", "id"?, "category"?, "language"?, "demonstration"?}."""
    jsonlines.only_keys(values, required=["prompt"], optional=["id", "category", "language", "demonstration"])
    demonstration = jsonlines.text(values["demonstration"], "demonstration") if "demonstration" in values else ""
    return _prompt(values, id_key="id", demonstration=demonstration)


def comparison(values: Json) -> ComparisonRow:
    """Return a line of a comparisons file: {"prompt", "completions", "id"?, "prompt_id"?, "category"?, …}."""
    optional = ["id", "prompt_id", "category", "language", "overlap"]
    jsonlines.only_keys(values, required=["prompt", "completions"], optional=optional)
    the_prompt = _prompt(values, id_key="prompt_id")
    found = jsonlines.items(values["completions"], "completions", low=0, high=MAX_COMPLETIONS, what="completions")
    completions = tuple(_completion(value, f"completions[{i}]", index=i) for i, value in enumerate(found))
    _no_twins(completions)
    overlap = jsonlines.whole_number(values["overlap"], "overlap", low=1, high=50) if "overlap" in values else None
    row = ComparisonRow("", the_prompt, completions, overlap)
    name = jsonlines.identifier(values["id"], "id") if "id" in values else f"c-{row.fingerprint[:16]}"
    return ComparisonRow(name, the_prompt, completions, overlap)


def count_fault(row: ComparisonRow, task: str) -> str:
    """Return what is wrong with the number of completions for a project's task; nothing if it fits."""
    low, high = COMPLETION_COUNTS[Task(task)]
    count = len(row.completions)
    if low <= count <= high:
        return ""
    return f"needs {low if low == high else f'{low} to {high}'} completions in a {task} project, got {count}."


def ranking(values: Json) -> RankingRow:
    """Return a line of a rankings file: {"comparison", "annotator", "submitted_at"} and what was said.

    What was said is `ranking` ([[id, …], …] best first, several in a tier are a tie), or `chosen` and `rejected`, or
    `tie` (two ids).
    """
    said = ["ranking", "chosen", "rejected", "tie"]
    optional = ["seconds", "reason", "order", *said]
    jsonlines.only_keys(values, required=["comparison", "annotator", "submitted_at"], optional=optional)
    order = values.get("order", [])
    return RankingRow(
        comparison=jsonlines.identifier(values["comparison"], "comparison"),
        annotator=jsonlines.identifier(values["annotator"], "annotator"),
        tiers=_tiers(values),
        submitted_at=_time(values["submitted_at"], "submitted_at"),
        seconds=jsonlines.number(values["seconds"], "seconds", low=0.0, high=DAY_SECONDS)
        if "seconds" in values
        else None,
        reason=jsonlines.text(values["reason"], "reason", max_chars=20_000) if values.get("reason") else "",
        order=tuple(_ids(order, "order")) if order else (),
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


def _tiers(values: Json) -> tuple[tuple[str, ...], ...]:
    has_pair, has_tie, has_ranking = "chosen" in values or "rejected" in values, "tie" in values, "ranking" in values
    if has_pair + has_tie + has_ranking != 1:
        raise FieldError("ranking", "expected exactly one of `ranking`, `chosen` with `rejected`, or `tie`.")
    if has_pair:
        jsonlines.only_keys({k: 0 for k in ("chosen", "rejected") if k in values}, required=["chosen", "rejected"])
        return tuple((jsonlines.identifier(values[key], key),) for key in ("chosen", "rejected"))
    if has_tie:
        return (tuple(_ids(values["tie"], "tie")),)
    found = jsonlines.items(values["ranking"], "ranking", low=1, high=MAX_COMPLETIONS, what="tiers")
    return tuple(tuple(_ids(tier, f"ranking[{i}]")) for i, tier in enumerate(found))


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
