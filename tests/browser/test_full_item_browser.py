"""A whole comparison (one tie, a flag, a reason) by keyboard alone, by mouse alone, by finger on a phone, and without
JavaScript: each stores the same.
"""

import pytest
from playwright.sync_api import expect

from annotate import assignments
from annotate.answers import of
from annotate.models import Ranking, Task
from annotate.questions import INSTRUCT_FLAGS
from tests.annotate.asking import fill, project_of

pytestmark = pytest.mark.browser
REASON = "A names two."
WAYS = {
    "keyboard": {},
    "mouse": {},
    "finger": {"size": (360, 740), "touch": True},
    "no JavaScript": {"javascript": False},
    "no JavaScript on a phone": {"javascript": False, "size": (360, 740), "touch": True},
}


@pytest.fixture
def place(open_page, ana, write_lines):
    project = project_of(Task.RANKING, flags=INSTRUCT_FLAGS)
    fill(project, write_lines, count=3)
    return assignments.reserve_next(ana, project)


def by_keyboard(page):
    for key in ("1", "2", "2", "a", "f", "a", "Escape"):
        page.keyboard.press(key)
    for _ in range(60):
        if page.evaluate("document.activeElement.name") == "reason":
            break
        page.keyboard.press("Tab")
    page.keyboard.type(REASON)
    page.keyboard.press("Control+Enter")


def by_pointer(press):
    """Return the way by pressing what is on the page, with a click or a tap."""

    def do(page):
        for label, rank in (("A", "1 Best"), ("B", "2"), ("C", "2")):
            press(page.get_by_role("button", name=f"{label}: rank {rank}"))
        press(page.locator("[data-label=A] [data-flags] > summary"))
        press(page.locator("[data-label=A] [data-flags]").get_by_label("Fails to follow the instruction"))
        press(page.get_by_label("Why this order?"))
        page.keyboard.type(REASON)
        press(page.get_by_role("button", name="Submit"))

    return do


def without_javascript(page):
    for label, rank in (("A", "1"), ("B", "2"), ("C", "2")):
        page.get_by_label(f"Rank of {label}").select_option(rank)
    page.locator("[data-label=A] [data-flags] > summary").click()
    page.locator("[data-label=A] [data-flags]").get_by_label("Fails to follow the instruction").check()
    page.get_by_label("Why this order?").fill(REASON)
    page.get_by_role("button", name="Submit").click()


DO = {
    "keyboard": by_keyboard,
    "mouse": by_pointer(lambda part: part.click()),
    "finger": by_pointer(lambda part: part.tap()),
    "no JavaScript": without_javascript,
    "no JavaScript on a phone": without_javascript,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_whole_comparison_is_done(open_page, signed_in, ana, place, way):
    page = open_page(**WAYS[way])
    signed_in(page, ana.user)
    page.goto(f"/rank/{place.pk}/")

    DO[way](page)

    expect(page.get_by_text("Saved: A > B = C · 1 flag")).to_be_visible()
    stored, (a, b, c) = Ranking.objects.get(), place.order
    assert (stored.tiers, stored.reason) == ([[a], sorted([b, c])], REASON)
    assert of(stored).flags == {a: ["fails_instruction"]}
    assert page.faults == []
