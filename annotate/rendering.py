"""Text from outside (prompts, completions, guidelines) as safe HTML.

Markdown without raw HTML, with code in colours and LaTeX as MathML, then an allow-list without images, styles, ids or
classes of the page: a text can neither run, nor phone home, nor dress up as a part of the page. Nothing of it is left
out either: where Markdown would take long or drop something, the text is shown plain; what cannot be seen is marked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from annotate import formulas
from annotate.highlighting import CLASSES, MAX_CODE_CHARS, highlighted
from annotate.unseen import IN_SOURCE, marked

MAX_MARKDOWN_CHARS = 30_000
"""Up to here the worst texts we know (unclosed brackets) take 0.3 s; the parser is worse than linear in them."""
MAX_NESTING = 40
"""The parser silently drops what is nested deeper, so such a text is shown plain."""
HEADINGS = {"h1": "h3", "h2": "h4", "h3": "h5", "h4": "h6", "h5": "h6"}
"""The page has its own h1 and h2; headings of a text stand below them."""
TAGS = {"a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong"}
TAGS |= {"table", "tbody", "td", "th", "thead", "tr", "ul", "span", "bdi"} | formulas.TAGS
ATTRIBUTES = {tag: set(formulas.ATTRIBUTES) for tag in formulas.TAGS} | {"a": {"href", "title"}, "ol": {"start", "dir"}}
BLOCKS = {"blockquote", "h3", "h4", "h5", "h6", "p", "table", "ul"}
READS_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
MARKUP = re.compile(r"[`*_~#|\\\[\]<>&$]|^\s*(?:[-+=]|\d+[.)])|^(?: {4}|\t)", re.MULTILINE)
"""A text without any of it looks like its source."""
WEB = ("http://", "https://", "mailto:")


def _only_the_web(tag: str, attribute: str, value: str) -> str | None:
    """Drop links into this site: a text must not be able to put our own addresses under a harmless word."""
    return value if attribute != "href" or value.lower().startswith(WEB) else None


CLEANER = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES | {tag: {"dir"} for tag in BLOCKS},
    allowed_classes={"span": {*CLASSES.values(), "code-language"}, "bdi": {"unseen"}},
    attribute_filter=_only_the_web,
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)


ROLE_NAMES = {
    "system": gettext_lazy("System"),
    "user": gettext_lazy("User"),
    "assistant": gettext_lazy("Assistant"),
}


@dataclass(frozen=True)
class ShownMessage:
    """A message of a prompt, rendered; the last of the user is what the completions answer."""

    role: str
    html: SafeString
    source: SafeString | None
    is_last_of_user: bool

    @property
    def role_name(self) -> str:
        return ROLE_NAMES[self.role]


def messages(prompt_messages: Sequence[dict[str, str]]) -> list[ShownMessage]:
    """Return a prompt's messages rendered, in order."""
    last = max((at for at, message in enumerate(prompt_messages) if message["role"] == "user"), default=None)
    return [
        ShownMessage(message["role"], text(message["content"]), source(message["content"]), is_last_of_user=at == last)
        for at, message in enumerate(prompt_messages)
    ]


def text(source: str) -> SafeString:
    """Return a prompt's or completion's text as safe HTML; a line break in it is one on the page."""
    return _plain(source) if len(source) > MAX_MARKDOWN_CHARS else _as_written(source, get_language())


def source(text: str) -> SafeString | None:
    """Return a text as it was written, every character of it, as HTML; None where it would look the same."""
    if not MARKUP.search(text) and not IN_SOURCE.search(text):
        return None
    return mark_safe(f'<pre class="plain" dir="auto">{marked(_one_newline(text), IN_SOURCE)}</pre>')  # noqa: S308


def guidelines(source: str) -> SafeString:
    """Return guidelines as safe HTML; they are prose, whose lines flow."""
    return _plain(source) if len(source) > MAX_MARKDOWN_CHARS else _as_prose(source, get_language())


@lru_cache(maxsize=512)
def _as_written(source: str, language: str | None) -> SafeString:
    return _render(source, _BREAKING)


@lru_cache(maxsize=32)
def _as_prose(source: str, language: str | None) -> SafeString:
    return _render(source, _FLOWING)


def _render(source: str, markdown: MarkdownIt) -> SafeString:
    environment: dict[str, object] = {}
    tokens = markdown.parse(source, environment)
    if any(token.level >= MAX_NESTING - 1 for token in tokens):
        return _plain(source)
    is_right_to_left = READS_RIGHT_TO_LEFT.search(source) is not None
    for token in tokens:
        token.tag = HEADINGS.get(token.tag, token.tag)
        if is_right_to_left and token.level == 0 and token.nesting == 1:
            token.attrSet("dir", "auto")  # each block for itself; its lists and quotes lean to its side
    html = markdown.renderer.render(tokens, markdown.options, environment)
    return mark_safe(CLEANER.clean(html))  # noqa: S308  the cleaner has the last word


def _plain(source: str) -> SafeString:
    return mark_safe(f'<pre class="plain" dir="auto">{marked(_one_newline(source))}</pre>')  # noqa: S308


def _one_newline(source: str) -> str:
    return source.replace("\r\n", "\n")


def _words(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    return marked(tokens[at].content)


def _code(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    return f"<code>{marked(tokens[at].content)}</code>"


def _code_block(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    """What stands beside the fence is shown, too: it would be a place to hide text in."""
    info = tokens[at].info.strip()
    env["code"] = env.get("code", 0) + len(tokens[at].content)
    is_short = env["code"] <= MAX_CODE_CHARS
    code = highlighted(tokens[at].content, info.partition(" ")[0]) if is_short else marked(tokens[at].content)
    language = f'<span class="code-language">{marked(info)}</span>\n' if info else ""
    return f"<pre>{language}<code>{code}</code></pre>\n"


def _formula(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[at]
    env["formulas"] = env.get("formulas", 0) + 1
    is_block = token.markup in formulas.BLOCKS
    html = formulas.mathml(token.content, is_block=is_block) if env["formulas"] <= formulas.MAX_FORMULAS else None
    as_written = marked(token.markup + token.content + formulas.CLOSINGS[token.markup])
    html = html or (f"<code>{as_written}</code>" if is_block else as_written)
    return f"<p>{html}</p>\n" if token.type == "formula_block" else html


def _image_as_link(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    """Loading an image would tell its server who reads what, so it is a link."""
    caption = marked(tokens[at].content or _("no caption"))
    return format_html('<a href="{}">{}: {}</a>', tokens[at].attrGet("src"), _("image"), mark_safe(caption))  # noqa: S308


def _parser(*, breaks: bool) -> MarkdownIt:
    options = {"html": False, "breaks": breaks, "maxNesting": MAX_NESTING}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    parser.disable("reference")  # definitions would vanish from the page: a place to hide text in
    formulas.install(parser)
    for token, rule in RULES.items():
        parser.add_render_rule(token, rule)
    return parser


RULES = {
    "code_block": _code_block,
    "code_inline": _code,
    "fence": _code_block,
    "formula": _formula,
    "formula_block": _formula,
    "image": _image_as_link,
    "text": _words,
}


_BREAKING = _parser(breaks=True)
_FLOWING = _parser(breaks=False)
