"""Ranking by dragging a card's handle: with a mouse and with a finger; never by its body, and beside all the keys."""

import re

import pytest
from playwright.sync_api import expect

from annotate import assignments
from annotate.models import Ranking, Task
from tests.annotate.asking import fill, project_of

pytestmark = pytest.mark.browser
NARROW = (360, 740)
LOW = (360, 400)


@pytest.fixture
def open_ranking(open_page, signed_in, project, comparisons, ana):
    """Return a function that opens Ana's comparison of four completions."""

    def open_one(**how):
        page = open_page(**how)
        signed_in(page, ana.user)
        page.goto(f"/rank/{assignments.reserve_next(ana, project).pk}/")
        return page

    return open_one


def finger_on(page):
    return page.context.new_cdp_session(page)


def sentence_of(page):
    return page.locator("[data-sentence]")


def handle_of(page, label):
    return page.locator(f"[data-label={label}] [data-drag]")


def middle_of(box, share=0.5):
    return box["x"] + box["width"] / 2, box["y"] + box["height"] * share


def is_inside(box, size):
    return min(box["x"], box["y"]) >= 0 and box["x"] + box["width"] <= size[0] and box["y"] + box["height"] <= size[1]


def take(page, label):
    """Take a card by its handle and move a little: the list of ranks opens."""
    handle_of(page, label).scroll_into_view_if_needed()
    x, y = middle_of(handle_of(page, label).bounding_box())
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 8, y)


def move_to(page, rank, share=0.5):
    page.mouse.move(*middle_of(page.locator(f"[data-drag-rank='{rank}']").bounding_box(), share))


def drag(page, label, rank, share=0.5):
    take(page, label)
    move_to(page, rank, share)
    page.mouse.up()


def touch(finger, kind, *points):
    finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})


def test_a_full_ranking_with_a_tie_is_dragged_with_the_mouse(open_ranking):
    page = open_ranking()

    for label, rank in (("C", 1), ("A", 2), ("D", 2), ("B", 4)):
        drag(page, label, rank)
    expect(sentence_of(page)).to_have_text("C > A = D > B · 5 preferences, 1 tie")
    page.get_by_role("button", name="Submit").click()

    expect(page.get_by_text("Saved: C > A = D > B")).to_be_visible()
    assert Ranking.objects.count() == 1
    assert page.faults == []


def test_a_card_dropped_on_an_edge_stands_alone_between_two_ranks(open_ranking):
    page = open_ranking()
    for key in "1233":
        page.keyboard.press(key)

    drag(page, "D", 2, share=0.1)
    expect(sentence_of(page)).to_have_text("A > D > B > C · 6 preferences")
    drag(page, "A", 3, share=0.9)

    expect(sentence_of(page)).to_have_text("D > B > A > C · 6 preferences")
    page.keyboard.press("Control+z")
    expect(sentence_of(page)).to_have_text("A > D > B > C · 6 preferences")


def test_a_rank_is_taken_back_by_dragging_it_off(open_ranking):
    page = open_ranking()
    page.keyboard.press("1")

    drag(page, "A", 0)

    expect(sentence_of(page)).to_have_text(re.compile("Nothing ranked yet"))
    expect(page.locator("[data-label=A]")).to_be_focused()


@pytest.mark.parametrize("leave", ["Escape", "outside", "click"])
def test_a_drag_that_goes_nowhere_changes_nothing(open_ranking, leave):
    page = open_ranking()
    take(page, "B")
    if leave == "Escape":
        move_to(page, 1)
        page.keyboard.press("Escape")
    elif leave == "outside":
        page.mouse.move(1300, 5)
    page.mouse.up()
    if leave == "click":
        handle_of(page, "B").click()

    expect(page.locator("[data-drag-list]")).to_be_hidden()
    expect(page.locator("[data-dragged]")).to_have_count(0)
    expect(sentence_of(page)).to_have_text(re.compile("Nothing ranked yet"))
    page.keyboard.press("1")
    expect(sentence_of(page)).to_have_text(re.compile("^B"))


def test_the_list_says_who_holds_a_rank_and_where_the_card_would_stand(open_ranking):
    page = open_ranking()
    page.keyboard.press("1")
    row = page.locator("[data-drag-rank='1']")

    take(page, "C")
    expect(row).to_have_text(re.compile(r"1\s+A\s+best"))
    move_to(page, 1)
    expect(row).to_have_attribute("data-aim", "on")
    move_to(page, 1, share=0.1)
    expect(row).to_have_attribute("data-aim", "before")
    page.mouse.up()

    expect(sentence_of(page)).to_have_text(re.compile("^C > A"))


def test_the_body_of_a_card_is_never_dragged(open_ranking):
    page = open_ranking()
    x, y = middle_of(page.locator("[data-label=A] [data-text]").bounding_box())

    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 60)

    expect(page.locator("[data-drag-list]")).to_be_hidden()
    page.mouse.up()
    expect(sentence_of(page)).to_have_text(re.compile("Nothing ranked yet"))


def test_a_finger_drags_the_handle_on_a_narrow_phone(open_ranking):
    page = open_ranking(size=NARROW, touch=True)
    finger = finger_on(page)
    handle_of(page, "B").scroll_into_view_if_needed()
    x, y = middle_of(handle_of(page, "B").bounding_box())
    before = page.evaluate("scrollY")

    touch(finger, "touchStart", (x, y))
    touch(finger, "touchMove", (x + 8, y))
    box = page.locator("[data-drag-list]").bounding_box()
    touch(finger, "touchMove", middle_of(page.locator("[data-drag-rank='1']").bounding_box()))
    touch(finger, "touchEnd")

    assert is_inside(box, NARROW)
    expect(sentence_of(page)).to_have_text(re.compile("^B ·"))
    assert page.evaluate("scrollY") == before
    assert page.faults == []


def test_a_finger_on_the_body_scrolls_and_ranks_nothing(open_ranking):
    page = open_ranking(size=NARROW, touch=True)
    finger = finger_on(page)
    x, y = middle_of(page.locator("[data-label=A] [data-text]").bounding_box())

    touch(finger, "touchStart", (x, y))
    for step in range(1, 9):
        touch(finger, "touchMove", (x, y - 20 * step))
    touch(finger, "touchEnd")

    page.wait_for_function("scrollY > 50")
    expect(page.locator("[data-drag-list]")).to_be_hidden()
    expect(sentence_of(page)).to_have_text(re.compile("Nothing ranked yet"))


def test_the_list_of_ranks_has_room_on_a_low_screen(open_page, signed_in, ana, write_lines):
    project = project_of(Task.RANKING)
    fill(project, write_lines, count=5)
    page = open_page(size=LOW)
    signed_in(page, ana.user)
    page.goto(f"/rank/{assignments.reserve_next(ana, project).pk}/")

    take(page, "E")

    box = page.locator("[data-drag-list]").bounding_box()
    page.mouse.up()
    assert is_inside(box, LOW)


def test_handle_and_list_are_nothing_to_a_screen_reader_and_the_keyboard(open_ranking):
    page = open_ranking()
    take(page, "A")

    said = page.locator("body").aria_snapshot()

    page.mouse.up()
    assert "Drag" not in said
    assert "not ranked" not in "".join(line for line in said.split("\n") if line.strip().startswith("- listitem"))
    assert page.locator("[data-drag], [data-drag-list], [data-drag-chip]").evaluate_all(
        "all => all.every((one) => one.ariaHidden === 'true' && one.tabIndex < 0)"
    )


def test_nothing_moves_by_itself_where_less_motion_is_asked_for(open_ranking):
    page = open_ranking()  # the tests' browser asks for less motion

    assert page.evaluate("getComputedStyle(document.querySelector('.completion-card')).transitionDuration") == "0s"
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate("getComputedStyle(document.querySelector('.completion-card')).transitionDuration") != "0s"


def test_there_is_no_handle_without_javascript(open_ranking):
    page = open_ranking(javascript=False)

    expect(handle_of(page, "A")).to_be_hidden()
    expect(page.get_by_label("Rank of A")).to_be_visible()
