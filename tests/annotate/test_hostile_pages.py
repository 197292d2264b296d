"""Every page, for every role, with attacks in all texts from outside: nothing of them becomes a part of the page."""

import pytest

from tests import hostile
from tests.annotate.test_access_table import ROLES, accounts, body, filled, world  # noqa: F401  fixtures


@pytest.mark.parametrize("short", hostile.SHORTS)
@pytest.mark.parametrize("role", ["annotator", "reviewer", "admin", "ml_engineer"])
def test_no_text_from_outside_becomes_a_part_of_a_page(client, world, accounts, role, short):  # noqa: F811
    hostile.attack(world, short)
    client.force_login(accounts[role])

    pages = {name: client.get(path) for name, path in hostile.pages(role, ROLES.index(role), world)}

    assert {response.status_code for response in pages.values()} == {200}
    found = {name: hostile.Found(body(page)).faults for name, page in pages.items() if "html" in page["Content-Type"]}
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert any("onerror" in body(page) or "alert" in body(page) for page in pages.values() if not page.streaming)


@pytest.mark.parametrize("short", hostile.SHORTS)
def test_attacks_in_addresses_and_forms_come_back_inert(client, world, accounts, short):  # noqa: F811
    client.force_login(accounts["admin"])
    answers = [
        client.get("/login/", {"next": short}),
        client.get(f"/{short}/"),
        client.get("/staff/", {"q": short, "page": short}),
        client.post("/staff/new-project/", {"name": short, "slug": short, "overlap": short, "guidelines": short}),
        client.post(f"/staff/projects/{world.slug}/settings/", {"name": short, "overlap": short}),
        client.post(f"/rank/{world.assignment}/skip/", {"why": short, "words": short}),
    ]

    assert all(answer.status_code < 500 for answer in answers)
    assert [faults for answer in answers if (faults := hostile.Found(answer.content.decode()).faults)] == []
