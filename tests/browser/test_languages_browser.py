"""The annotator's page in Simplified Chinese: chosen by a button, kept, and spoken by the scripts, too."""

import pytest
from playwright.sync_api import expect

from annotate import assignments
from annotate.models import Ranking

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("javascript", [True, False])
def test_a_language_is_chosen_by_a_button_and_kept(open_page, sign_in, comparisons, ana, javascript):
    page = open_page(javascript=javascript)
    sign_in(page, "ana")

    page.get_by_role("button", name="简体中文").click()
    page.goto("/keys/")

    expect(page.get_by_role("heading", name="您的按键")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Your keys")).to_be_visible()


def test_a_comparison_is_ranked_in_chinese_by_keyboard(open_page, signed_in, project, comparisons, ana):
    place = assignments.reserve_next(ana, project)
    page = open_page()
    signed_in(page, ana.user)
    page.goto("/")
    page.get_by_role("button", name="简体中文").click()
    page.goto(f"/rank/{place.pk}/")

    page.keyboard.press("1")
    expect(page.locator("[data-sentence]")).to_have_text("A · 4 个中还剩 3 个：B, C, D")
    for rank in "223":
        page.keyboard.press(rank)
    expect(page.locator("[data-sentence]")).to_have_text("A > B = C > D · 5 个偏好, 1 个并列")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_text("已保存：A > B = C > D")).to_be_visible()
    assert Ranking.objects.count() == 1
    assert page.faults == []
