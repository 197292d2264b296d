"""Guidelines as versions: what changed, places to link to, a look before publishing."""

import re
import time

import pytest
from django.urls import reverse

from annotate import projects, revisions, sections
from annotate.revisions import Line
from annotate.templatetags.concord import guidelines as shown


@pytest.fixture
def as_ana(client, ana):
    client.force_login(ana.user)
    return client


def changes_url(project):
    return reverse("guidelines_changes", args=[project.slug])


def put_together(lines, *, leave_out):
    return ["".join(text for kind, text in line.pieces if kind != leave_out) for line in lines]


def test_equal_texts_have_no_changes():
    assert revisions.lines("a\nb", "a\nb") == []


def test_words_that_changed_are_told_from_the_line_that_stayed():
    lines = revisions.lines("One.\nPrefer helpful ones.", "One.\nPrefer short ones.")

    assert lines == [
        Line("same", (("same", "One."),)),
        Line("changed", (("same", "Prefer "), ("removed", "helpful"), ("added", "short"), ("same", " ones."))),
    ]


def test_a_line_that_came_and_one_that_went_stand_whole():
    lines = revisions.lines("gone\nstays", "stays\ncame")

    assert [(line.kind, line.pieces[0][1]) for line in lines] == [
        ("removed", "gone"),
        ("same", "stays"),
        ("added", "came"),
    ]


def test_chinese_is_compared_by_character():
    lines = revisions.lines("不要看长度。", "不要看宽度。")

    assert lines[0].pieces == (("same", "不要看"), ("removed", "长"), ("added", "宽"), ("same", "度。"))


def test_long_stretches_without_a_change_are_left_out():
    old = [f"line {n}" for n in range(20)]

    lines = revisions.lines("\n".join(old), "\n".join([*old, "end"]))

    assert (lines[0].left_out, len(lines)) == (18, 4)


def test_both_texts_can_be_read_from_the_changes():
    old, new = "a b c\nd\ne f", "a x c\ne f g\nh"

    lines = revisions.lines(old, new)

    assert [text for text in put_together(lines, leave_out="added") if text] == old.split("\n")
    assert [text for text in put_together(lines, leave_out="removed") if text] == new.split("\n")


@pytest.mark.parametrize("unit", ["a\n", "a ", "ab\ncd\n", "长", "\n"])
def test_the_worst_texts_are_compared_quickly(unit):
    started = time.process_time()

    revisions.lines(unit * (50_000 // len(unit)), unit[::-1] * (50_000 // len(unit)) + "x")

    assert time.process_time() - started < 5  # without the bound on the work it is minutes


def test_the_page_shows_what_changed_between_any_two_versions(as_ana, project):
    for text in ("Prefer <b>short</b> ones.", "Prefer <b>true</b> ones."):
        projects.publish_guidelines(project, text=text, by=None)

    html = as_ana.get(changes_url(project), {"old": 2, "new": 3}).content.decode()

    assert "From version 2 to version 3" in html
    assert "Prefer <del>&lt;b&gt;short&lt;/b&gt;</del><ins>&lt;b&gt;true&lt;/b&gt;</ins> ones." in html


def test_the_last_two_versions_are_compared_unless_others_are_chosen(as_ana, project):
    projects.publish_guidelines(project, text="New.", by=None)

    assert "From version 1 to version 2" in as_ana.get(changes_url(project)).content.decode()


def test_a_single_version_has_no_changes(as_ana, project):
    assert "There is one version only." in as_ana.get(changes_url(project)).content.decode()


@pytest.mark.parametrize("asked", [{"old": "9", "new": "1"}, {"old": "1"}, {"old": "x", "new": "1\x00"}])
def test_a_version_that_is_not_there_is_refused_with_a_sentence(as_ana, project, asked):
    response = as_ana.get(changes_url(project), asked)

    assert response.status_code == 422
    assert "There is no such version." in response.content.decode()


def test_a_heading_is_a_place_to_link_to():
    assert shown("# Length & form\n\nText.") == '<h3 id="guide-length-form">Length &amp; form</h3>\n<p>Text.</p>\n'
    assert sections.anchor_of("Length & form") == "guide-length-form"


def test_two_headings_of_the_same_words_get_two_places():
    html = shown("# 长度\n## 长度\n# *Do* `not`")

    assert '<h3 id="guide-长度">' in html
    assert '<h4 id="guide-长度-2">' in html
    assert '<h3 id="guide-do-not"><em>Do</em> <code>not</code></h3>' in html


@pytest.mark.parametrize("title", ['" onload="x', "<h3 id=main>", "&quot;><script>", "'''", "</h3><h3>"])
def test_a_heading_cannot_break_out_of_its_place(title):
    html = shown(f"# {title}")

    assert re.match(r'<h3( id="guide-[\w-]+")?>', html)
    assert "<script" not in html


def test_a_new_version_is_looked_at_before_it_is_published(client, project, lee):
    client.force_login(lee)
    sent = {"text": "# Be fair\nPrefer *true* ones.", "based_on": 1, "preview": "yes"}

    response = client.post(reverse("guidelines_edit", args=[project.slug]), sent)

    html = response.content.decode()
    assert response.status_code == 200
    assert "Prefer <em>true</em> ones." in html
    assert "<del>*helpful*</del><ins>*true*</ins>" in html
    assert project.guidelines.count() == 1
