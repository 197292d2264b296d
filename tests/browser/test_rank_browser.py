"""The annotator's page in a real browser: keys, mouse, phone, no JavaScript, drafts."""

import re

import pytest
from playwright.sync_api import expect

from annotate import assignments, people
from annotate.models import Ranking
from tests.browser.conftest import PHONE
from tests.conftest import PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture
def place(open_page, project, comparisons, ana):
    """Ana's reservation of a comparison with four completions."""
    return assignments.reserve_next(ana, project)


@pytest.fixture
def rank_page(open_page, sign_in, place):
    """The comparison, opened by Ana."""
    page = open_page()
    sign_in(page, "ana")
    page.goto(f"/rank/{place.pk}/")
    return page


def sentence_of(page):
    return page.locator("[data-sentence]")


def test_four_completions_are_ranked_with_a_tie_by_keyboard_only(rank_page, place):
    a, b, c, d = place.order
    page = rank_page

    page.keyboard.press("c")
    page.keyboard.press("1")
    expect(sentence_of(page)).to_have_text("C · 3 of 4 left: A, B, D")
    expect(page.get_by_role("button", name="Submit")).to_be_disabled()
    page.keyboard.press("2")  # the focus went on to D
    page.keyboard.press("a")
    page.keyboard.press("2")
    page.keyboard.press("4")  # and on to B, the last
    expect(sentence_of(page)).to_have_text("C > A = D > B · 5 preferences, 1 tie")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("Saved: C > A = D > B")).to_be_visible()
    assert Ranking.objects.get().tiers == [[c], sorted([a, d]), [b]]
    assert page.faults == []


def test_enter_submits_once_all_are_ranked_and_not_before(rank_page):
    page = rank_page
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(sentence_of(page)).to_have_text(re.compile("3 of 4 left"))

    for key in "123":
        page.keyboard.press(key)
    page.keyboard.press("Enter")

    expect(page.get_by_text("Saved:")).to_be_visible()
    assert Ranking.objects.count() == 1


def test_a_rank_is_taken_back(rank_page):
    page = rank_page
    page.keyboard.press("1")
    page.keyboard.press("a")
    page.keyboard.press("Backspace")

    expect(sentence_of(page)).to_have_text("Nothing ranked yet · 4 of 4 left: A, B, C, D")


def test_arrows_walk_the_completions_round(rank_page):
    page = rank_page
    page.keyboard.press("ArrowUp")
    expect(page.locator("[data-label=D]")).to_be_focused()

    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-label=A]")).to_be_focused()


def test_keys_typed_into_the_reason_stay_text(rank_page):
    page = rank_page
    page.get_by_label("Why this order?").fill("")
    page.keyboard.type("1 sags A?")

    expect(page.get_by_label("Why this order?")).to_have_value("1 sags A?")
    expect(sentence_of(page)).to_have_text(re.compile("Nothing ranked yet"))
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    expect(sentence_of(page)).to_have_text(re.compile("^A"))


def test_a_click_on_a_rank_ranks_and_a_second_takes_it_back(rank_page):
    page = rank_page
    button = page.get_by_role("button", name="B: rank 3")

    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(sentence_of(page)).to_have_text(re.compile("^B"))
    button.click()

    expect(button).to_have_attribute("aria-pressed", "false")


def test_submit_before_all_are_ranked_goes_to_the_first_that_is_not(rank_page):
    page = rank_page
    page.keyboard.press("1")

    page.get_by_role("button", name="Submit").click(force=True)

    expect(page.locator("[data-label=B]")).to_be_focused()
    assert not Ranking.objects.exists()


def test_a_reload_loses_neither_ranks_nor_reason(rank_page):
    page = rank_page
    page.keyboard.press("2")
    page.get_by_label("Why this order?").fill("A is kind")

    page.reload()

    expect(sentence_of(page)).to_have_text("A · 3 of 4 left: B, C, D")
    expect(page.get_by_label("Why this order?")).to_have_value("A is kind")


def test_a_draft_is_forgotten_once_the_server_has_it(rank_page):
    page = rank_page
    for key in "1234":
        page.keyboard.press(key)
    assert page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('concord:draft:')).length") == 1

    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved:")).to_be_visible()

    assert page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('concord:draft:')).length") == 0


def test_a_lapsed_session_loses_nothing(rank_page, sign_in, place):
    page = rank_page
    for key in "1234":
        page.keyboard.press(key)
    page.context.clear_cookies(name="sessionid")

    page.keyboard.press("Enter")
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    expect(sentence_of(page)).to_have_text("A > B > C > D · 6 preferences")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved: A > B > C > D")).to_be_visible()


def test_a_hasty_double_click_submits_once(rank_page):
    page = rank_page
    for key in "1111":
        page.keyboard.press(key)

    page.get_by_role("button", name="Submit").dblclick()

    expect(page.get_by_text("Saved: A = B = C = D")).to_be_visible()
    assert Ranking.objects.count() == 1


def test_a_breach_of_the_policy_is_noticed(rank_page):
    """Or the checks of `page.faults` would be worth nothing."""
    page = rank_page

    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")

    assert any("Content Security Policy" in fault for fault in page.faults)


def test_a_comparison_is_skipped_by_keyboard(rank_page, place):
    page = rank_page
    page.keyboard.press("s")
    page.keyboard.press("2")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Skipped.")).to_be_visible()
    place.refresh_from_db()
    assert (place.state, place.skip_reason) == ("skipped", "I cannot judge this subject")


def test_guidelines_and_keys_open_by_key(rank_page):
    page = rank_page
    expect(page.get_by_text("Prefer helpful ones.")).to_be_hidden()
    page.keyboard.press("g")
    expect(page.get_by_text("Prefer helpful ones.")).to_be_visible()

    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("1")  # goes nowhere while the list is open
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(sentence_of(page)).to_have_text(re.compile("Nothing ranked yet"))


def test_the_layout_is_remembered(rank_page):
    page = rank_page
    page.get_by_role("button", name="Columns").click()

    page.reload()

    expect(page.locator("[data-completions]")).to_have_attribute("data-layout", "columns")
    expect(page.get_by_role("button", name="Columns")).to_have_attribute("aria-pressed", "true")


def test_everything_works_without_javascript(open_page, sign_in, place):
    a, b, c, d = place.order
    page = open_page(javascript=False)
    sign_in(page, "ana")
    page.get_by_role("link", name="Go on").click()

    for label, rank in zip("ABCD", ("2", "4", "1", "2"), strict=True):
        page.get_by_label(f"Rank of {label}").select_option(rank)
    page.get_by_label("Why this order?").fill("by hand")
    page.get_by_role("button", name="Submit").click()

    expect(page.get_by_text("Saved: C > A = D > B")).to_be_visible()
    assert Ranking.objects.get().reason == "by hand"


def test_skipping_works_without_javascript(open_page, sign_in, place):
    page = open_page(javascript=False)
    sign_in(page, "ana")
    page.goto(f"/rank/{place.pk}/")

    page.get_by_text("Skip this comparison").click()
    page.get_by_label("Something else:").check()
    page.get_by_label("In your words").fill("I wrote it")
    page.get_by_role("button", name="Skip it").click()

    expect(page.get_by_text("Skipped.")).to_be_visible()


@pytest.mark.parametrize("layout", ["stacked", "columns"])
def test_nothing_sticks_out_on_a_phone(open_page, sign_in, place, layout):
    text = "| a | b |\n|---|---|\n| " + "wide " * 40 + " | x |\n\n```\n" + "code " * 60 + "\n```\n\n" + "x" * 500
    place.comparison.completions.update(text=text)
    page = open_page(size=PHONE)
    sign_in(page, "ana")
    page.goto(f"/rank/{place.pk}/")
    page.locator(f"[data-layout-choice={layout}]").click()

    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


@pytest.mark.parametrize("path", ["/", "/projects/rivers/guidelines/", "/projects/rivers/rank/", "/nowhere/"])
def test_pages_of_annotators_break_no_policy_and_fit_a_phone(open_page, sign_in, project, ana, path):
    page = open_page(size=(360, 740), theme="dark")
    sign_in(page, "ana")

    page.goto(path)

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert [fault for fault in page.faults if "404" not in fault] == []


def test_the_theme_is_chosen_and_kept(open_page, sign_in, place):
    page = open_page(theme="light")
    page.goto("/login/")
    button = page.get_by_role("button", name=re.compile("Theme"))
    button.click()
    button.click()
    expect(button).to_have_text("Theme: dark")

    page.reload()

    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_a_paused_annotator_sees_why_there_is_no_work(open_page, sign_in, comparisons, ana):
    people.set_paused(ana, is_paused=True)
    page = open_page()
    sign_in(page, "ana")

    expect(page.get_by_text("Your work is paused")).to_be_visible()
