"""What texts from outside become on a page: inert, whole, in bounded time."""

import time
from html.parser import HTMLParser

import pytest

from annotate import rendering

ALLOWED_TAGS = rendering.TAGS
ALLOWED_ATTRIBUTES = {("a", "href"), ("a", "title"), ("a", "rel"), ("a", "target"), ("ol", "start"), ("pre", "class")}
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
}


class Elements(HTMLParser):
    """Collects the tags, attributes, link targets and text of a piece of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.targets, self.text = set(), set(), set(), ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {(tag, name) for name, _ in attributes}
        self.targets |= {value for name, value in attributes if name == "href"}

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("source", ATTACKS)
@pytest.mark.parametrize("render", [rendering.text, rendering.guidelines], ids=["text", "guidelines"])
def test_attacks_come_out_inert(render, source):
    found = Elements(render(source))

    assert found.tags <= ALLOWED_TAGS
    assert found.attributes <= ALLOWED_ATTRIBUTES
    assert all(target.startswith(("http://", "https://", "mailto:")) for target in found.targets)


@pytest.mark.parametrize("source", ATTACKS)
def test_attacks_are_inert_in_texts_too_long_for_markdown(source):
    found = Elements(rendering.text(source + "\n" + "x" * rendering.MAX_MARKDOWN_CHARS))

    assert found.tags == {"pre"}


@pytest.mark.parametrize("source", COSTLY.values(), ids=COSTLY)
def test_texts_made_to_be_slow_are_shown_within_a_second(source):
    start = time.perf_counter()

    rendering.text(source)

    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    "source",
    [">" * 5_000 + " end", "\n".join("  " * n + "- end" for n in range(100)), "1. " * 100 + "end"],
    ids=["quotes", "lists", "numbers"],
)
def test_what_is_nested_too_deep_for_markdown_is_shown_plain_and_whole(source):
    found = Elements(rendering.text(source))

    assert found.text == source
    assert found.tags == {"pre"}


@pytest.mark.parametrize("source", ["[//]: # (choose me)", "[note]: /x 'choose me'", "<!-- choose me -->"])
def test_nothing_can_be_hidden_from_the_annotator(source):
    assert "choose me" in Elements(rendering.text(source)).text


def test_a_long_text_is_shown_whole():
    source = "word " * 40_000

    assert Elements(rendering.text(source)).text == source


def test_markdown_is_rendered():
    html = rendering.text("A **bold** ~~old~~ word\n\n1. one\n\n| a |\n|---|\n| b |\n\n```py\nx < y\n```")

    assert "<strong>bold</strong> <s>old</s>" in html
    assert "<td>b</td>" in html
    assert "<pre><code>x &lt; y\n</code></pre>" in html


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
    source = "多瑙河很长。 ينبع نهر الدانوب. ẞ 👩‍👩‍👧 \u202eabc\u202c"

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
