"""Pairwise, ratings, flags, marks and demonstrations in a real browser: by keyboard, by mouse, without JavaScript."""

import pytest
from playwright.sync_api import expect

from annotate import assignments
from annotate.answers import of
from annotate.models import Demonstration, Ranking, Task
from annotate.presentation import labels, texts
from annotate.questions import INSTRUCT_FLAGS, Choice
from tests.annotate.asking import RIVERS, fill, project_of

pytestmark = pytest.mark.browser
NARROW = (360, 740)
EVERYTHING = {
    "ratings": True,
    "aspects": (Choice("clarity", "Clarity", "Clarity"),),
    "flags": INSTRUCT_FLAGS,
    "spans": True,
}


@pytest.fixture
def open_work(open_page, sign_in, ana, write_lines):
    """Return a function that opens a comparison of a new project as Ana: page, place = open_work(task, count=2, …)."""

    def open_one(task, *, count=2, size=(1366, 768), theme="light", javascript=True, **asked):
        project = project_of(task, **asked)
        fill(project, write_lines, count=count)
        place = assignments.reserve_next(ana, project)
        page = open_page(size=size, theme=theme, javascript=javascript)
        sign_in(page, "ana")
        page.goto(f"/rank/{place.pk}/")
        return page, place

    return open_one


def sentence_of(page):
    return page.locator("[data-sentence]")


def test_a_pairwise_verdict_by_keyboard_only(open_work):
    page, place = open_work(Task.PAIRWISE)

    expect(sentence_of(page)).to_have_text("Nothing chosen yet")
    page.keyboard.press("7")
    expect(sentence_of(page)).to_have_text("B is significantly better")
    page.keyboard.press("0")
    expect(sentence_of(page)).to_have_text("Tie")
    page.keyboard.press("1")
    page.keyboard.press("9")
    expect(sentence_of(page)).to_have_text("A is significantly better · both are bad")
    page.keyboard.press("9")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("Saved: A > B, significantly better")).to_be_visible()
    assert Ranking.objects.get().tiers == [[pk] for pk in place.order]
    assert page.faults == []


def test_a_verdict_is_taken_back_and_an_empty_one_is_not_sent(open_work):
    page, _ = open_work(Task.PAIRWISE)
    page.keyboard.press("3")
    page.keyboard.press("Backspace")

    page.keyboard.press("Control+Enter")

    expect(sentence_of(page)).to_have_text("Nothing chosen yet")
    expect(page.get_by_label("A is significantly better")).to_be_focused()
    assert not Ranking.objects.exists()


def test_both_are_bad_alone_is_sent(open_work):
    page, _ = open_work(Task.PAIRWISE)

    page.keyboard.press("9")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Saved: A = B, both are bad")).to_be_visible()


def test_digits_in_the_reason_stay_text(open_work):
    page, _ = open_work(Task.PAIRWISE)

    page.get_by_label("Why this order?").fill("")
    page.keyboard.type("17 90 rfxm")

    expect(page.get_by_label("Why this order?")).to_have_value("17 90 rfxm")
    expect(sentence_of(page)).to_have_text("Nothing chosen yet")


def test_ratings_and_flags_by_keyboard_only(open_work):
    page, place = open_work(Task.PAIRWISE, ratings=True, flags=INSTRUCT_FLAGS)
    a, b = place.order

    page.keyboard.press("r")
    page.keyboard.press("6")  # rates A; its last scale, so the focus is back on the card
    page.keyboard.press("f")
    page.keyboard.press("c")  # the third flag, not the completion C
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("r")
    page.keyboard.press("2")
    page.keyboard.press("2")  # the verdict
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("Saved: A > B, better · 2 ratings, 1 flag")).to_be_visible()
    answer = of(Ranking.objects.get())
    assert (answer.ratings, answer.flags) == ({a: 6, b: 2}, {a: ["hallucination"]})
    assert page.faults == []


def test_a_ranking_with_a_tie_a_flag_and_a_reason_by_keyboard_only(open_work):
    page, place = open_work(Task.RANKING, count=3, flags=INSTRUCT_FLAGS)

    for key in ("1", "2", "2", "a", "f", "a", "Escape"):
        page.keyboard.press(key)
    page.get_by_label("Why this order?").focus()
    page.keyboard.type("A names two.")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("Saved: A > B = C · 1 flag")).to_be_visible()
    stored = Ranking.objects.get()
    assert of(stored).flags == {place.order[0]: ["fails_instruction"]}
    assert stored.reason == "A names two."


def test_a_selected_passage_becomes_a_mark(open_work):
    page, place = open_work(Task.PAIRWISE, spans=True)
    pk, label = next((pk, label) for pk, label in labels(place).items() if "Nile" in texts(place)[pk])

    page.locator(f'[data-completion][data-label="{label}"] [data-text] strong').dblclick()
    page.keyboard.press("m")
    page.keyboard.type("not a river of Europe")
    page.keyboard.press("Escape")
    page.keyboard.press("4")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("Saved: A = B · 1 mark")).to_be_visible()
    (span,) = of(Ranking.objects.get()).spans
    assert texts(place)[pk][span.start : span.end] == "Nile"
    assert span.note == "not a river of Europe"


def test_what_cannot_be_ranked_is_said_by_keyboard(open_work):
    page, _ = open_work(Task.PAIRWISE)

    page.keyboard.press("x")
    page.keyboard.type("both are empty")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("Saved: cannot be ranked: both are empty")).to_be_visible()


def test_a_ranking_that_cannot_be_made_is_sent_where_no_reason_is_asked(open_work):
    page, _ = open_work(Task.RANKING, count=3, reason="off")

    page.keyboard.press("x")
    page.keyboard.type("all are empty")
    expect(sentence_of(page)).to_have_text("They cannot be ranked")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("Saved: cannot be ranked: all are empty")).to_be_visible()
    assert page.faults == []


@pytest.mark.parametrize("task", [Task.RANKING, Task.PAIRWISE])
def test_everything_is_said_without_javascript(open_work, task):
    page, place = open_work(task, javascript=False, **EVERYTHING)

    for label in "AB":
        page.get_by_role("group", name=f"Overall of {label}, 1 to 7").get_by_label("5").check(force=True)
        page.get_by_role("group", name=f"Clarity, {label}, 1 to 7").get_by_label("4").check(force=True)
    page.locator("[data-label=B] [data-flags] > summary").click()
    page.get_by_role("group", name="Flags of B").get_by_label("Makes things up").check()
    page.locator("[data-label=A] [data-marks] > summary").click()
    page.get_by_label("Wrong passage 1 in A").fill(texts(place)[place.order[0]][:8])
    if task == Task.PAIRWISE:
        page.get_by_label("A is better").check(force=True)
    else:
        page.get_by_label("Rank of A").select_option("1")
        page.get_by_label("Rank of B").select_option("2")
    page.get_by_role("button", name="Submit").click()

    expect(page.get_by_text("4 ratings, 1 flag, 1 mark")).to_be_visible()
    assert Ranking.objects.count() == 1


def test_a_flag_opens_its_section_of_the_guidelines(open_work):
    page, _ = open_work(Task.PAIRWISE, flags=(Choice("invented", "Makes things up", "Making things up"),))

    page.locator("[data-label=A] [data-flags] > summary").click()
    page.locator("[data-label=A] .flag-list").get_by_role("link", name="guidelines").click()

    expect(page.get_by_text("A river that does not exist.")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_completion_is_edited_into_the_ideal_output(open_work, javascript):
    page, place = open_work(Task.DEMONSTRATION, count=1, javascript=javascript)

    page.get_by_role("link", name="Begin from A").click()
    expect(page.get_by_label("The ideal output")).to_have_value(RIVERS[0])
    page.get_by_label("The ideal output").fill("The Rhine and the Nile.")
    page.get_by_role("button", name="Submit").click()

    expect(page.get_by_text("Saved: 5 words, 23 characters")).to_be_visible()
    assert Demonstration.objects.get().edited_from_id == place.order[0]
    assert page.faults == []


def test_beginning_from_a_completion_can_be_undone(open_work):
    page, _ = open_work(Task.DEMONSTRATION, count=1)
    page.get_by_label("The ideal output").press_sequentially("Mine")

    page.get_by_role("link", name="Begin from A").click()
    page.keyboard.press("Control+z")

    expect(page.get_by_label("The ideal output")).to_have_value("Mine")


@pytest.mark.parametrize("task", [Task.RANKING, Task.PAIRWISE, Task.DEMONSTRATION])
def test_a_narrow_phone_never_scrolls_sideways(open_work, task):
    page, _ = open_work(task, size=NARROW, **EVERYTHING)

    for summary in page.locator("summary").all():
        summary.click()

    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    assert page.faults == []
