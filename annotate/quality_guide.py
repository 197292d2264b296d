"""docs/quality.md as a page of the app: «what is this?» beside a figure leads to its section."""

import re
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from annotate import rendering, sections

PATH = "docs/quality.md"
TITLE = re.compile(r"\A# .*\n")
IMAGE = re.compile(r"^!\[[^\]\n]*\]\([^)\n]*\)\n\n?", re.MULTILINE)
"""Pictures of the pages are for whoever reads the file; in the app the pages themselves are a click away."""
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
BEFORE_SECTION = re.compile(r"^(?=## )", re.MULTILINE)


@dataclass(frozen=True)
class Guide:
    """The page: its sections as (id, title), and all of its text as safe HTML."""

    contents: list[tuple[str, str]]
    html: SafeString


@lru_cache(maxsize=1)
def guide() -> Guide:
    """Return the explanations, read once: they change with the program."""
    source = IMAGE.sub("", TITLE.sub("", (settings.BASE_DIR / PATH).read_text(encoding="utf-8")))
    titles = SECTION.findall(source)
    parts = BEFORE_SECTION.split(source)  # one by one: all together they are longer than what is rendered at once
    whole = format_html_join("", "{}", ((rendering.guidelines(SECTION.sub(r"# \1", part)),) for part in parts))
    html = sections.anchored(whole)
    return Guide(contents=[(sections.anchor_of(title), title) for title in titles], html=html)
