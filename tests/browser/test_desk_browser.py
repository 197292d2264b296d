"""The desk and the steps before the work in a browser: by keyboard alone, and on a phone."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from annotate import assignments, projects, rankings
from annotate.answers import Answer
from annotate.models import Adjudication, Membership
from tests.browser.conftest import PHONE

pytestmark = pytest.mark.browser


@pytest.fixture
def disputed(open_page, project, comparisons, ana, ben, rex):
    """Three comparisons on which Ana and Ben disagree wholly."""
    for annotator, turn in ((ana, 1), (ben, -1)):
        while place := assignments.reserve_next(annotator, project):
            tiers = [[pk] for pk in sorted(place.order)[::turn]]
            rankings.submit(place, Answer(tiers, reason="SAID-BY-SOMEONE"), submission=uuid4())
    return comparisons


def test_a_reviewer_rules_by_keyboard_alone_and_goes_on(open_page, sign_in, disputed):
    page = open_page()
    sign_in(page, "rex")
    page.goto("/staff/projects/rivers/desk/next/")
    expect(page.get_by_text("SAID-BY-SOMEONE")).to_have_count(0)

    page.get_by_label("Rank of A").focus()
    for rank in "1223":
        page.keyboard.press(rank)
        page.keyboard.press("Tab")
    page.keyboard.type("A is right.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("SAID-BY-SOMEONE")).to_have_count(2)
    page.keyboard.press("n")

    expect(page.get_by_role("heading", level=1)).to_have_text("Comparison c1")
    assert len(Adjudication.objects.get().tiers) == 3
    assert page.faults == []


def test_a_newcomer_reads_and_begins_on_a_phone_without_scripts(open_page, sign_in, comparisons, nia, project):
    projects.publish_consent(project, text="You may stop at any time.", by=None)
    page = open_page(size=PHONE, javascript=False)
    sign_in(page, "nia")

    page.get_by_role("link", name="Begin").click()
    page.get_by_role("button", name="I agree").click()
    page.get_by_role("button", name="I have read version 1").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Rank 4 completions")
    assert Membership.objects.get(annotator=nia).consent.number == 1
    assert page.faults == []
