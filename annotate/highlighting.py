"""Code in a text, with its keywords, strings and comments told apart.

A few languages, seven classes, and a bound on the length: what is longer or unknown is shown without colours.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Generic, Keyword, Name, Number, String, _TokenType

from annotate.unseen import marked

MAX_CODE_CHARS = 4_000
CLASSES = {
    Comment: "code-comment",
    Generic.Deleted: "code-deleted",
    Generic.Inserted: "code-inserted",
    Keyword: "code-keyword",
    Name.Builtin: "code-name",
    Name.Class: "code-name",
    Name.Decorator: "code-name",
    Name.Function: "code-name",
    Name.Tag: "code-keyword",
    Number: "code-number",
    String: "code-string",
}
LANGUAGES = {
    "bash",
    "c",
    "c++",
    "cpp",
    "css",
    "diff",
    "docker",
    "dockerfile",
    "go",
    "golang",
    "haskell",
    "html",
    "http",
}
LANGUAGES |= {
    "ini",
    "java",
    "javascript",
    "js",
    "json",
    "julia",
    "kotlin",
    "lua",
    "matlab",
    "perl",
    "php",
    "py",
    "python",
}
LANGUAGES |= {"python3", "r", "rb", "ruby", "rs", "rust", "scala", "sh", "shell", "sql", "swift", "toml", "ts"}
LANGUAGES |= {"typescript", "xml", "yaml", "yml", "zsh"}
"""Without make and C#, whose lexers take seconds on a few thousand characters made for it."""
_SLOW = re.compile(r"\s{100}|/{100}|(?:\w+\s+){500}")
"""C and Java look for a function's head in it again and again."""


def highlighted(code: str, language: str) -> str:
    """Return code as HTML; with classes where the language is known and the code not too long."""
    if language.lower() not in LANGUAGES or len(code) > MAX_CODE_CHARS or _SLOW.search(code):
        return marked(code)
    pieces = [(_class(kind), text) for kind, text in _lexer(language.lower()).get_tokens(code)]
    if "".join(text for _, text in pieces) != code:
        return marked(code)  # a lexer drops some characters; the annotator sees all
    return "".join(_spans(pieces))


@cache
def _lexer(language: str) -> Lexer:
    return get_lexer_by_name(language, stripnl=False, ensurenl=False)


def _class(kind: _TokenType) -> str:
    while kind is not None:
        if kind in CLASSES:
            return CLASSES[kind]
        kind = kind.parent
    return ""


def _spans(pieces: list[tuple[str, str]]) -> Iterator[str]:
    for name, group in groupby(pieces, key=lambda piece: piece[0]):
        html = marked("".join(text for _, text in group))
        yield f'<span class="{name}">{html}</span>' if name and html.strip() else html
