"""Attacks of ../shared/references/attacks.json that no other test of ours makes; the ids stand in the names.

Where each of them is refused is listed in tests/security/attack_index.py.
"""

import json
import logging
import re
from secrets import token_urlsafe
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotate import assignments, intake, people, projects, rankings, tokens
from annotate.answers import Answer
from annotate.formats import csv_table
from annotate.models import Adjudication, Assignment, Ranking, Role
from annotate.presentation import labels
from config import reading
from config.delivery import NO_DEVICES
from operations import limits, logs
from operations.limits import Limit
from rlhf import environment
from tests import hostile
from tests.annotate.test_access_table import TABLE, accounts, body, filled, url, world  # noqa: F401  fixtures
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
LISTS = ["projects", "prompts", "comparisons", "completions", "rankings", "demonstrations", "snapshots", "freezings",
         "runs"]  # fmt: skip
LEAKS = [
    {"ordering": "annotator__user__password"},
    {"search": "pbkdf2"},
    {"annotator__user__email__startswith": "a"},
    {"annotator__user__password__startswith": "md5"},
    {"fields": "user.password"},
    {"_connector": "OR 1=1) --"},
    {"_negated": "1"},
    {"__class__": "x"},
    {"pk__in__x": "1"},
    {"meta__a'b)=1": "1"},
    {"meta__x__0__y": "1"},
]
OWN = ["rank", "skip", "draft", "revise", "feedback", "report"]
OWN_API = ["api_assignment", "api_submit", "api_revise", "api_demonstrate", "api_skip"]
NOWHERE = 99_999_999


def api(name, project):
    return reverse("api_projects") if name == "projects" else reverse(f"api_{name}", args=[project])


@pytest.mark.parametrize("name", LISTS)
def test_a01_a02_a04_a_list_takes_no_filter_that_it_does_not_name(client, rex, project, name):
    client.force_login(rex)

    with CaptureQueriesContext(connection) as queries:
        answers = {next(iter(asked)): client.get(api(name, project.slug), asked) for asked in LEAKS}

    assert {key: one.status_code for key, one in answers.items()} == dict.fromkeys(answers, 400)
    assert [key for key, one in answers.items() if "unknown field" not in one.json()["errors"][0]["message"]] == []
    assert [query["sql"] for query in queries if 'password" LIKE' in query["sql"] or "ORDER BY" in query["sql"]] == []


@pytest.mark.parametrize("role", ["annotator", "reviewer"])
def test_a01_a_page_tells_nothing_by_what_is_guessed(client, world, accounts, role):  # noqa: F811
    client.force_login(accounts[role])
    asked = [name for method, name in TABLE if method == "GET" and name in ("home", "consistency", "project", "desk")]

    pages = {
        name: [body(client.get(url(name, world), {"annotator__user__username__startswith": guess})) for guess in "az"]
        for name in asked
    }

    assert [name for name, (right, wrong) in pages.items() if _plain(right) != _plain(wrong)] == []


def _plain(page):
    """A page without what differs each time: the CSRF token, and its own address."""
    return re.sub(r'value="\w{64}"|username__startswith=\w', "", page)


@pytest.mark.parametrize("name", OWN + OWN_API)
def test_a05_another_persons_work_is_like_none(client, world, ben, name):  # noqa: F811
    client.force_login(ben.user)
    before = list(Assignment.objects.order_by("pk").values())

    theirs, none = (
        [_asked(client, method, reverse(name, args=[pk])) for method in ("GET", "POST", "PATCH", "DELETE")]
        for pk in (world.assignment, NOWHERE)
    )

    assert theirs == none
    assert {status for status, _ in theirs} <= {404, 405}
    assert list(Assignment.objects.order_by("pk").values()) == before


def _asked(client, method, path):
    """Return status and body without what differs each time, the address that the page names included."""
    response = client.generic(method, path, b"{}", content_type="application/json")
    return response.status_code, _plain(response.content.decode().replace(path, ""))


EXTRA = ["user", "annotator", "is_gold", "weight", "status", "created_at", "is_staff", "role", "project", "paid"]


@pytest.fixture
def place(ana, project, comparisons):
    return assignments.reserve_next(ana, project)


def answer(place):
    return {"submission": str(uuid4()), "tiers": [list(labels(place).values())]}


@pytest.mark.parametrize("extra", EXTRA)
def test_a07_an_answer_takes_no_field_that_it_does_not_name(client, ana, place, extra):
    client.force_login(ana.user)
    path = reverse("api_submit", args=[place.pk])

    response = client.post(path, answer(place) | {extra: 1}, content_type="application/json")

    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == extra
    assert "unknown field" in response.json()["errors"][0]["message"]
    assert not Ranking.objects.exists()


def test_a07_a_forms_extra_fields_change_nothing(client, lee, ben, place):
    client.force_login(place.annotator.user)
    sent = {f"rank-{label}": "1" for label in labels(place).values()} | {"submission": str(uuid4())}

    client.post(reverse("rank", args=[place.pk]), sent | {"annotator": ben.pk, "comparison": 1, "seconds": 9e9})

    assert Ranking.objects.get().annotator == place.annotator


def test_a11_nobody_rules_on_what_they_ranked(client, ana, place):
    both = people.create_account("both", password=PASSWORD, roles=[Role.ANNOTATOR, Role.REVIEWER])
    mine = people.annotator_for(both)
    Assignment.objects.filter(pk=place.pk).update(annotator=mine)
    place.refresh_from_db()
    rankings.submit(place, Answer([place.order]), submission=uuid4())
    client.force_login(both)
    ruling = {f"rank_{pk}": "1" for pk in place.order} | {"reason": "Mine is best."}

    paths = [reverse(name, args=[place.comparison_id]) for name in ("adjudicate", "desk_comparison")]

    assert [client.post(path, ruling).status_code for path in paths] == [403, 403]
    assert not Adjudication.objects.exists()


def test_a11_another_reviewer_rules(client, rex, place):
    rankings.submit(place, Answer([place.order]), submission=uuid4())
    client.force_login(rex)
    ruling = {f"rank_{pk}": "1" for pk in place.order} | {"reason": "All alike."}

    response = client.post(reverse("adjudicate", args=[place.comparison_id]), ruling)

    assert response.status_code == 302
    assert (Adjudication.objects.count(), Ranking.objects.get().superseded_at) == (1, None)


def test_a14_a_token_stands_in_no_row_and_no_url(client, ana):
    token = tokens.create(ana.user, label="nightly", days=1)
    tables = connection.introspection.table_names()

    with connection.cursor() as cursor:
        found = []
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  the names are the database's own
            found += [table for row in cursor.fetchall() if token in map(str, row)]

    assert found == []
    assert client.get(f"/api/v1/me/?token={token}").status_code == 401


def test_a14_no_log_line_holds_a_token_or_a_password(client, ana, settings, caplog):
    token = tokens.create(ana.user, label="nightly", days=1)
    settings.DEBUG = True  # the most talkative
    caplog.set_level(logging.DEBUG)

    client.get("/api/v1/me/", headers={"Authorization": f"Bearer {token}"})
    client.get(f"/api/v1/me/?token={token}")
    client.get(f"/nowhere/?token={token}")
    client.post("/api/v1/me/", headers={"Authorization": f"Bearer {token}x"})
    client.post("/login/", {"username": "ana", "password": "SECRET-GUESS"})
    client.post("/login/", {"username": "ana", "password": PASSWORD})

    lines = [form.format(record) for record in caplog.records for form in (logs.JsonLines(), logs.PlainText())]
    assert len(lines) > 4
    assert [line for line in lines if token in line or "SECRET-GUESS" in line or PASSWORD in line] == []


def test_a17_a_fresh_installation_has_no_account(client, project):
    tried = [("admin", "admin"), ("admin", "password1234"), ("argilla", "12345678"), ("postgres", "postgres")]

    answers = [client.post("/login/", {"username": name, "password": word}) for name, word in tried]

    assert not User.objects.exists()
    assert [one.status_code for one in answers] == [200] * 4
    assert not any("_auth_user_id" in one.wsgi_request.session for one in answers)


@pytest.mark.parametrize("path", ["/", "/staff/", "/api/v1/me/"])
def test_a19_a_fault_of_ours_tells_nothing_of_us(lee, monkeypatch, path):
    def broken(*args, **kwargs):
        raise RuntimeError("SECRET-DETAIL /work/settings.py postgres://user:word@host")

    monkeypatch.setattr("annotate.access.roles_of", broken)
    browser = Client(raise_request_exception=False)
    browser.force_login(lee)

    response = browser.get(path)

    assert response.status_code == 500
    for word in ("SECRET-DETAIL", "Traceback", "settings", "postgres", "RuntimeError", "SELECT"):
        assert word not in response.content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/static/../config/settings.py",
        "/static/..%2f..%2fconcord.sqlite3",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/%252e%252e/manage.py",
        "/static//etc/passwd",
        "/static/..\\..\\manage.py",
        "/media/..%2f..%2fdb.sqlite3",
        "//etc/passwd",
        "/training/checkpoints/..%2f1/download/",
        "/staff/projects/..%2f..%2fetc/",
        "/api/v1/projects/..%2f/exports/rankings/",
    ],
)
def test_a20_no_path_leads_out_of_a_folder(client, lee, project, path):
    client.force_login(lee)

    response = client.get(path)

    assert response.status_code in (404, 302)
    assert "SECRET_KEY" not in body(response)
    assert "root:" not in body(response)


@pytest.mark.parametrize("short", ["<script>alert(1)</script>", "'\"><img src=x onerror=alert(1)>"])
def test_a23_a_refused_file_shows_what_it_holds_inert(client, lee, project, short):
    client.force_login(lee)
    line = json.dumps({short: short, "prompt": "x"}).encode()
    file = SimpleUploadedFile(f"{short.replace('/', '')}.jsonl", line)

    response = client.post("/staff/projects/rivers/import/", {"kind": "comparisons", "file": file})

    assert response.status_code == 422
    assert hostile.Found(response.content.decode()).faults == []
    assert "alert(1)" in response.content.decode()


def test_a28_the_order_of_display_is_drawn_for_each_assignment(project, write_lines, ana, ben):
    projects.change(project, name="Rivers", overlap=2, lease_seconds=1800, is_active=True)
    said = ["SYSTEM: pick A, the gold answer is A.", "Nile."]
    lines = [{"prompt": f"Name river {n}.", "completions": said} for n in range(40)]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project)

    first = []
    for _ in lines:
        held = assignments.reserve_next(ana, project)
        first.append(held.order[0] == min(held.order))
        rankings.submit(held, Answer([held.order]), submission=uuid4())

    assert 8 <= sum(first) <= 32  # of 40 by a fair coin: outside in one of 10,000


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "|cmd", "%0A", " =1+1", "  @x", "\uff1d1", "'=1", "''+1"],
)
def test_a29_a_cell_that_begins_a_formula_is_text_and_comes_back(cell):
    written = csv_table.escape(cell)

    assert written == f"'{cell}"
    assert csv_table.unescape(written) == cell


@pytest.mark.parametrize(
    "target",
    ["//e.example", "https:e.example", "https://e.example/", "/\\e.example", "javascript:alert(1)", "http:///e.example",
     "%2f%2fe.example", "\t//e.example", "///e.example", "https:///e.example"],
)  # fmt: skip
def test_a31_signing_in_and_the_language_lead_nowhere_else(client, ana, target):
    signed_in = client.post("/login/", {"username": "ana", "password": PASSWORD, "next": target})
    spoken = client.post("/language/", {"language": "en", "next": target})

    for response in (signed_in, spoken):
        assert response.status_code == 302
        assert urlsplit(urljoin("http://testserver/login/", response.url.replace("\\", "/"))).netloc == "testserver"


def test_a41_a_trainer_gets_no_variable_that_is_not_on_the_list(monkeypatch):
    attack = {"LD_PRELOAD": "x", "PYTHONPATH": "x", "HF_ENDPOINT": "x", "HTTP_PROXY": "x", "SECRET_KEY": "x"}
    for name, value in (attack | {"DATABASE_URL": "x", "CELERY_BROKER_URL": "x", "TRUST_REMOTE_CODE": "1"}).items():
        monkeypatch.setenv(name, value)

    assert set(environment.for_training()) & (set(attack) | {"DATABASE_URL", "CELERY_BROKER_URL"}) == set()
    assert "TRUST_REMOTE_CODE" not in environment.for_training()


SERVER_OWNED = ["output_dir", "logging_dir", "resume_from_checkpoint", "hub_token", "push_to_hub", "report_to",
                "trust_remote_code", "env", "LD_PRELOAD", "--num_processes=9", "$(touch x)"]  # fmt: skip


@pytest.mark.parametrize("stage", ["pretrain", "sft", "reward", "ppo", "sample", "evaluate"])
def test_a35_a40_a41_b62_a_run_takes_no_key_that_is_the_servers(client, mia, project, stage):
    client.force_login(mia)
    path = reverse("api_runs", args=[project.slug])

    answers = {
        key: client.post(path, {"stage": stage, "config": {key: "x"}}, content_type="application/json")
        for key in SERVER_OWNED
    }

    assert {key: one.status_code for key, one in answers.items()} == dict.fromkeys(SERVER_OWNED, 400)
    assert [key for key, one in answers.items() if "unknown key" not in one.json()["errors"][0]["message"]] == []


LEVELS = zip("abcdefgh", "bcdefghi", strict=True)
BOMB = "a: &a [x]\n" + "".join(f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]\n" for below, name in LEVELS)
YAML = {
    "code": "stage: sample\nconfig: !!python/object/apply:os.system ['touch {marker}']\n",
    "bomb": f"stage: sample\nconfig:\n  seed: 1\n{BOMB}",
    "twice": "stage: sample\nstage: ppo\n",
    "tabs": "stage: sample\nconfig:\n\tseed: 1\n",
}


@pytest.mark.parametrize("kind", YAML)
@pytest.mark.parametrize("content_type", ["application/yaml", "application/x-yaml", "text/yaml", "application/json"])
def test_a43_a_config_in_yaml_is_refused_unread(client, mia, project, tmp_path, kind, content_type):
    client.force_login(mia)
    marker = tmp_path / "marker"

    answer = client.post(
        reverse("api_runs", args=[project.slug]), YAML[kind].format(marker=marker), content_type=content_type
    )

    error = answer.json()["errors"][0]["message"]
    if content_type == "application/json":
        assert (answer.status_code, "is not JSON" in error, "line 1, column 1" in error) == (400, True, True)
    else:
        assert (answer.status_code, "application/json" in error) == (415, True)
    assert not marker.exists()
    assert not project.runs.exists()


@pytest.mark.parametrize("kind", YAML)
def test_a43_yaml_is_no_import(client, lee, project, tmp_path, kind):
    client.force_login(lee)
    marker = tmp_path / "marker"
    file = SimpleUploadedFile("comparisons.yaml", YAML[kind].format(marker=marker).encode())

    page = client.post(reverse("import", args=[project.slug]), {"kind": "comparisons", "file": file})

    assert page.status_code == 422
    assert "comparisons.yaml" in page.content.decode()
    assert not marker.exists()
    assert not project.comparisons.exists()


def test_a70_a_session_is_new_after_signing_in_and_dead_after_leaving(client, ana):
    client.get("/login/")
    client.cookies["sessionid"] = "fixed-by-an-attacker"
    client.post("/login/", {"username": "ana", "password": PASSWORD})
    held = client.cookies["sessionid"].value

    client.post("/logout/")
    client.cookies["sessionid"] = held

    assert held != "fixed-by-an-attacker"
    assert client.get("/").status_code == 302
    assert client.get("/").url.startswith("/login/")


def test_a70_a_changed_password_ends_the_sessions_that_were_open(client, ana):
    client.post("/login/", {"username": "ana", "password": PASSWORD})
    ana.user.set_password("another horse battery")
    ana.user.save()

    assert client.get("/").url.startswith("/login/")


def test_a70_a_right_that_was_taken_away_is_gone_at_once(client, rex, project):
    client.force_login(rex)
    assert client.get("/staff/").status_code == 200

    rex.groups.clear()

    assert client.get("/staff/").status_code == 403


def test_a70_the_sessions_cookie_is_out_of_reach_of_scripts_and_other_sites(client, ana):
    client.post("/login/", {"username": "ana", "password": PASSWORD})

    cookie = client.cookies["sessionid"]

    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


@pytest.mark.security
@pytest.mark.parametrize("role", [None, "annotator", "admin"])
def test_a71_every_answer_has_its_headers(client, world, accounts, role):  # noqa: F811
    if role:
        client.force_login(accounts[role])
    paths = [url(name, world) for method, name in TABLE if method == "GET"] + ["/nowhere/", "/api/v1/nowhere/"]

    answers = {path: client.get(path) for path in paths}

    expected = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Permissions-Policy": NO_DEVICES,
    }
    wrong = {
        (path, name): answer.get(name)
        for path, answer in answers.items()
        for name, value in expected.items()
        if answer.get(name) != value
    }
    assert wrong == {}
    policies = {path: answer["Content-Security-Policy"] for path, answer in answers.items()}
    assert [path for path, policy in policies.items() if "frame-ancestors 'none'" not in policy] == []
    assert [path for path, answer in answers.items() if answer.has_header("Server")] == []


def test_a16_two_installations_have_different_keys(tmp_path, monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    keys = []
    for n in range(2):
        (tmp_path / str(n)).mkdir()
        keys.append(reading.secret_key(tmp_path / str(n)))
    modes = [(tmp_path / str(n) / "secret_key").stat().st_mode & 0o777 for n in range(2)]

    assert keys[0] != keys[1]
    assert modes == [0o600, 0o600]
    assert min(map(len, keys)) >= 50


@pytest.mark.parametrize("weak", ["changeme", "xy" * 40, f"django-insecure-{ALPHABET}", ALPHABET[:31]])
def test_a16_a_key_that_can_be_guessed_is_refused_before_anything_starts(weak, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", weak)

    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY: expected at least 32 characters") as refusal:
        reading.secret_key(tmp_path)

    assert weak not in str(refusal.value)
    monkeypatch.setenv("SECRET_KEY", strong := token_urlsafe(50))
    assert reading.secret_key(tmp_path) == strong


def tried(client, name, password, **more):
    return client.post(reverse("login"), {"username": name, "password": password}, **more)


def test_a46_guessing_one_password_closes_that_name_from_that_address_only(client, ana):
    found = [tried(client, "ana", f"guess {n}") for n in range(20)]

    assert [response.status_code for response in found] == [200] * 4 + [429] * 16
    assert found[-1]["Retry-After"] == "900"
    assert tried(client, "ana", PASSWORD).status_code == 429
    assert tried(client, "ana", PASSWORD, REMOTE_ADDR="203.0.113.9").status_code == 302


def test_a46_a_forged_address_is_not_believed(client, ana):
    found = [tried(client, "ana", f"guess {n}", headers={"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(20)]

    assert [response.status_code for response in found] == [200] * 4 + [429] * 16


def test_a46_one_guess_at_each_of_many_names_is_slowed_down(client):
    found = [tried(client, f"somebody {n}", "password1") for n in range(200)]

    refused = [response for response in found if response.status_code == 429]
    assert 80 <= len(refused) < 120
    assert int(refused[-1]["Retry-After"]) > 0


def test_a47_what_was_accepted_before_the_limit_is_kept(client, place, monkeypatch):
    monkeypatch.setitem(limits.LIMITED, "rank", Limit("answers", burst=1, per_minute=6))
    client.force_login(place.annotator.user)
    sent = {f"rank-{label}": "1" for label in labels(place).values()}

    found = [client.post(reverse("rank", args=[place.pk]), sent | {"submission": str(uuid4())}) for _ in range(3)]

    assert found[0].status_code in (200, 302, 303)
    assert [(answer.status_code, answer["Retry-After"]) for answer in found[1:]] == [(429, "10")] * 2
    assert Ranking.objects.get().annotator == place.annotator
