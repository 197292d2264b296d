"""The published bad inputs that a record can hold, and the doors through which a record comes in.

A record is a comparison that is good but for one change, written as raw JSON, because the fault is often in the
writing: 1e999, NaN, a key twice. Each stands second, after a good one, so that its place is more than «the first».
"""

import csv
import io
import json
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

GOOD = {"id": '"good"', "prompt": '"Name a river."', "completions": '["Rhine.", "Nile."]'}
BASE = GOOD | {"id": '"bad"'}
INVISIBLE = "is empty after trimming invisible characters."
DOORS = ("jsonl", "json", "csv", "parquet", "api")
NOT_TABLES = ("jsonl", "json", "api")
FILES = ("jsonl", "json", "csv", "parquet")


class Bad(NamedTuple):
    """A published case, what is changed in a good record, and the field and words with which it is refused."""

    case: str
    change: dict[str, str]
    field: str
    said: str
    doors: tuple[str, ...] = DOORS
    """Where it can be written at all, and is refused in these words."""

    @property
    def name(self) -> str:
        return f"{self.case} {' '.join(f'{k}={v[:40]}' for k, v in self.change.items())}"


def text(value: object) -> str:
    return json.dumps(value)


def without(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "")


def raw(change: dict[str, str]) -> str:
    """Return a record as JSON; a field whose value is empty is left out."""
    return "{" + ", ".join(f'"{name}": {value}' for name, value in (BASE | change).items() if value) + "}"


def written(change: dict[str, str], door: str) -> bytes:
    """Return a file, or a request's body, with a good record and the changed one."""
    good, bad = raw(GOOD), raw(change)
    if door == "jsonl":
        return f"{good}\n{bad}\n".encode()
    if door == "json":
        return f"[{good}, {bad}]".encode()
    if door == "api":
        return f'{{"comparisons": [{good}, {bad}]}}'.encode()
    rows = [_cells(GOOD), _cells(BASE | change)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return _csv(rows, columns) if door == "csv" else _parquet(rows, columns)


def place(door: str) -> str:
    """Return how the place of the second record is written."""
    return {"jsonl": "2", "json": "2", "csv": "3", "parquet": "2", "api": "1"}[door]


def _cells(record: dict[str, str]) -> dict[str, str]:
    """A table's cell holds a text as it is and anything else as JSON."""
    return {name: json.loads(value) if value.startswith('"') else value for name, value in record.items() if value}


def _csv(rows: list[dict[str, str]], columns: list[str]) -> bytes:
    out = io.StringIO()
    csv.DictWriter(out, columns).writeheader()
    csv.DictWriter(out, columns).writerows(rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def _parquet(rows: list[dict[str, str]], columns: list[str]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in columns}), sink)
    return sink.getvalue()


USER = {"role": "user", "content": "Hello."}
ASSISTANT = {"role": "assistant", "content": "Hello."}
SYSTEM = {"role": "system", "content": "Be brief."}
OVERLAP, PRIORITY = "expected a whole number from 1 to 50", "expected a whole number from -1000000 to 1000000"
SURROGATE, DEEP = "surrogate", "nested"


def prompt(*messages: object) -> dict[str, str]:
    return {"prompt": text(list(messages))}


def completions(*values: object) -> dict[str, str]:
    return {"completions": text(list(values))}


RECORDS = [
    Bad("B17", {"completions": "[" * 100_000}, "", "", NOT_TABLES),
    Bad("B17", {"completions": '["a", ' + "[" * 500 + "]" * 500 + "]"}, "completions", ""),
    Bad("B17", {"metadata": '{"a":' * 5000 + "1" + "}" * 5000}, "", ""),
    Bad("B19", {"overlap": "NaN"}, "", "finite number"),
    Bad("B19", {"overlap": "Infinity"}, "", "finite number"),
    Bad("B19", {"priority": "-Infinity"}, "", "finite number"),
    Bad("B19", {"priority": "1e999"}, "priority", ""),
    Bad("B19", {"overlap": '"nan"'}, "overlap", ""),
    Bad("B19", {"completions": '["a", NaN]'}, "", "finite number"),
    Bad("B20", {"overlap": "2147483648"}, "overlap", OVERLAP),
    Bad("B20", {"priority": "2147483648"}, "priority", PRIORITY),
    Bad("B20", {"priority": "9007199254740993"}, "priority", PRIORITY),
    Bad("B20", {"priority": "9223372036854775808"}, "priority", ""),
    Bad("B20", {"priority": "9" * 5000}, "", "number of", NOT_TABLES),
    Bad("B20", {"overlap": "-0"}, "overlap", OVERLAP),
    Bad("B20", {"overlap": "1.5"}, "overlap", OVERLAP),
    Bad("B20", {"overlap": "true"}, "overlap", OVERLAP),
    Bad("B20", {"overlap": "2.0"}, "overlap", OVERLAP, NOT_TABLES),
    Bad("B20", {"id": "1.5"}, "id", "expected text", NOT_TABLES),
    Bad("B20", {"id": "7"}, "id", "ids are text", NOT_TABLES),
    Bad("B22", {"prompt": text("a\0b")}, "prompt", "NUL character at position 1"),
    Bad("B22", {"id": text("a\0b")}, "id", "NUL"),
    Bad("B22", {"category": text("a\0b")}, "category", "NUL"),
    Bad("B22", {"completions": text(["a\0", "b"])}, "completions[0]", "NUL"),
    Bad("B22", {"p\\u0000": "1"}, "", ""),
    Bad("B22", {"prompt": '"\\ud800"'}, "prompt", SURROGATE, NOT_TABLES),
    Bad("B22", {"completions": '["\\udfff", "b"]'}, "completions[0]", SURROGATE),
    Bad("B22", {"\\ud800": "1"}, "", ""),
    Bad("B23", {"prompt": "5"}, "prompt", "expected a list of messages (or a plain text), got number 5.", NOT_TABLES),
    Bad("B23", {"prompt": "{}"}, "prompt", "got an object.", NOT_TABLES),
    Bad("B23", {"prompt": "null"}, "prompt", "got null.", NOT_TABLES),
    Bad("B23", {"prompt": "true"}, "prompt", "got true.", NOT_TABLES),
    Bad("B23", {"prompt": "[]"}, "prompt", "needs 1 to 200 messages", NOT_TABLES),
    Bad("B23", {"completions": '"x"'}, "completions", ""),
    Bad("B23", {"completions": "{}"}, "completions", "expected a list of completions, got an object."),
    Bad("B23", {"completions": "7"}, "completions", "expected a list of completions, got number 7."),
    Bad("B23", {"completions": '["a", 5]'}, "completions[1]", "expected an object, got number 5."),
    Bad("B23", {"completions": '["a", {"text": 5}]'}, "completions[1].text", "expected text, got number 5."),
    Bad("B23", {"completions": '["a", {"text": null}]'}, "completions[1].text", "expected text, got null."),
    Bad("B23", {"completions": '["a", {"id": "b"}]'}, "text", "is missing."),
    Bad("B23", {"completions": '["a", {"text": "b", "score": "0.5"}]'}, "score", "unknown field"),
    Bad("B23", {"completions": '["a", {"text": "b", "text": "c"}]'}, "", "text: stands twice in one object.", FILES),
    Bad("B23", {"metadata": "[]"}, "metadata", "unknown field"),
    Bad("B23", {"category": "5"}, "category", "", NOT_TABLES),
    Bad("B23", prompt({"content": "x"}), "role", "is missing."),
    Bad("B25", without("prompt"), "prompt", "is missing."),
    Bad("B25", without("completions"), "completions", "is missing."),
    Bad("B25", {"prompt": '""'}, "prompt", INVISIBLE, ("jsonl", "json", "parquet", "api")),
    Bad("B25", {"prompt": text(" \t\n\u00a0\u3000")}, "prompt", INVISIBLE),
    Bad("B25", {"prompt": text("\u200b\u2060\ufeff")}, "prompt", INVISIBLE),
    Bad("B25", {"prompt": text("\u200e\u202e\u2066\u2069\u061c")}, "prompt", INVISIBLE),
    Bad("B25", {"prompt": text("\u3164\u115f\u1160\uffa0\u2800")}, "prompt", INVISIBLE),
    Bad("B25", {"prompt": text("\ufe0f\u180e\u034f\u2063\U000e0041")}, "prompt", INVISIBLE),
    Bad("B25", {"prompt": text("```\n```")}, "prompt", INVISIBLE),
    Bad("B25", {"prompt": text("~~~python\n\n~~~\n")}, "prompt", INVISIBLE),
    Bad("B25", completions("a", "```\n\n```"), "completions[1]", INVISIBLE),
    Bad("B25", completions("a", "\u200b"), "completions[1]", INVISIBLE),
    Bad("B26", {"prompt": text("x" * 200_001)}, "prompt", "has 200,001 characters; at most 200,000 are allowed."),
    Bad("B26", {"prompt": text("x\n" * 1_000_000)}, "prompt", "has 2,000,000 characters; at most 200,000 are allowed."),
    Bad("B26", completions("a", "x" * 1_000_000), "completions[1]", "has 1,000,000 characters; at most 200,000"),
    Bad("B26", {"id": text("x" * 121)}, "id", "has 121 characters; at most 120"),
    Bad("B32", completions("one"), "completions", "needs 2 to 9 completions in a ranking project, got 1."),
    Bad("B32", completions(), "completions", "needs 2 to 9 completions in a ranking project, got 0."),
    Bad("B32", completions(*(f"c{n}" for n in range(27))), "completions", "completions, got 27."),
    Bad("B32", completions(*(f"c{n}" for n in range(10))), "completions", "completions, got 10."),
    Bad("B34", {"id": '"good"', "prompt": '"Another."'}, "id", "'good' is also the id of"),
    Bad("B34", {"id": '"good"'}, "id", "'good' is also the id of"),
    Bad("B34", {"id": '" padded "'}, "id", "an id has no blanks around it"),
    Bad("B34", {"id": text("a\u202eb")}, "id", "control characters"),
    Bad("B34", {"prompt_id": '"p"', "id": '"x"', "overlap": "0"}, "overlap", OVERLAP),
    Bad("B34", completions({"id": "a", "text": "x"}, {"id": "a", "text": "y"}), "completions[1].id", "is also the id"),
    Bad("B35", {"use": '"gold"'}, "key", "is missing for gold."),
    Bad("B35", {"use": '"gold"', "key": '[["a"]]'}, "key", "each completion of the comparison exactly once."),
    Bad(
        "B35", {"use": '"gold"', "key": '[["a"], ["a", "b"]]'}, "key", "each completion of the comparison exactly once."
    ),
    Bad("B35", {"use": '"gold"', "key": '[["a"], [], ["b"]]'}, "key[1]", "needs 1 to 9 completion ids, got 0."),
    Bad("B35", {"use": '"gold"', "key": '[["a"], ["z"]]'}, "key", "each completion of the comparison exactly once."),
    Bad("B35", {"use": '"silver"'}, "use", "expected one of work, gold, training, qualification"),
    Bad("B38", prompt(USER, SYSTEM, USER), "prompt[1].role", "expected 'assistant' at this turn, got 'system'."),
    Bad("B38", prompt(USER, ASSISTANT, ASSISTANT, USER), "prompt[2].role", "expected 'user' at this turn"),
    Bad("B38", prompt(USER, ASSISTANT), "prompt[1].role", "a prompt ends with a user message."),
    Bad("B38", prompt(SYSTEM), "prompt[0].role", "a prompt ends with a user message."),
    Bad("B38", prompt(USER | {"content": ""}), "prompt[0].content", INVISIBLE),
    Bad("B38", prompt({"role": "tool", "content": "x"}), "prompt[0].role", "expected system, user or assistant"),
    Bad("B38", prompt({"role": ["user"], "content": "x"}), "prompt[0].role", "expected system, user or assistant"),
    Bad("B38", prompt(USER | {"tool_calls": []}), "tool_calls", "unknown field"),
    Bad("B38", prompt(USER | {"content": [{"type": "image"}]}), "prompt[0].content", "expected text, got a list."),
    Bad("B38", prompt("hello"), "prompt[0]", "expected an object, got text 'hello'.", NOT_TABLES),
]
