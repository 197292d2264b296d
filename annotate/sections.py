"""Headings of guidelines as places to link to: the id of a heading follows from its words, so a flag can name it."""

import re
from functools import lru_cache
from html import unescape

from django.utils.html import format_html, strip_tags
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify

HEADING = re.compile(r"<(h[3-6])>(.*?)</\1>", re.DOTALL)
"""As annotate.rendering writes them: without attributes."""
ANCHOR = re.compile(r'<h[3-6] id="([^"]+)">')


def anchor_of(title: str) -> str:
    """Return the id of the section of this title; empty for one without letters and digits.

    >>> anchor_of("Length, and when it matters")
    'guide-length-and-when-it-matters'
    """
    name = slugify(title, allow_unicode=True)
    return f"guide-{name}" if name else ""


@lru_cache(maxsize=32)
def anchored(html: SafeString) -> SafeString:
    """Return rendered guidelines whose headings have ids; the second of a title gets a number."""
    met: dict[str, int] = {}

    def with_id(heading: re.Match[str]) -> str:
        tag, inner = heading.groups()
        name = anchor_of(unescape(strip_tags(inner)))
        if not name:
            return heading[0]
        met[name] = met.get(name, 0) + 1
        place = name if met[name] == 1 else f"{name}-{met[name]}"
        return format_html('<{} id="{}">{}</{}>', mark_safe(tag), place, mark_safe(inner), mark_safe(tag))  # noqa: S308

    return mark_safe(HEADING.sub(with_id, html))  # noqa: S308  safe went in; ids are slugs


@lru_cache(maxsize=32)
def anchors(html: str) -> frozenset[str]:
    """Return the ids that `anchored` gave to headings: what can be linked to.

    >>> sorted(anchors(anchored(mark_safe("<h3>Tone</h3><p>Kind.</p><h4>Length</h4>"))))
    ['guide-length', 'guide-tone']
    """
    return frozenset(ANCHOR.findall(html))
