"""Nothing is lost, and the ranking page is comfortable: drafts, outbox, undo, moves, diff, letters; in a browser."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from annotate import assignments, rankings
from annotate.answers import Answer
from annotate.models import Draft, Ranking
from tests.browser.conftest import PHONE

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


def stamp_of(page):
    return page.locator("[data-stamp]")


def rank_all(page):
    for key in "1234":
        page.keyboard.press(key)


def test_a_draft_is_saved_to_the_server_by_itself_and_says_when(rank_page, place):
    page = rank_page
    page.keyboard.press("2")

    expect(stamp_of(page)).to_have_text(re.compile(r"^saved \d\d:\d\d:\d\d$"))
    assert Draft.objects.get().content["rank-A"] == ["2"]


def test_another_browser_goes_on_where_this_one_stopped(rank_page, open_page, sign_in, place):
    rank_page.keyboard.press("2")
    rank_page.get_by_label("Why this order?").fill("A is kind")
    rank_page.keyboard.press("Control+s")
    expect(stamp_of(rank_page)).to_have_text(re.compile("^saved"))

    other = open_page()
    sign_in(other, "ana")
    other.goto(f"/rank/{place.pk}/")

    expect(sentence_of(other)).to_have_text("A · 3 of 4 left: B, C, D")
    expect(other.get_by_label("Why this order?")).to_have_value("A is kind")


def test_the_newer_of_both_drafts_comes_back(rank_page, open_page, sign_in, place):
    rank_page.keyboard.press("2")
    expect(stamp_of(rank_page)).to_have_text(re.compile("^saved"))
    other = open_page()
    sign_in(other, "ana")
    other.goto(f"/rank/{place.pk}/")
    other.keyboard.press("b")
    other.keyboard.press("1")
    other.keyboard.press("Control+s")
    expect(stamp_of(other)).to_have_text(re.compile("^saved"))
    other.wait_for_timeout(1200)

    rank_page.reload()

    expect(sentence_of(rank_page)).to_have_text("B > A · 2 of 4 left: C, D")


def test_without_a_network_the_draft_is_kept_here_and_saved_later(rank_page):
    page = rank_page
    page.context.set_offline(True)
    page.keyboard.press("2")
    expect(stamp_of(page)).to_have_text("kept in this browser")

    page.context.set_offline(False)

    expect(stamp_of(page)).to_have_text(re.compile("^saved"))
    assert Draft.objects.exists()


def test_what_is_submitted_without_a_network_waits_and_is_sent_when_it_is_back(rank_page):
    page = rank_page
    rank_all(page)
    page.context.set_offline(True)

    page.keyboard.press("Enter")
    expect(page.get_by_text("1 answer is kept in this browser")).to_be_in_viewport()
    expect(page.locator("[data-words]")).to_have_text("A > B > C > D · 6 preferences")
    assert not Ranking.objects.exists()
    page.context.set_offline(False)

    expect(page.get_by_text("Saved: A > B > C > D")).to_be_visible()
    assert Ranking.objects.count() == 1
    expect(page.locator("[data-outbox]")).to_be_hidden()


def test_what_waits_is_sent_from_the_next_page(rank_page):
    page = rank_page
    rank_all(page)
    page.route("**/rank/*/", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 answer is kept in this browser")).to_be_visible()
    page.unroute("**/rank/*/")

    page.goto("/")

    expect(page.get_by_text("Sent now, after waiting: A > B > C > D")).to_be_visible()
    assert Ranking.objects.count() == 1


def test_an_answer_whose_confirmation_was_lost_is_stored_once(rank_page):
    page = rank_page
    rank_all(page)

    def lose_the_answer(route):
        if route.request.method == "POST":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/rank/*/", lose_the_answer)
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 answer is kept in this browser")).to_be_visible()
    page.unroute("**/rank/*/")

    page.reload()

    expect(page.locator("[data-list] li")).to_have_count(0)
    assert Ranking.objects.count() == 1


def test_a_refusal_after_waiting_stays_with_what_was_said_until_it_is_discarded(rank_page, place, ana):
    page = rank_page
    rank_all(page)
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 answer is kept")).to_be_visible()
    rankings.submit(place, Answer([place.order[::-1]]), submission=uuid4())

    page.context.set_offline(False)

    refused = page.locator("[data-list] li")
    expect(refused).to_contain_text("A > B > C > D · 6 preferences")
    expect(refused).to_contain_text("was not accepted: You ranked this comparison")
    page.goto("/")
    expect(refused).to_contain_text("A > B > C > D")
    page.get_by_role("button", name="Discard it").click()
    expect(refused).to_have_count(0)
    assert Ranking.objects.get().tiers == [place.order[::-1]]


def test_what_waits_is_not_shown_to_the_next_person_at_this_computer(rank_page, sign_in, ben):
    page = rank_page
    rank_all(page)
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 answer is kept")).to_be_visible()
    page.route("**/rank/*/", lambda route: route.abort())
    page.context.set_offline(False)
    page.context.clear_cookies(name="sessionid")

    sign_in(page, "ben")

    expect(page.locator("[data-outbox]")).to_be_hidden()


def test_choices_are_taken_back_and_brought_again(rank_page):
    page = rank_page
    page.keyboard.press("1")
    page.keyboard.press("2")

    page.keyboard.press("Control+z")
    expect(sentence_of(page)).to_have_text("A · 3 of 4 left: B, C, D")
    page.keyboard.press("Control+z")
    expect(sentence_of(page)).to_have_text(re.compile("^Nothing ranked yet"))
    page.keyboard.press("Control+Shift+z")

    expect(sentence_of(page)).to_have_text("A · 3 of 4 left: B, C, D")


def test_with_nothing_to_take_back_the_last_submission_is_changed(rank_page):
    page = rank_page
    rank_all(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved: A > B > C > D")).to_be_visible()

    page.keyboard.press("Control+z")
    expect(page.get_by_role("heading", name="Change your ranking")).to_be_visible()
    expect(sentence_of(page)).to_have_text("A > B > C > D · 6 preferences")
    page.keyboard.press("d")
    page.keyboard.press("Alt+Shift+ArrowUp")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("Changed: A > B > C = D")).to_be_visible()
    assert [one.revision for one in Ranking.objects.order_by("revision")] == [1, 2]
    assert page.faults == []


def test_alt_enter_changes_the_last_ranking(rank_page):
    page = rank_page
    rank_all(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved: A > B > C > D")).to_be_visible()

    page.keyboard.press("Alt+Enter")

    expect(page.get_by_role("heading", name="Change your ranking")).to_be_visible()


def test_a_card_is_moved_and_tied_by_key_and_keeps_the_focus(rank_page):
    page = rank_page
    rank_all(page)
    page.keyboard.press("c")

    page.keyboard.press("Alt+ArrowUp")
    expect(sentence_of(page)).to_have_text("A > C > B > D · 6 preferences")
    page.keyboard.press("Alt+Shift+ArrowUp")
    expect(sentence_of(page)).to_have_text("A = C > B > D · 5 preferences, 1 tie")
    page.keyboard.press("Alt+ArrowDown")
    expect(sentence_of(page)).to_have_text("A > C > B > D · 6 preferences")
    page.keyboard.press("Alt+Shift+ArrowDown")
    expect(sentence_of(page)).to_have_text("A > B = C > D · 5 preferences, 1 tie")
    page.keyboard.press("Alt+ArrowUp")
    expect(sentence_of(page)).to_have_text("A > C > B > D · 6 preferences")

    expect(page.locator("[data-label=C]")).to_be_focused()


def test_words_that_differ_are_marked_and_unmarked(rank_page, place):
    texts = ("The Nile is a long river.", "The Nile is the longest river of all.", "x", "y")
    for pk, text in zip(place.order, texts, strict=True):
        place.comparison.completions.filter(pk=pk).update(text=text)
    page = rank_page
    page.reload()
    page.keyboard.press("1")
    page.keyboard.press("b")

    page.keyboard.press("Shift+D")
    card = page.locator("[data-label=B]")
    expect(card.locator("ins")).to_have_text(["the", "longest", "of", "all"])
    expect(card.locator("del")).to_have_text(["a ", "long "])
    expect(page.locator("[data-remark]")).to_have_text("B beside A: 4 words more, 2 words less.")
    page.keyboard.press("Shift+D")

    expect(card.locator("ins, del")).to_have_count(0)
    expect(card).to_contain_text(texts[1])


def test_a_letter_is_changed_and_two_commands_never_share_one(rank_page, place):
    page = rank_page
    page.goto("/keys/")
    page.get_by_label("Skip the comparison").fill("z")
    page.get_by_label("Show or hide the guidelines").fill("Z")
    page.get_by_role("button", name="Keep these letters").click()
    expect(page.get_by_text("Another command has this letter.")).to_have_count(2)
    page.get_by_label("Show or hide the guidelines").fill("g")
    page.get_by_role("button", name="Keep these letters").click()
    expect(page.get_by_text("Kept in this browser.", exact=True)).to_be_visible()

    page.goto(f"/rank/{place.pk}/")
    page.keyboard.press("s")
    expect(page.get_by_label("I cannot judge this subject")).to_be_hidden()
    page.keyboard.press("z")

    expect(page.get_by_label("I cannot judge this subject")).to_be_visible()
    expect(page.locator("[data-skip] kbd")).to_have_text("Z")


def test_the_usual_letters_come_back(rank_page):
    page = rank_page
    page.goto("/keys/")
    page.get_by_label("Skip the comparison").fill("z")
    page.get_by_role("button", name="Keep these letters").click()

    page.get_by_role("button", name="Back to the usual ones").click()

    expect(page.get_by_label("Skip the comparison")).to_have_value("S")
    page.reload()
    expect(page.get_by_label("Skip the comparison")).to_have_value("S")


def test_what_was_read_to_its_end_is_ticked_and_told(rank_page, place):
    place.comparison.completions.filter(pk=place.order[3]).update(text="long\n\n" * 400)
    page = rank_page
    page.reload()
    expect(page.locator("[data-label=A]")).to_have_attribute("data-read", "")
    expect(page.locator("[data-label=D]")).not_to_have_attribute("data-read", "")

    rank_all(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved:")).to_be_visible()

    read = Ranking.objects.get().details["read"]
    assert place.order[0] in read
    assert place.order[3] not in read


def test_active_seconds_are_sent_along(rank_page):
    page = rank_page
    page.wait_for_timeout(1500)
    rank_all(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved:")).to_be_visible()

    stored = Ranking.objects.get()
    assert 1.0 <= stored.active_seconds <= stored.seconds + 0.1


@pytest.mark.parametrize("path", ["/keys/", "change"])
def test_the_new_pages_fit_a_phone(rank_page, open_page, sign_in, place, path):
    rankings.submit(place, Answer([place.order]), submission=uuid4())
    page = open_page(size=(360, 740), theme="dark")
    sign_in(page, "ana")

    page.goto(f"/rank/{place.pk}/change/" if path == "change" else path)

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.faults == []


def test_on_a_phone_the_ranking_page_with_all_its_marks_does_not_scroll_sideways(open_page, sign_in, place):
    page = open_page(size=PHONE)
    sign_in(page, "ana")
    page.goto(f"/rank/{place.pk}/")
    rank_all(page)
    page.context.set_offline(True)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("1 answer is kept")).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
