"""Characters that cannot be seen, made visible: a text must not reorder a line, nor carry words that nobody reads.

Bidirectional overrides, zero-width and control characters become a small mark with their number. What scripts and emoji
need (joiners, variation selectors, direction marks after other than Latin letters) passes in a rendered text; in a
source nothing does.
"""

import re
from itertools import groupby

from django.utils.html import escape
from django.utils.translation import gettext as _

_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029"
_BIDI = "\u202a-\u202e\u2066-\u2069"
_EMPTY = "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
_EMPTY += "\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
_NEEDED = "\u061c\u200c-\u200f\ufe00-\ufe0f\U000e0100-\U000e01ef"
MAX_MARKS_OF_A_RUN = 8
"""A flood of different ones is told by its number."""

IN_TEXT = re.compile(
    "(\U0001f3f4[\U000e0020-\U000e007e]{1,6}\U000e007f)"  # the flags of England, Scotland, Wales
    f"|(?:[{_CONTROLS}{_BIDI}{_EMPTY}]|(?<![^\x00-\x7f{_CONTROLS}{_BIDI}{_EMPTY}])(?<![0-9#*](?=\ufe0f))[{_NEEDED}])+"
)
IN_SOURCE = re.compile(f"(?!)()|[{_CONTROLS}{_BIDI}{_EMPTY}{_NEEDED}]+")


def marked(text: str, pattern: re.Pattern[str] = IN_TEXT) -> str:
    """Return a text as HTML with marks for what cannot be seen."""
    return _marks(pattern, escape(text)) if pattern.search(text) else str(escape(text))


def _marks(pattern: re.Pattern[str], html: str) -> str:
    return pattern.sub(lambda match: match[1] or _mark(match[0]), html)


def _mark(run: str) -> str:
    kinds = [(character, sum(1 for _one in same)) for character, same in groupby(run)]
    if len(kinds) > MAX_MARKS_OF_A_RUN:
        return f'<bdi class="unseen">{_counted(len(run))}</bdi>'
    return "".join(f'<bdi class="unseen">{_name(*kind)}</bdi>' for kind in kinds)


def _counted(n: int) -> str:
    return _("{n} unseen characters").format(n=n)


def _name(character: str, count: int) -> str:
    return f"U+{ord(character):04X}" + (f" × {count}" if count > 1 else "")
