"""Every page in a real browser with attacks in all texts from outside: nothing runs, nothing is asked for elsewhere.

The content security policy would stop what gets through the cleaner, and says so in the console: that is a fault, too.
"""

from urllib.parse import urlsplit

import pytest

from tests import hostile
from tests.annotate.test_access_table import ROLES, accounts, filled, world  # noqa: F401  fixtures

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("role", ["annotator", "admin"])
def test_no_attack_runs_or_asks_for_anything_elsewhere(open_page, signed_in, live_server, accounts, world, role):  # noqa: F811
    hostile.attack(world, hostile.SHORTS[0])
    page = open_page()
    signed_in(page, accounts[role])
    dialogs, elsewhere = [], []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda sent: _is_elsewhere(sent.url, live_server.url) and elsewhere.append(sent.url))

    for name, path in hostile.pages(role, ROLES.index(role), world):
        if name not in {"run_metrics", "checkpoint_download", "export_download", "pay_export"}:
            page.goto(path)
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
            page.wait_for_load_state("networkidle")

    assert dialogs == []
    assert elsewhere == []
    assert page.faults == []
    assert page.evaluate("document.querySelectorAll('.text').length") >= 0


def test_a_text_stays_inside_its_box_and_leaves_the_letters_alone(open_page, signed_in, accounts, world):  # noqa: F811
    hostile.attack(world, hostile.SHORTS[3])
    hostile.Completion.objects.update(text="\u202eevil\u2066 " + "Z" + "\u0300\u0301" * 400 + " \u202d\u2067")
    page = open_page()
    signed_in(page, accounts["annotator"])

    page.goto(f"/rank/{world.assignment}/")

    assert page.locator(".completion-label").all_inner_texts() == ["A", "B", "C", "D"]
    assert page.locator(".completion-card .text").first.evaluate("(text) => getComputedStyle(text).overflowY") == "clip"
    assert page.get_by_text("U+202E").count() >= 4


def _is_elsewhere(address: str, home: str) -> bool:
    return urlsplit(address).scheme not in {"data", "blob"} and urlsplit(address).netloc != urlsplit(home).netloc
