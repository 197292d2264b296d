"""Sessions of staff end when nobody is there, and after a day; annotators' go on."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as configured
from django.urls import reverse

from operations import sessions
from rlhf.models import Checkpoint, Run, Snapshot

MINUTE, HOUR = 60, 3600


@pytest.fixture
def clock(monkeypatch, settings):
    """A clock that is moved by hand, and the limits of a place with HTTPS."""
    settings.STAFF_IDLE_MINUTES, settings.STAFF_SESSION_HOURS = 30, 12
    now = [1_000_000.0]
    monkeypatch.setattr(sessions.time, "time", lambda: now[0])

    def go_on(seconds):
        now[0] += seconds

    return go_on


def is_signed_in(client):
    return client.get(reverse("projects")).status_code == 200


def test_staff_who_are_away_are_signed_out_and_told_why(client, clock, rex):
    client.force_login(rex)
    assert is_signed_in(client)

    clock(31 * MINUTE)
    page = client.get(reverse("projects"), follow=True)

    assert page.redirect_chain[0][0].startswith("/login/?next=")
    assert "You were signed out after 30 minutes without a sign of you." in page.content.decode()
    assert not is_signed_in(client)


def test_staff_who_work_stay_until_the_day_is_over(client, clock, rex):
    client.force_login(rex)
    for _ in range(12 * 3):
        assert is_signed_in(client)
        clock(20 * MINUTE)
    clock(MINUTE)

    page = client.get(reverse("projects"), follow=True)

    assert "You were signed out after 12 hours." in page.content.decode()


def test_what_a_page_asks_for_by_itself_is_no_sign_of_a_person(client, clock, mia, project):
    snapshot = Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts={})
    base = Checkpoint.objects.create(kind="base", name="b", path="models/b", manifest_sha256="m" * 64, size_bytes=1)
    a_run = Run.objects.create(project=project, stage="sft", config={}, snapshot=snapshot, base=base)
    client.force_login(mia)
    assert is_signed_in(client)
    for _ in range(6):
        clock(5 * MINUTE)
        assert client.get(reverse("run_live", args=[a_run.pk])).status_code == 200
        assert client.get(reverse("freezing_live", args=[project.slug])).status_code == 200

    clock(MINUTE)

    assert client.get(reverse("run_live", args=[a_run.pk])).status_code == 302


def test_a_form_of_a_session_that_is_over_changes_nothing(client, clock, lee, project):
    client.force_login(lee)
    assert is_signed_in(client)
    clock(31 * MINUTE)

    answer = client.post(reverse("pay", args=[project.slug]), {"pay_per_hour": "1", "currency": "GBP"})

    assert answer.url.startswith("/login/")
    assert not project.pay_rates.exists()


def test_the_api_says_401_to_a_session_that_is_over(client, clock, lee):
    client.force_login(lee)
    assert client.get(reverse("api_projects")).status_code == 200

    clock(31 * MINUTE)

    assert client.get(reverse("api_projects")).status_code == 401


def test_annotators_may_think_for_an_hour(client, clock, ana):
    client.force_login(ana.user)
    client.get(reverse("home"))

    clock(13 * HOUR)

    assert client.get(reverse("home")).status_code == 200


def test_without_limits_nobody_is_signed_out(client, clock, settings, rex):
    settings.STAFF_IDLE_MINUTES = settings.STAFF_SESSION_HOURS = 0
    client.force_login(rex)
    assert is_signed_in(client)

    clock(48 * HOUR)

    assert is_signed_in(client)


def test_with_https_cookies_are_of_this_host_alone(tmp_path):
    """In a process of its own: the settings are read at the start."""
    names = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "STAFF_IDLE_MINUTES")
    asked = f"from django.conf import settings; print(*(getattr(settings, name) for name in {names}))"
    env = os.environ | {"HTTPS": "1", "ALLOWED_HOSTS": "concord.example.org", "CONCORD_DATA_DIR": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", asked],
        env=env,
        cwd=configured.BASE_DIR,
        capture_output=True,
        text=True,
    )

    assert done.stdout.split() == ["__Host-sessionid", "__Host-csrftoken", "30"], done.stderr
