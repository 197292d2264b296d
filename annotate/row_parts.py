"""Parts that the rows of comparisons and of rankings share: tiers of ids, and values that may be left out."""

from annotate import jsonlines
from annotate.jsonlines import FieldError, Json

MAX_COMPLETIONS = 9


def tiers(value: object, where: str) -> tuple[tuple[str, ...], ...]:
    """Return best-first tiers of ids."""
    found = jsonlines.items(value, where, low=1, high=MAX_COMPLETIONS, what="tiers")
    return tuple(tuple(ids(tier, f"{where}[{i}]")) for i, tier in enumerate(found))


def ids(value: object, where: str) -> list[str]:
    """Return a list of ids."""
    found = jsonlines.items(value, where, low=1, high=MAX_COMPLETIONS, what="completion ids")
    return [jsonlines.identifier(item, f"{where}[{i}]") for i, item in enumerate(found)]


def whole(values: Json, name: str, *, low: int, high: int) -> int | None:
    """Return a whole number within bounds, or None where it is missing."""
    return jsonlines.whole_number(values[name], name, low=low, high=high) if name in values else None


def text(values: Json, name: str, *, max_chars: int) -> str:
    """Return a text, or an empty one where it is missing, empty or null."""
    return jsonlines.text(values[name], name, max_chars=max_chars) if values.get(name) else ""


def one_of(values: Json, name: str, known: list[str]) -> str:
    """Return one of the known words, or an empty text where it is missing."""
    if name in values and values[name] not in known:
        raise FieldError(name, f"expected one of {', '.join(known)}; got {jsonlines.describe(values[name])}.")
    return str(values.get(name, ""))
