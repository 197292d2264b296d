"""Tokens: shown once, kept as a hash, ended by time, by revoking and with the account; never more than the account."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from annotate import tokens
from annotate.models import ApiToken, Project

pytestmark = pytest.mark.django_db
ME = "/api/v1/me/"


def me(client, token, scheme="Bearer"):
    return client.get(ME, headers={"Authorization": f"{scheme} {token}"}).status_code


@pytest.fixture
def token(ana):
    return tokens.create(ana.user, label="nightly", days=7)


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer"])
def test_a_token_lets_a_script_act_as_its_account(client, token, scheme):
    response = client.get(ME, headers={"Authorization": f"{scheme} {token}"})

    assert response.json() == {"username": "ana", "roles": ["annotator"]}


def test_a_token_gives_no_right_that_its_account_lacks(client, token):
    assert client.get("/api/v1/projects/", headers={"Authorization": f"Bearer {token}"}).status_code == 403


def test_a_token_is_no_key_to_the_pages(client, token):
    assert client.get("/tokens/", headers={"Authorization": f"Bearer {token}"}).status_code == 302


def test_the_database_holds_no_token(token, tmp_path):
    call_command("dumpdata", output=str(tmp_path / "dump.json"), verbosity=0)

    assert token not in (tmp_path / "dump.json").read_text()


@pytest.mark.parametrize("wrong", ["", "x", "0" * 64, "0" * 63, "\xff" * 64, "%00", "a b", "0" * 100_000])
def test_what_is_no_token_is_401(client, ana, wrong):
    assert me(client, wrong) == 401


def test_a_token_in_the_address_opens_nothing(client, token):
    assert client.get(ME, {"token": token}).status_code == 401


def test_an_expired_token_is_401(client, token):
    ApiToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))

    assert me(client, token) == 401


def test_a_closed_accounts_token_is_401(client, token, ana):
    ana.user.is_active = False
    ana.user.save()

    assert me(client, token) == 401


def test_a_token_is_shown_once(client, ana):
    client.force_login(ana.user)

    made = client.post("/tokens/", {"label": "nightly", "days": 7})

    found = made.context["token"]
    assert found in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    assert me(client, found) == 200
    assert found not in client.get("/tokens/").content.decode()


def test_a_revoked_token_is_401(client, ana, token):
    client.force_login(ana.user)

    client.post(f"/tokens/{token[:15]}/revoke/")

    client.logout()
    assert me(client, token) == 401


def test_nobody_revokes_anothers_token(client, ben, token):
    client.force_login(ben.user)

    assert client.post(f"/tokens/{token[:15]}/revoke/").status_code == 404
    assert ApiToken.objects.count() == 1


def test_an_account_has_so_many_tokens_and_no_more(client, ana):
    client.force_login(ana.user)
    for _ in range(tokens.MAX_TOKENS):
        tokens.create(ana.user, label="x", days=7)

    refused = client.post("/tokens/", {"label": "one more", "days": 7})

    assert refused.status_code == 422
    assert "revoke one" in refused.content.decode()


def test_a_session_needs_its_csrf_token(ana, project):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ana.user)

    assert browser.post("/api/v1/work/rivers/next/").status_code == 403


def test_the_token_librarys_own_table_is_not_made_beside_ours():
    assert [name for name in connection.introspection.table_names() if "token" in name] == ["annotate_apitoken"]


def test_a_token_that_only_reads_changes_nothing(client, lee, project):
    client.force_login(lee)
    token = client.post("/tokens/", {"label": "dashboard", "days": 7, "is_read_only": "on"}).context["token"]
    client.logout()
    headers = {"Authorization": f"Bearer {token}"}
    new = {"slug": "seas", "name": "Seas", "guidelines": "Be fair."}

    read = client.get("/api/v1/projects/", headers=headers)
    written = client.post("/api/v1/projects/", new, content_type="application/json", headers=headers)

    assert read.status_code == 200
    assert written.status_code == 403
    assert "This token only reads." in written.json()["errors"][0]["message"]
    assert not Project.objects.filter(slug="seas").exists()
