"""What texts from outside become on a page: inert, whole, in bounded time."""

import time
from html.parser import HTMLParser

import pytest

from annotate import formulas, highlighting, rendering

ALLOWED_TAGS = rendering.TAGS
ALLOWED_ATTRIBUTES = {("a", "href"), ("a", "title"), ("a", "rel"), ("a", "target"), ("ol", "start"), ("pre", "class")}
ALLOWED_ATTRIBUTES |= {("pre", "dir"), ("span", "class"), ("bdi", "class")}
ALLOWED_ATTRIBUTES |= {(tag, "dir") for tag in ("blockquote", "h3", "h4", "h5", "h6", "ol", "p", "table", "ul")}
ALLOWED_ATTRIBUTES |= {(tag, name) for tag in formulas.TAGS for name in formulas.ATTRIBUTES}
ALLOWED_CLASSES = {"plain", "unseen", "code-language", *highlighting.CLASSES.values()}
ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert&#40;1)</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<details open ontoggle=alert(1)>",
    "<form action=//evil.example><button>Submit</button></form>",
    "<link rel=prefetch href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example>",
    "<style>*{display:none}</style>",
    "<p style='position:fixed;inset:0'>over</p>",
    "<p class='button button-primary' id=main>Submit</p>",
    "<!-- hidden --><!--><img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;&#x61;vascript&colon;alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](vbscript:msgbox(1))",
    "[x](file:///etc/passwd)",
    "[x](/logout/)",
    "[x](//evil.example)",
    "[x](#main)",
    "[x](<javascript:alert(1)>)",
    "<javascript:alert(1)>",
    '[x](https://ok.example "title\' onmouseover=alert(1) \\" onfocus=alert(1)")',
    '[x](https://ok.example/"onmouseover="alert(1))',
    "![x](https://evil.example/pixel.gif)",
    '![x" onerror="alert(1)](x)',
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2Zy8+)",
    "[![x](https://evil.example/p.gif)](javascript:alert(1))",
    "[a]: javascript:alert(1)\n\n[a]",
    '```"><script>alert(1)</script>\nx\n```',
    "```x onload=alert(1)\n</code></pre><script>alert(1)</script>\n```",
    "`<script>alert(1)</script>`",
    "# <script>alert(1)</script>",
    "| <img src=x onerror=alert(1)> |\n|---|\n| <script>alert(1)</script> |",
    "\x00<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<scr<script>ipt>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u202e<script>alert(1)</script>\u202c",
    '<a href="https://ok.example" ping="//evil.example" target=_self>x</a>',
    "</div></main><h1>Fake page</h1>",
    "<textarea></textarea><img src=x onerror=alert(1)>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "{{ 7|add:7 }}{% load static %}",
    "$\\text{<img src=x onerror=alert(1)>}$",
    "$\\text{<mglyph><style><img src=x onerror=alert(1)>}$",
    "$$\\text{</mtext></math><script>alert(1)</script>}$$",
    "\\(\\text{&lt;script&gt;alert(1)&lt;/script&gt;}\\)",
    "\\[\n\\href{javascript:alert(1)}{x}\n\\]",
    "$\\style{position:fixed;inset:0}{x}$",
    "$\\class{button}{x}\\cssId{main}{y}$",
    "$\\color{red;background:url(//evil.example)}{x}$",
    "$\\unicode{<script>alert(1)</script>}$",
    "```html\n<script>alert(1)</script>\n```",
    "```js\n'</code></pre><img src=x onerror=alert(1)>'\n```",
    "```python class=button\nx\n```",
    "a\u2066\u202e<img src=x onerror=alert(1)>\u2069",
]
COSTLY = {
    "open brackets": "[" * 30_000,
    "open images": "![[" * 10_000,
    "open emphasis": "*a " * 10_000,
    "half emphasis": "**a*" * 7_500,
    "links in links": "[a](" * 7_500,
    "backticks": "".join("`" * n + "a" for n in range(1, 240)),
    "angle brackets": "<a " * 10_000,
    "a wide table": "|a" * 500 + "|\n" + "|-" * 500 + "|\n" + ("|a" * 500 + "|\n") * 26,
    "references": "[a]: b\n" * 4_000,
    "one long line": "a" * 200_000,
    "many lines": "a\n" * 100_000,
    "combining marks": "a" + "\u0301" * 100_000,
    "over the limit": "[" * 200_000,
    "dollars": "$" * 30_000,
    "open formulas": "\\(" * 15_000,
    "open blocks of formulas": "$$\na\n" * 6_000,
    "many formulas": "$a$ " * 7_500,
    "long formulas": ("$" + "a_b^c" * 390 + "$ ") * 15,
    "braces": ("$" + "{" * 990 + "}" * 990 + "$ ") * 15,
    "macros": "$\\def\\a{\\b\\b}\\def\\b{\\a\\a}\\a$",
    "unseen": "a\u200b" * 15_000,
    "a flood of unseen": "\u200b\u2060" * 100_000,
    "open strings in code": "```python\n" + "'" * 3_900,
    "open comments in code": "```js\n" + "/*" * 1_900,
    "open brackets in code": "```cpp\n" + "((" * 1_900,
    "open tags in code": "```html\n" + "<!--" * 900,
}


class Elements(HTMLParser):
    """Collects the tags, attributes, link targets and text of a piece of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.targets, self.classes, self.text = set(), set(), set(), set(), ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {(tag, name) for name, _ in attributes}
        self.targets |= {value for name, value in attributes if name == "href"}
        self.classes |= {value for name, value in attributes if name == "class"}

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("source", ATTACKS)
@pytest.mark.parametrize("render", [rendering.text, rendering.guidelines], ids=["text", "guidelines"])
def test_attacks_come_out_inert(render, source):
    found = Elements(render(source))

    assert found.tags <= ALLOWED_TAGS
    assert found.attributes <= ALLOWED_ATTRIBUTES
    assert found.classes <= ALLOWED_CLASSES
    assert all(target.startswith(("http://", "https://", "mailto:")) for target in found.targets)


@pytest.mark.parametrize("source", ATTACKS)
def test_attacks_are_inert_in_texts_too_long_for_markdown(source):
    found = Elements(rendering.text(source + "\n" + "x" * rendering.MAX_MARKDOWN_CHARS))

    assert {"pre"} <= found.tags <= {"pre", "bdi"}


@pytest.mark.parametrize("source", COSTLY.values(), ids=COSTLY)
def test_texts_made_to_be_slow_are_shown_without_a_long_wait(source):
    start = time.process_time()

    rendering.text(source)

    assert time.process_time() - start < 4  # under one on an idle core; what hangs takes minutes


@pytest.mark.parametrize(
    "source",
    [">" * 5_000 + " end", "\n".join("  " * n + "- end" for n in range(100)), "1. " * 100 + "end"],
    ids=["quotes", "lists", "numbers"],
)
def test_what_is_nested_too_deep_for_markdown_is_shown_plain_and_whole(source):
    found = Elements(rendering.text(source))

    assert found.text == source
    assert found.tags == {"pre"}


@pytest.mark.parametrize(
    "source",
    [
        "$x % choose me$",
        "$\\phantom{choose me} x$",
        "$\\color{white}{choose me}$",
        "$\\label{choose me}$",
        "$\\hspace{choose me} x$",
        "$\\begin{choose me} x \\end{choose me}$",
        "$\\tiny{choose me}$",
    ],
)
def test_nothing_can_be_hidden_in_a_formula(source):
    assert "chooseme" in Elements(rendering.text(source)).text.replace(" ", "")


@pytest.mark.parametrize(
    "source", ["```py choose me\nx\n```", "[//]: # (choose me)", "[note]: /x 'choose me'", "<!-- choose me -->"]
)
def test_nothing_can_be_hidden_from_the_annotator(source):
    assert "choose me" in Elements(rendering.text(source)).text


def test_a_long_text_is_shown_whole():
    source = "word " * 40_000

    assert Elements(rendering.text(source)).text == source


def test_markdown_is_rendered():
    html = rendering.text("A **bold** ~~old~~ word\n\n1. one\n\n| a |\n|---|\n| b |\n\n```py\nx < y\n```")

    assert "<strong>bold</strong> <s>old</s>" in html
    assert "<td>b</td>" in html
    assert '<pre><span class="code-language">py</span>\n<code>x &lt; y\n</code></pre>' in html


def test_line_breaks_of_a_completion_are_kept_and_those_of_guidelines_flow():
    assert "one<br>" in rendering.text("one\ntwo")
    assert "<br>" not in rendering.guidelines("one\ntwo")


def test_headings_stand_below_those_of_the_page():
    found = Elements(rendering.text("# a\n\n## b\n\n### c\n\nd\n==="))

    assert found.tags == {"h3", "h4", "h5"}


def test_an_image_becomes_a_link_to_it():
    html = rendering.text("![a cat](https://example.org/cat.png)")

    assert 'href="https://example.org/cat.png"' in html
    assert ">image: a cat</a>" in html


def test_links_open_elsewhere_and_tell_nothing():
    html = rendering.text("[x](https://example.org)")

    assert 'target="_blank"' in html
    assert 'rel="noopener noreferrer nofollow"' in html


def test_text_in_other_scripts_passes_unchanged():
    source = "多瑙河很长。 ينبع نهر الدانوب. ẞ 👩‍👩‍👧 1️⃣ ❤️‍🔥 🏴󠁧󠁢󠁥󠁮󠁧󠁿 می‌خواهم"

    assert Elements(rendering.text(source)).text.strip() == source


def test_the_last_message_of_the_user_is_marked():
    prompt = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "**Why**?"},
    ]

    shown = rendering.messages(prompt)

    assert [message.is_last_of_user for message in shown] == [False, False, False, True]
    assert shown[3].html == "<p><strong>Why</strong>?</p>\n"


@pytest.mark.parametrize(
    "source",
    [
        "It costs $5 and $10.",
        "$5-$10 is cheap, US$5 and A$6 are not",
        "export PATH=$HOME/bin:$PATH",
        "it costs $5 (or 3$)",
        "$HOME and $USER",
        "$$ big deals $$",
        "a \\$5\\$ b",
    ],
)
def test_money_and_variables_are_no_formulas(source):
    assert "math" not in Elements(rendering.text(source)).tags


@pytest.mark.parametrize(
    "source", ["$x^2$", "$$x^2$$", "\\(x^2\\)", "\\[x^2\\]", "so $x^2$, then", "$$\nx^2\n$$", "> \\[\n> x^2\n> \\]"]
)
def test_formulas_become_mathml(source):
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in rendering.text(source)


def test_a_formula_of_several_lines_holds_no_lists_or_headings():
    found = Elements(rendering.text("so\n\\[\na\n- b\n= c\n\\]\nthen"))

    assert found.text.split() == ["so", "a\u2212b=c", "then"]
    assert found.tags <= {"p", "math", "mrow", "mi", "mo"}


@pytest.mark.parametrize("source", ["$\\frac{1}{$", "$x_$", "\\(\\left( x\\)", "$\\def\\a{1} \\a$", "$\\color{red} x$"])
def test_a_formula_that_cannot_be_shown_whole_stays_as_written(source):
    assert Elements(rendering.text(source)).text.strip() == source


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        ("\\mathbb{R}^n", "ℝn"),
        ("\\text{if } a<b", "if\xa0a<b"),
        ("\\begin{matrix}1&2\\\\[4pt]3&4\\end{matrix}", "1234"),
    ],
)
def test_formulas_show_what_they_say(latex, shown):
    assert Elements(formulas.mathml(latex, is_block=False)).text == shown


def test_code_is_told_apart_in_the_languages_we_know():
    html = rendering.text("```python\ndef f():\n    return 'a<b'  # why\n```")

    assert '<span class="code-keyword">def</span> <span class="code-name">f</span>' in html
    assert "<span class=\"code-string\">'a&lt;b'</span>" in html
    assert '<span class="code-comment"># why</span>' in html


@pytest.mark.parametrize("language", ["", "unheard-of", *sorted(highlighting.LANGUAGES)])
def test_code_is_shown_whole_in_every_language(language):
    code = "\n\n  a = 'b' // c # d <e> \"f\n\t\u00e9 {% x %} /* y\n\n"

    found = Elements(rendering.text(f"```{language}\n{code}```"))

    assert found.text.removeprefix(language).strip("\n") == code.strip("\n")


@pytest.mark.parametrize("language", sorted(highlighting.LANGUAGES))
@pytest.mark.parametrize("piece", ["\n", "/", "a ", "a.", "{", "a\n", "- "])
def test_code_made_to_be_slow_is_shown_without_a_long_wait(language, piece):
    start = time.process_time()

    highlighting.highlighted(piece * (3_900 // len(piece)), language)

    assert time.process_time() - start < 4  # under one on an idle core; what hangs takes minutes


def test_long_code_is_shown_without_colours():
    found = Elements(rendering.text("```python\n" + "x = 1\n" * 2_000 + "```"))

    assert found.classes == {"code-language"}


@pytest.mark.parametrize(
    "character", ["\u202e", "\u2066", "\u200b", "\u00ad", "\ufeff", "\x1b", "\U000e0041", "\u3164"]
)
@pytest.mark.parametrize("around", ["a{}b", "`a{}b`", "```\na{}b\n```", "$a{}b$", "x" * 30_000 + "{}"])
def test_what_cannot_be_seen_is_marked(around, character):
    html = rendering.text(around.format(character))

    assert character not in html
    assert f'<bdi class="unseen">U+{ord(character):04X}</bdi>' in html


def test_a_flood_of_unseen_characters_is_told_by_its_number():
    assert '<bdi class="unseen">U+200B × 500</bdi>' in rendering.text("a" + "\u200b" * 500)
    assert '<bdi class="unseen">1000 unseen characters</bdi>' in rendering.text("a" + "\u200b\u2060" * 500)


def test_each_block_of_a_text_read_from_the_right_finds_its_own_direction():
    html = rendering.text("שלום\n\n- אחד\n\nplain")

    assert '<p dir="auto">שלום</p>' in html
    assert '<ul dir="auto">' in html
    assert '<p dir="auto">plain</p>' in html
    assert "dir" not in rendering.text("plain")


def test_the_source_is_every_character_as_written():
    source = "# A **b** <i> $x$\n\n\n```py\ny```\u200d"

    found = Elements(rendering.source(source))

    assert found.tags == {"pre", "bdi"}
    assert found.text == source.replace("\u200d", "U+200D")


@pytest.mark.parametrize("source", ["One line.", "One.\n\nTwo, with “quotes” (and 3 words)."])
def test_no_source_is_offered_where_it_would_look_the_same(source):
    assert rendering.source(source) is None
