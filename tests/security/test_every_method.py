"""A08: every route × every method × every role. What the access table does not list is refused by everyone's door."""

import pytest
from django.urls import get_resolver, reverse

from tests.annotate.test_access_table import ROLES, TABLE, accounts, filled, undone, url, world  # noqa: F401  fixtures

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD")
REFUSED = {302, 401, 403, 405}
"""To the login page, no token, not this role, not this method."""
DJANGOS = {("POST", "login"), ("PUT", "login"), ("OPTIONS", "login"), ("OPTIONS", "logout")}
"""What Django's own views answer with the login form or an empty page."""
NAMES = sorted({name for _, name in TABLE})
UNLISTED = [
    (method, name)
    for name in NAMES
    for method in METHODS
    if (method, name) not in TABLE
    and (method, name) not in DJANGOS
    and not (method == "HEAD" and ("GET", name) in TABLE)
]


def ask(client, method, path):
    with undone():
        return client.generic(method, path)


@pytest.mark.security
@pytest.mark.parametrize("role", ROLES)
def test_a_method_that_the_table_does_not_list_is_refused(client, world, accounts, role):  # noqa: F811
    if accounts[role]:
        client.force_login(accounts[role])

    found = {(method, name): ask(client, method, url(name, world)).status_code for method, name in UNLISTED}

    assert {row: status for row, status in found.items() if status not in REFUSED} == {}


@pytest.mark.security
@pytest.mark.parametrize("role", ROLES)
def test_head_tells_no_more_than_get(client, world, accounts, role):  # noqa: F811
    if accounts[role]:
        client.force_login(accounts[role])
    asked = [name for method, name in TABLE if method == "GET"]

    found = {name: ask(client, "HEAD", url(name, world)) for name in asked}

    expected = {name: {TABLE["GET", name][ROLES.index(role)], 405} for name in asked}
    assert {name: one.status_code for name, one in found.items() if one.status_code not in expected[name]} == {}
    assert [name for name, one in found.items() if not one.streaming and one.content] == []


@pytest.mark.security
@pytest.mark.parametrize("role", [role for role in ROLES if role != "anonymous"])
def test_a_suspended_account_is_a_stranger(client, world, accounts, role):  # noqa: F811
    client.force_login(accounts[role])
    accounts[role].is_active = False
    accounts[role].save()

    asked = [(method, name) for method, name in TABLE if method == "GET"]
    found = {row: ask(client, "GET", url(row[1], world)).status_code for row in asked}

    assert found == {row: TABLE[row][ROLES.index("anonymous")] for row in asked}


@pytest.mark.parametrize("override", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_makes_another_method_of_a_request(client, world, accounts, override):  # noqa: F811
    client.force_login(accounts["admin"])

    response = client.post(reverse("api_project", args=[world.slug]), headers={override: "GET"})

    assert response.status_code in (403, 405)


def admin_urls():
    """Yield (name, needs an id) of each page of Django's admin site."""
    found, _ = next((one, None) for one in get_resolver().url_patterns if getattr(one, "namespace", None) == "admin")
    for pattern in found.url_patterns:
        for inner in getattr(pattern, "url_patterns", [pattern]):
            if inner.name and inner.name not in {"login", "logout", "jsi18n", "view_on_site", "app_list"}:
                yield inner.name, inner.pattern.regex.groups


@pytest.mark.parametrize("role", ["anonymous", "nobody", "annotator", "reviewer", "ml_engineer"])
def test_no_page_of_djangos_admin_site_opens_for_others(client, world, accounts, role):  # noqa: F811
    if accounts[role]:
        client.force_login(accounts[role])
    paths = [reverse(f"admin:{name}", args=["1"] * groups) for name, groups in admin_urls()]

    found = {(method, path): ask(client, method, path).status_code for path in paths for method in ("GET", "POST")}

    assert len(paths) > 40
    assert {row: status for row, status in found.items() if status not in {302, 403}} == {}
