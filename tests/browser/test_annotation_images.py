"""The pictures of docs/annotation.md, taken from projects made on the spot: part of `make images`."""

import pytest
from playwright.sync_api import expect

from annotate import assignments
from annotate.models import Completion, Prompt, Task
from tests.annotate.asking import fill, project_of
from tests.browser.test_images import IMAGES
from tests.browser.test_task_types_browser import EVERYTHING

pytestmark = pytest.mark.images

PROMPT = "How far does a stone fall in two seconds? Show the formula, and a line of Python."
FALLS = (
    "It falls $s = \\tfrac{1}{2} g t^2 \\approx 19.6$ m.\n\n```python\nprint(0.5 * 9.81 * 2**2)  # metres\n```",
    "About **20 metres**, if the air does not slow it:\n\n$$s = \\frac{g t^2}{2} = \\frac{9.81 \\cdot 4}{2}$$",
    "Two seconds is not very long, so it does not fall far.",
    "ארבעים מטר בערך.\n\nThat is: about 40 m\u202e.",
)


@pytest.fixture
def opened(open_page, signed_in, ana, write_lines, live_server):
    """Return a function that opens work of a kind as Ana: opened(task, count=4, language="zh-hans", …)."""

    def open_one(task, *, count, size=(1366, 900), theme="light", language="en", **asked):
        project = project_of(task, **asked)
        fill(project, write_lines, count=count)
        Prompt.objects.update(messages=[{"role": "user", "content": PROMPT}])
        for completion, text in zip(Completion.objects.order_by("pk"), FALLS, strict=False):
            Completion.objects.filter(pk=completion.pk).update(text=text)
        place = assignments.reserve_next(ana, project)
        page = open_page(size=size, theme=theme)
        signed_in(page, ana.user)
        page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
        page.goto(f"/rank/{place.pk}/")
        return page

    return open_one


def take(page, name):
    IMAGES.mkdir(exist_ok=True)
    page.screenshot(path=IMAGES / f"annotation-{name}.png")


def test_ranking_four(opened):
    page = opened(Task.RANKING, count=4, size=(1366, 1240))
    for key in "1243":
        page.keyboard.press(key)
    expect(page.locator("[data-sentence]")).to_contain_text(">")
    take(page, "ranking")


def test_comparing_two_in_the_dark(opened):
    page = opened(Task.PAIRWISE, count=2, size=(1366, 1120), theme="dark", **EVERYTHING)
    page.keyboard.press("2")
    take(page, "pairwise")


def test_ranking_in_chinese_on_a_phone(opened):
    page = opened(Task.RANKING, count=3, size=(390, 844), language="zh-hans")
    page.keyboard.press("1")
    take(page, "phone")


def test_the_keys(opened):
    page = opened(Task.RANKING, count=4, **EVERYTHING)
    page.keyboard.press("?")
    take(page, "keys")
