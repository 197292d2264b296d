"""Which column of a stranger's file is which of our fields, and what a table's cell says.

A mapping is written a field a line: `prompt = question`, `completions = answer_1, answer_2`. With a mapping, columns
that are neither named in it nor called as our fields are left out; without one they are refused as unknown.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from annotate import jsonlines
from annotate.jsonlines import FieldError, Json

OF_COMPARISONS = (
    "id, prompt, prompt_id, category, language, completions, overlap, priority, cohort, use, key, key_reason"
)
OF_RANKINGS = (
    "comparison, annotator, origin, ranking, chosen, rejected, tie, order, submitted_at, seconds, active_seconds, "
    "strength, is_all_bad, unrankable, ratings, flags, aspects, spans, reason, revision, guideline"
)
FIELDS = {
    "comparisons": OF_COMPARISONS.split(", "),
    "prompts": ["id", "prompt", "category", "language", "demonstration"],
    "rankings": OF_RANKINGS.split(", "),
    "ranked": [*OF_COMPARISONS.split(", "), "rankings"],
}
LISTS = {"completions", "ranking", "rankings", "order", "ratings", "flags", "aspects", "spans", "key", "tie"}
NUMBERS = {"overlap", "priority", "seconds", "active_seconds", "strength", "revision", "guideline"}


class BadMapping(ValueError):
    """A mapping that cannot be used; the message says what was expected."""


@dataclass(frozen=True)
class Mapped:
    """Our field → the columns it is made of; several only for completions."""

    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def record(self, values: Json, *, kind: str) -> Json:
        """Return a record under our names."""
        if not self.sources:
            return values
        taken = {name for columns in self.sources.values() for name in columns}
        mine = {key: value for key, value in values.items() if key in FIELDS[kind] and key not in taken}
        for name, columns in self.sources.items():
            found = [values[column] for column in columns if column in values]
            if found:
                mine[name] = found if len(columns) > 1 else found[0]
        return mine


def parse(text: str, *, kind: str) -> Mapped:
    """Read a mapping. Raises BadMapping."""
    sources: dict[str, tuple[str, ...]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, columns = (part.strip() for part in line.partition("="))
        found = tuple(filter(None, (column.strip() for column in columns.split(","))))
        if not equals or not found:
            raise BadMapping(f"expected «field = column» in each line, got {line[:60]!r}.")
        if name not in FIELDS[kind]:
            raise BadMapping(f"{name[:60]!r} is no field of {kind}; the fields are {', '.join(FIELDS[kind])}.")
        if name in sources or (len(found) > 1 and name != "completions"):
            raise BadMapping(f"{name}: one line and one column for each field; only completions may have several.")
        sources[name] = found
    return Mapped(sources)


def cells(values: Json, *, texts: Collection[str] = ("prompt", "messages", "data")) -> Json:
    """Return a table's row with the JSON, numbers and yes/no that its cells hold as text."""
    return {name: _cell(name, value, texts) for name, value in values.items()}


def _cell(name: str, value: object, texts: Collection[str]) -> object:
    if not isinstance(value, str):
        return _whole(value) if name in NUMBERS else value
    if name in LISTS or (name in texts and value.startswith("[{")):
        return _json(name, value, must=name in LISTS)
    if name in NUMBERS:
        return _whole(_json(name, value, must=True))
    return {"true": True, "false": False}.get(value.lower(), value) if name == "is_all_bad" else value


def _whole(value: object) -> object:
    """A column with gaps makes 3.0 of 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _json(name: str, value: str, *, must: bool) -> object:
    try:
        return jsonlines.DECODER.decode(value)
    except FieldError as fault:
        raise FieldError(f"{name}.{fault.field}".rstrip("."), fault.message) from None
    except (ValueError, RecursionError):
        if must:
            raise FieldError(name, f"expected JSON in this cell, got text {value[:40]!r}.") from None
        return value
