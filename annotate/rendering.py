"""Text from outside (prompts, completions, guidelines) as safe HTML.

Markdown without raw HTML, then an allow-list without images, styles, classes or ids: a text can neither run, nor phone
home, nor dress up as a part of the page. Nothing of it is left out either: where Markdown would take long or drop
something, the text is shown plain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

MAX_MARKDOWN_CHARS = 30_000
"""Up to here the worst texts we know (unclosed brackets) take 0.3 s; the parser is worse than linear in them."""
MAX_NESTING = 40
"""The parser silently drops what is nested deeper, so such a text is shown plain."""
HEADINGS = {"h1": "h3", "h2": "h4", "h3": "h5", "h4": "h6", "h5": "h6"}
"""The page has its own h1 and h2; headings of a text stand below them."""
TAGS = {"a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong"}
TAGS |= {"table", "tbody", "td", "th", "thead", "tr", "ul"}
WEB = ("http://", "https://", "mailto:")


def _only_the_web(tag: str, attribute: str, value: str) -> str | None:
    """Drop links into this site: a text must not be able to put our own addresses under a harmless word."""
    return value if attribute != "href" or value.lower().startswith(WEB) else None


CLEANER = nh3.Cleaner(
    tags=TAGS,
    attributes={"a": {"href", "title"}, "ol": {"start"}},
    attribute_filter=_only_the_web,
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)


@dataclass(frozen=True)
class ShownMessage:
    """A message of a prompt, rendered; the last of the user is what the completions answer."""

    role: str
    html: SafeString
    is_last_of_user: bool


def messages(prompt_messages: Sequence[dict[str, str]]) -> list[ShownMessage]:
    """Return a prompt's messages rendered, in order."""
    last = max((at for at, message in enumerate(prompt_messages) if message["role"] == "user"), default=None)
    return [
        ShownMessage(message["role"], text(message["content"]), is_last_of_user=at == last)
        for at, message in enumerate(prompt_messages)
    ]


def text(source: str) -> SafeString:
    """Return a prompt's or completion's text as safe HTML; a line break in it is one on the page."""
    return _plain(source) if len(source) > MAX_MARKDOWN_CHARS else _as_written(source)


def guidelines(source: str) -> SafeString:
    """Return guidelines as safe HTML; they are prose, whose lines flow."""
    return _plain(source) if len(source) > MAX_MARKDOWN_CHARS else _as_prose(source)


@lru_cache(maxsize=512)
def _as_written(source: str) -> SafeString:
    return _render(source, _BREAKING)


@lru_cache(maxsize=32)
def _as_prose(source: str) -> SafeString:
    return _render(source, _FLOWING)


def _render(source: str, markdown: MarkdownIt) -> SafeString:
    environment: dict[str, object] = {}
    tokens = markdown.parse(source, environment)
    if any(token.level >= MAX_NESTING - 1 for token in tokens):
        return _plain(source)
    for token in tokens:
        token.tag = HEADINGS.get(token.tag, token.tag)
    html = markdown.renderer.render(tokens, markdown.options, environment)
    return mark_safe(CLEANER.clean(html))  # noqa: S308  the cleaner has the last word


def _plain(source: str) -> SafeString:
    return format_html('<pre class="plain">{}</pre>', source)


def _image_as_link(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
    """Loading an image would tell its server who reads what, so it is a link."""
    return format_html('<a href="{}">image: {}</a>', tokens[at].attrGet("src"), tokens[at].content or "no caption")


def _parser(*, breaks: bool) -> MarkdownIt:
    options = {"html": False, "breaks": breaks, "maxNesting": MAX_NESTING}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    parser.disable("reference")  # definitions would vanish from the page: a place to hide text in
    parser.add_render_rule("image", _image_as_link)
    return parser


_BREAKING = _parser(breaks=True)
_FLOWING = _parser(breaks=False)
