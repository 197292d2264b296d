"""Two languages for annotators: every string of theirs is translated, and the page says which it is in."""

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils.translation.template import templatize

from annotate import assignments
from annotate.script_words import WORDS
from tests.annotate.test_rendering import Elements

ROOT = Path(settings.BASE_DIR)
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.mo"
STRING = r'"((?:[^"\\]|\\.)*)"'
IN_PYTHON = re.compile(rf"\b(?:_|n?gettext|gettext_lazy|gettext_noop)\(\s*((?:{STRING}\s*)+)")
IN_TEMPLATE = re.compile(r"""gettext\(u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|\b_\(("[^"]*")\)""")
IN_SCRIPT = re.compile(rf"\bt\([^\"()]*{STRING}(?:\s*:\s*{STRING})?")
HEADER = ""


@pytest.fixture(scope="module")
def translated():
    """The catalogue as it is compiled: Chinese by English; of a plural its singular counts."""
    with CATALOGUE.open("rb") as file:
        known = gettext.GNUTranslations(file)._catalog
    return {key if isinstance(key, str) else key[0]: words for key, words in known.items()}


def test_the_compiled_catalogue_is_that_of_the_source(translated):
    entries = CATALOGUE.with_suffix(".po").read_text().strip().split("\n\n")[1:]

    assert dict(map(entry_of, entries)) == {key: words for key, words in translated.items() if key != HEADER}


@pytest.mark.parametrize("path", sorted((ROOT / "annotate").rglob("*.py")), ids=lambda path: path.stem)
def test_every_string_marked_in_python_is_translated(translated, path):
    found = [unescaped("".join(re.findall(STRING, strings))) for strings, _ in IN_PYTHON.findall(path.read_text())]

    assert [words for words in found if words not in translated] == []


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.stem)
def test_every_string_marked_in_a_template_is_translated(translated, path):
    found = [ast.literal_eval("".join(pair)) for pair in IN_TEMPLATE.findall(templatize(path.read_text()))]

    assert [words for words in found if words not in translated] == []


def test_every_string_of_a_script_is_in_the_catalogue_that_the_page_brings():
    scripts = "".join(path.read_text() for path in (ROOT / "static" / "js").glob("*.js"))

    found = {words for pair in IN_SCRIPT.findall(scripts) for words in pair if words}

    assert found == set(WORDS)


def test_translations_name_the_same_values_as_their_originals(translated):
    values = re.compile(r"%\(\w+\)s|\{\w+\}|</?\w+[^>]*>|%(?!\()")

    assert {
        key: words
        for key, words in translated.items()
        if key and set(values.findall(key)) != set(values.findall(words))
    } == {}


def test_the_browsers_language_decides_until_one_is_chosen(client, db):
    chinese = client.get("/login/", headers={"accept-language": "zh-CN,zh;q=0.9"})
    client.post(reverse("set_language"), {"language": "en", "next": "/login/"})
    english = client.get("/login/", headers={"accept-language": "zh-CN,zh;q=0.9"})

    assert '<html lang="zh-hans">' in chinese.content.decode()
    assert "登录" in chinese.content.decode()
    assert '<html lang="en">' in english.content.decode()
    assert "Sign in" in english.content.decode()


def test_the_switch_leads_back_and_never_elsewhere(client, db):
    back = client.post(reverse("set_language"), {"language": "zh-hans", "next": "/login/"})
    elsewhere = client.post(reverse("set_language"), {"language": "zh-hans", "next": "//evil.example/"})

    assert back.url == "/login/"
    assert elsewhere.url == "/"


@pytest.mark.parametrize("path", ["/", "/projects/rivers/guidelines/", "/projects/rivers/rank/", "/keys/", "/nowhere/"])
def test_no_english_is_left_on_the_pages_of_an_annotator(client, project, comparisons, ana, path):
    assignments.reserve_next(ana, project)
    client.force_login(ana.user)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"

    html = client.get(path, follow=True).content.decode()

    own = re.sub(r'<div class="text".*?</div>|<kbd.*?</kbd>|<noscript>.*?</noscript>', "", html, flags=re.DOTALL)
    left = re.findall(r"[A-Za-z]{3,}", Elements(own).text)
    assert set(left) - {"Concord", "Rivers", "ana", "API", "English", "Shift", "JavaScript", "Enter", "Mac"} == set()


def test_the_scripts_speak_the_language_of_the_page(client, project, comparisons, ana):
    client.force_login(ana.user)

    english = client.get("/projects/rivers/rank/", follow=True).content.decode()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    chinese = client.get("/projects/rivers/rank/", follow=True).content.decode()

    assert "concord-words" not in english
    assert "尚未排序" in chinese


def entry_of(entry):
    """Return (English, Chinese) of an entry of the .po file; of a plural the singular."""
    lines = [line for line in entry.split("\n") if not line.startswith("#")]
    return unescaped(lines[0].removeprefix("msgid ")[1:-1]), unescaped(lines[-1].partition(" ")[2][1:-1])


def unescaped(text):
    return text.replace('\\"', '"').replace("\\n", "\n").replace("\\u202f", "\u202f")
