"""Free text without what may say who somebody is: addresses, numbers and ids are replaced by what they were.

Patterns find patterns: a name in a sentence stays. Whoever gives texts away reads them first.
"""

import re
from collections import Counter

from annotate.jsonlines import Json
from annotate.reconciling import Counts

PATTERNS = {
    "web address": r"\b(?:https?://|www\.)[^\s<>\"']+",
    "e-mail address": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "IP address": r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])|(?<![\w:])(?:[\da-f]{1,4}:){5,7}[\da-f]{1,4}(?![\w:])",
    "long id": r"\b(?=[0-9a-f]*\d)[0-9a-f]{16,}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
    "phone number": r"(?<![\w.])(?:\+\d(?:[\s().-]?\d){6,14}|\(?\d(?:[\s().-]?\d){8,14})(?!\w)",
}
"""In this order: an address is not taken for the number in it. A worker's id at Prolific is a long id."""
FOUND = re.compile("|".join(f"(?P<k{at}>{pattern})" for at, pattern in enumerate(PATTERNS.values())), re.IGNORECASE)
REASONS = {
    "none": "leave them out",
    "redacted": "without addresses, numbers and ids",
    "written": "as they were written",
}
"""What an export does with the words that annotators gave as reasons: they may say who somebody is."""
LEFT_OUT = "(left out)"
"""Where something must stand: why a comparison cannot be ranked."""


def redacted(text: str, found: Counter[str]) -> str:
    """Return a text with each finding replaced by its kind in brackets, counted by kind in `found`.

    >>> redacted("Write to me@example.org.", Counter())
    'Write to [e-mail address].'
    """
    kinds = list(PATTERNS)

    def replace(match: re.Match[str]) -> str:
        kind = kinds[int(str(match.lastgroup)[1:])]
        found[kind] += 1
        return f"[{kind}]"

    return FOUND.sub(replace, text)


def with_reason(row: Json, counts: Counts) -> Json:
    """A ranking as it leaves: the words in it left out, redacted or as written, and counted."""
    changed = _worded(_worded(row, "reason", counts), "unrankable", counts, instead=LEFT_OUT)
    if "spans" in changed:
        changed = changed | {"spans": [_worded(span, "note", counts) for span in changed["spans"]]}
    return changed


def _worded(said: Json, name: str, counts: Counts, *, instead: str = "") -> Json:
    if not said.get(name):
        return said
    counts.reason_count += 1
    if counts.reasons == "written":
        return said
    if counts.reasons == "redacted":
        return said | {name: redacted(str(said[name]), counts.redacted)}
    rest = {key: value for key, value in said.items() if key != name}
    return rest | ({name: instead} if instead else {})
