"""What a line of an import file says, checked: the shapes of prompts and comparisons.

Lines in, frozen rows out; no database. A FieldError names the field that is wrong.
"""

import hashlib
import json
import unicodedata
from dataclasses import dataclass, replace
from functools import cached_property

from annotate import jsonlines, row_parts
from annotate.jsonlines import FieldError, Json
from annotate.models import Task, Use
from annotate.row_parts import MAX_COMPLETIONS

MIN_COMPLETIONS = 2
ENCODE = json.JSONEncoder(ensure_ascii=False).encode
COMPLETION_COUNTS = {
    Task.RANKING: (MIN_COMPLETIONS, MAX_COMPLETIONS),
    Task.PAIRWISE: (2, 2),
    Task.DEMONSTRATION: (0, MAX_COMPLETIONS),
}
"""How many completions a comparison has, by what its project asks of it."""
MAX_MESSAGES = 200

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
    cohort: str = ""  # whose work it is alone; empty: everybody's
    use: str = Use.WORK
    key: tuple[tuple[str, ...], ...] = ()  # the known order, exactly where the use is not work
    key_reason: str = ""

    @cached_property
    def fingerprint(self) -> str:
        """Of the content: a line imported again is known by it."""
        texts = [[c.external_id, c.text, c.source] for c in self.completions]
        known = [] if self.use == Use.WORK else [[self.use, self.key, self.key_reason]]
        return _sha256(ENCODE([self.prompt.messages, texts, *known]))


def prompt(values: Json) -> PromptRow:
    """Return the prompt of a prompts file: {"prompt", "id"?, "category"?, "language"?, "demonstration"?}."""
    jsonlines.only_keys(values, required=["prompt"], optional=["id", "category", "language", "demonstration"])
    demonstration = jsonlines.text(values["demonstration"], "demonstration") if "demonstration" in values else ""
    return _prompt(values, id_key="id", demonstration=demonstration)


def comparison(values: Json) -> ComparisonRow:
    """Return a line of a comparisons file: {"prompt", "completions", "id"?, "prompt_id"?, "category"?, …}."""
    about = ["id", "prompt_id", "category", "language"]
    optional = [*about, "overlap", "priority", "cohort", "use", "key", "key_reason"]
    jsonlines.only_keys(values, required=["prompt", "completions"], optional=optional)
    the_prompt = _prompt(values, id_key="prompt_id")
    found = jsonlines.items(values["completions"], "completions", low=0, high=MAX_COMPLETIONS, what="completions")
    completions = tuple(_completion(value, f"completions[{i}]", index=i) for i, value in enumerate(found))
    _no_twins(completions)
    row = ComparisonRow(
        external_id=jsonlines.identifier(values["id"], "id") if "id" in values else "",
        prompt=the_prompt,
        completions=completions,
        overlap=row_parts.whole(values, "overlap", low=1, high=50),
        priority=row_parts.whole(values, "priority", low=-1_000_000, high=1_000_000) or 0,
        cohort=row_parts.text(values, "cohort", max_chars=60).strip(),
        use=row_parts.one_of(values, "use", Use.values) or Use.WORK,
        key=row_parts.tiers(values["key"], "key") if "key" in values else (),
        key_reason=row_parts.text(values, "key_reason", max_chars=20_000),
    )
    _check_key(row)
    return row if row.external_id else replace(row, external_id=f"c-{row.fingerprint[:16]}")


def count_fault(row: ComparisonRow, task: str) -> str:
    """Return what is wrong with the number of completions for a project's task; nothing if it fits."""
    low, high = COMPLETION_COUNTS[Task(task)]
    count = len(row.completions)
    if low <= count <= high:
        return ""
    return f"needs {low if low == high else f'{low} to {high}'} completions in a {task} project, got {count}."


def use_fault(row: ComparisonRow, task: str) -> str:
    """Return what is wrong with the use of a comparison for a project's task; nothing if it fits."""
    if task != Task.DEMONSTRATION or row.use == Use.WORK:
        return ""
    return f"a project of ideal outputs has no known orders, so no {row.use}; leave out `use` and `key`."


def _prompt(values: Json, *, id_key: str, demonstration: str = "") -> PromptRow:
    messages = _messages(values["prompt"])
    made_id = f"p-{_sha256(ENCODE(messages))[:16]}"
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
    """Ids stand once. Equal texts are let in: real data has them, people tie them, and training leaves them out."""
    seen_ids: dict[str, int] = {}
    for i, completion in enumerate(completions):
        if (first := seen_ids.setdefault(completion.external_id, i)) != i:
            raise FieldError(
                f"completions[{i}].id", f"{completion.external_id!r} is also the id of completions[{first}]."
            )


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


def _sha256(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
