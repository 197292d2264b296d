"""The first rows of a dry run as pages and terminals show them: what would be stored, shortened."""

from dataclasses import fields

from annotate.intake import Report, Row
from annotate.rows import CompletionRow, PromptRow

MAX_CHARS = 300


def rows(report: Report) -> list[list[tuple[str, str]]]:
    """Return (field, value in words) of the first rows; what is empty is left out."""
    found = [*report.first_rows, *(report.rankings.first_rows if report.rankings else ())]
    return [_fields(row) for row in found]


def _fields(row: Row | PromptRow) -> list[tuple[str, str]]:
    said = [(one.name, getattr(row, one.name)) for one in fields(row)]
    return [pair for name, value in said if value not in ("", None, (), {}, False) for pair in _words(name, value)]


def _words(name: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, PromptRow):
        return [(f"{name}.{inner}", said) for inner, said in _fields(value)]
    if name == "messages":
        return [(role, _short(content)) for role, content in value]
    if name == "completions":
        return [_completion(one) for one in value]
    if name in ("tiers", "key"):
        return [(name, " > ".join(" = ".join(tier) for tier in value))]
    return [(name, _short(str(value)))]


def _completion(one: CompletionRow) -> tuple[str, str]:
    source = f" ({one.source})" if one.source else ""
    return f"completion {one.external_id}{source}", _short(one.text)


def _short(text: str) -> str:
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]}… ({len(text):,} characters)"
