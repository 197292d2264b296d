"""The guidelines beside the work, cut at their headings, so that a flag or an aspect can link to its section."""

import re
from dataclasses import dataclass

from django.utils.safestring import SafeString

from annotate import rendering
from annotate.sections import anchor_of

HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(?P<words>.*?)[ \t#]*$")
FENCE = re.compile(r" {0,3}(```|~~~)")


@dataclass(frozen=True)
class Section:
    """A part of the guidelines, from a heading to the next; `anchor` is empty for what stands before the first."""

    anchor: str
    html: SafeString


def sections(source: str) -> list[Section]:
    """Return guidelines as their sections, rendered; of headings that read alike the first has the anchor."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    is_in_code, seen = False, {""}
    for line in source.splitlines():
        is_in_code ^= bool(FENCE.match(line))
        heading = None if is_in_code else HEADING.fullmatch(line)
        if heading:
            anchor = anchor_of(heading["words"])
            parts.append(("" if anchor in seen else anchor, []))
            seen.add(anchor)
        parts[-1][1].append(line)
    return [Section(anchor, rendering.guidelines("\n".join(lines))) for anchor, lines in parts if lines]
