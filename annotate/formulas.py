r"""LaTeX in a text as MathML: $…$, $$…$$, \(…\) and \[…\].

Two rules for the Markdown parser find formulas; money («$5 and $10») and shell variables are none. A formula becomes
MathML by an allow-list of elements and attributes. One that fails, defines macros, or of which something would not be
shown stays as it was written.
"""

import re
import unicodedata
from collections import Counter
from html import unescape
from xml.etree.ElementTree import Element

from django.utils.html import escape
from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from annotate.unseen import IN_TEXT

MAX_FORMULA_CHARS = 2_000
MAX_FORMULAS = 300
"""Of one text; converting these takes 0.1 s."""
CLOSINGS = {"$$": "$$", "\\[": "\\]", "\\(": "\\)", "$": "$"}
BLOCKS = ("$$", "\\[")
TAGS = {"math", "menclose", "mfrac", "mi", "mn", "mo", "mover", "mroot", "mrow", "mspace", "msqrt", "mstyle", "msub"}
TAGS |= {"msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover"}
_YES_NO = re.compile("true|false")
_LENGTH = re.compile(r"0?\.\d{1,4}em|[0-2]em")
ATTRIBUTES = {
    "accent": _YES_NO,
    "columnalign": re.compile("left|center|right"),
    "display": re.compile("block|inline"),
    "displaystyle": _YES_NO,
    "fence": _YES_NO,
    "form": re.compile("prefix|infix|postfix"),
    "linethickness": re.compile("0"),
    "movablelimits": _YES_NO,
    "notation": re.compile("[a-z ]{1,60}"),
    "stretchy": _YES_NO,
    "width": _LENGTH,
}
_MACROS = re.compile(r"\\(?:def|gdef|edef|let|(?:re|provide)?newcommand|renewcommand|providecommand|Declare)")
_ROW_GAP = re.compile(r"\\\\\s*\[-?[\d.]{1,5}\s*(?:pt|em|ex|mm|cm)\]")
_MATRIX = r"(?:[pbBvV]|small)?matrix\*?|array|cases|aligned(?:at)?|align\*?|gather(?:ed|\*)?|split|equation\*?"
_NOT_SHOWN = re.compile(rf"\\(?:begin|end)\s*\{{(?:{_MATRIX})\}}(?:\{{[lcr|\s]*\}})?|\\[A-Za-z]+")
_PROSE = re.compile(r"[^\W\d_]{2,}\s+\S|\s[^\W\d_]{2,}|[/:;]")
_MATHEMATICS = re.compile(r"[\\^_={}<>]")


def install(markdown: MarkdownIt) -> None:
    """Teach a parser the two rules; its tokens are `formula` and `formula_block`."""
    markdown.inline.ruler.before("escape", "formula", _inline)
    blocks = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    markdown.block.ruler.before("fence", "formula_block", _block, blocks)


def mathml(source: str, *, is_block: bool) -> str | None:
    """Return a formula as MathML; None where it cannot be shown whole."""
    latex = _ROW_GAP.sub(r"\\\\ ", source)
    if _MACROS.search(latex) or IN_TEXT.search(latex):
        return None
    try:
        tree = convert_to_element(latex, display="block" if is_block else "inline")
    except (
        Exception
    ):  # bad input ends in StopIteration, IndexError, RecursionError and a dozen bare exceptions of its own
        return None
    html, shown = _written(tree), unescape("".join(tree.itertext()))
    return html if _letters(_NOT_SHOWN.sub(" ", latex)) <= _letters(shown) else None


def _inline(state: StateInline, silent: bool) -> bool:
    opening = next((mark for mark in CLOSINGS if state.src.startswith(mark, state.pos)), None)
    if opening is None:
        return False
    start = state.pos + len(opening)
    end = state.src.find(CLOSINGS[opening], start, min(state.posMax, start + MAX_FORMULA_CHARS))
    if end < 0 or not _is_formula(opening, state.src, start, end):
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.markup, token.content = opening, state.src[start:end]
    state.pos = end + len(CLOSINGS[opening])
    return True


def _block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Find a formula that begins a line and ends one: nothing in it is a heading or a list."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    opening = next((mark for mark in BLOCKS if state.src.startswith(mark, start)), None)
    if opening is None or state.is_code_block(start_line):
        return False
    end = state.src.find(CLOSINGS[opening], start + 2, start + 2 + MAX_FORMULA_CHARS)
    last = next((line for line in range(start_line, end_line) if end < state.eMarks[line]), None)
    if end < 0 or last is None or state.src[end + 2 : state.eMarks[last]].strip():
        return False
    content = state.getLines(start_line, last + 1, state.blkIndent, False).strip()[2:-2]
    if not _is_formula(opening, f"{opening}{content}{opening}", 2, 2 + len(content)):
        return False
    if not silent:
        token = state.push("formula_block", "", 0)
        token.markup, token.content, token.map, token.block = opening, content, [start_line, last + 1], True
        state.line = last + 1
    return True


def _is_formula(opening: str, text: str, start: int, end: int) -> bool:
    content = text[start:end]
    if not content.strip() or opening[0] == "\\":
        return bool(content.strip())
    if _PROSE.search(content) and not _MATHEMATICS.search(content):
        return False
    return opening == "$$" or not _is_money(text, start - 1, end)


def _is_money(text: str, at: int, end: int) -> bool:
    """Say whether two dollars are more likely two dollars: pandoc's rule, and no letter on their outer sides."""
    before, after = text[at - 1 : at] if at else "", text[end + 1 : end + 2]
    touches = (before + after).replace("_", "a")
    content = text[at + 1 : end]
    return (
        any(character.isalnum() or character in "$\\" for character in touches)
        or content[0].isspace()
        or content[-1] in " \t\\"
        or "\n" in content
    )


def _written(element: Element) -> str:
    """Return an element written out; what is not allowed becomes a row of what it holds."""
    name = element.tag if element.tag in TAGS else "mrow"
    kept = "".join(
        f' {key}="{value}"' for key, value in element.attrib.items() if key in ATTRIBUTES and _fits(key, value)
    )
    inside = escape(unescape(element.text or "")) + "".join(map(_written, element))
    return f"<{name}{kept}>{inside}</{name}>{escape(unescape(element.tail or ''))}"


def _fits(key: str, value: str) -> bool:
    return ATTRIBUTES[key].fullmatch(value) is not None


def _letters(text: str) -> Counter[str]:
    return Counter(character for character in unicodedata.normalize("NFKC", text) if character.isalnum())
