"""axe-core on every page, for a role that may open it, in both themes: no violations.

The pages come from the access table, so a new one is checked as soon as it stands there.
"""

from pathlib import Path

import pytest

from annotate import assignments
from annotate.models import Completion, GuidelineVersion, Prompt, Task
from tests.annotate.asking import fill, project_of
from tests.annotate.test_access_table import ROLES, TABLE, accounts, filled, url, world  # noqa: F401  fixtures
from tests.browser.test_task_types_browser import EVERYTHING

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text()
RUN = """async () => {
  const found = await axe.run(document, {preload: false, resultTypes: ["violations"]});
  const isOfATextFromOutside = (node) => document.querySelector(node.target[0])?.closest(".text");
  return found.violations.flatMap((rule) => rule.nodes
    .filter((node) => rule.id !== "heading-order" || !isOfATextFromOutside(node))
    .map((node) => `${rule.id}: ${node.html.slice(0, 120)} | ${node.failureSummary.slice(0, 200)}`));
}"""
"""A text from outside has its headings in whatever order its author put them; all else in it is ours to answer for."""
NO_PAGES = {"checkpoint_download", "export_download", "pay_export", "run_live", "freezing_live", "run_metrics"}
"""Downloads, and a part of a page."""
VISITORS = ("annotator", "admin", "reviewer", "ml_engineer", "nobody", "anonymous")
RICH = "\n\n".join(
    [
        "# Title",
        "Some *prose* with `code`, a [link](https://example.org), $x^2$ and \u202e.",
        "> quoted",
        "- one\n- two",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "| " + "wide " * 60 + "|\n|---|\n| 1 |",
        "```python\ndef f(x):  # why\n    return 'a' + str(1)\n```",
        "```diff\n+ more\n- less\n```",
        "```\n" + "wide " * 60 + "\n```",
        "$$\\frac{1}{2}$$",
        "![cat](https://example.org/cat.png)",
    ]
)


def names_for(role):
    """The pages that this role is the first to open."""
    at = ROLES.index(role)
    earlier = [ROLES.index(one) for one in VISITORS[: VISITORS.index(role)]]
    return [
        name
        for (method, name), statuses in TABLE.items()
        if method == "GET"
        and name not in NO_PAGES
        and (not name.startswith("api_") or name == "api_reference")
        and statuses[at] == 200
        and not any(statuses[one] == 200 for one in earlier)
    ]


def check(page):
    """Return what axe-core finds on the page as it stands, with everything opened."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    page.evaluate(AXE)
    return page.evaluate(RUN)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("role", [role for role in VISITORS if names_for(role)])
def test_axe_finds_nothing_on_any_page(open_page, signed_in, accounts, world, role, theme):  # noqa: F811
    page = open_page(theme=theme)
    if accounts[role]:
        signed_in(page, accounts[role])
    _enrich()

    found = []
    for name in names_for(role):
        answer = page.goto(url(name, world))
        if "text/html" in answer.headers["content-type"]:
            found += [f"{name}: {fault}" for fault in check(page)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_annotators_pages_in_chinese(open_page, signed_in, accounts, world, theme, live_server):  # noqa: F811
    page = open_page(theme=theme)
    signed_in(page, accounts["annotator"])
    page.context.add_cookies([{"name": "django_language", "value": "zh-hans", "url": live_server.url}])

    found = []
    for name in names_for("annotator"):
        answer = page.goto(url(name, world))
        if "text/html" in answer.headers["content-type"]:
            found += [f"{name}: {fault}" for fault in check(page)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("task", Task)
def test_axe_finds_nothing_on_any_kind_of_work(
    open_page, signed_in, ana, write_lines, task, theme, language, live_server
):
    project = project_of(task, **EVERYTHING)
    fill(project, write_lines, count=2)
    _enrich()
    place = assignments.reserve_next(ana, project)
    page = open_page(theme=theme)
    signed_in(page, ana.user)
    page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    page.goto(f"/rank/{place.pk}/")

    assert "\n".join(check(page)) == ""


@pytest.mark.parametrize("path", ["/nowhere/", "/staff/"])
def test_axe_finds_nothing_on_a_refusal(open_page, signed_in, accounts, path):  # noqa: F811
    page = open_page()
    signed_in(page, accounts["annotator"])
    page.goto(path)

    assert check(page) == []


def test_axe_sees_faults_where_there_are_some(open_page):
    page = open_page()
    page.goto("/login/")
    page.evaluate("document.querySelector('label').remove()")

    assert any(fault.startswith("label:") for fault in check(page))


def _enrich():
    """Texts with all that Markdown can hold."""
    Completion.objects.update(text=RICH)
    GuidelineVersion.objects.update(text=RICH)
    Prompt.objects.update(messages=[{"role": "system", "content": "Be kind."}, {"role": "user", "content": RICH}])
