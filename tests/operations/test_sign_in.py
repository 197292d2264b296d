"""Signing in: closed after wrong passwords, with a second factor for staff."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_otp.oath import totp

from annotate import audit
from annotate.models import AuditEntry
from operations import second_factor
from operations.models import RecoveryCode
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def sign_in(client, name, password, **more):
    return client.post(reverse("login"), {"username": name, "password": password}, **more)


@pytest.fixture
def required(settings):
    settings.MFA_REQUIRED = True


def code_of(user, *, steps=0):
    """The code that the account's app shows, so many steps of 30 seconds from now."""
    device = second_factor.device_of(user) or second_factor.device_to_enrol(user)
    return f"{totp(device.bin_key, drift=steps):06d}"


@pytest.fixture
def enrolled(client, lee, required):
    """Lee, signed in and enrolled; the recovery codes."""
    client.force_login(lee)
    page = client.post(reverse("second_factor"), {"code": code_of(lee, steps=-1)})
    return page.context["codes"]


def test_five_wrong_passwords_close_the_name_from_that_address(client, ana):
    for _ in range(5):
        last = sign_in(client, "ana", "wrong")

    right = sign_in(client, "ana", PASSWORD, headers={"Accept-Language": "zh-hans"})

    assert last.status_code == 429
    assert right.status_code == 429
    assert "密码错误次数过多" in right.content.decode()


def test_nobody_locks_somebody_out_from_elsewhere(client, ana):
    for _ in range(5):
        sign_in(client, "ana", "wrong")

    assert sign_in(client, "ana", PASSWORD, REMOTE_ADDR="203.0.113.9").status_code == 302


def test_one_student_does_not_lock_out_the_class(client, ana, ben):
    for _ in range(5):
        sign_in(client, "ana", "wrong")

    assert sign_in(client, "ben", PASSWORD).status_code == 302


def test_behind_a_proxy_each_client_has_a_lock_of_its_own(client, ana, settings):
    settings.PROXY_COUNT = 1
    for _ in range(5):
        sign_in(client, "ana", "wrong", headers={"X-Forwarded-For": "1.2.3.4, 198.51.100.7"})

    same = sign_in(client, "ana", PASSWORD, headers={"X-Forwarded-For": "9.9.9.9, 198.51.100.7"})
    other = sign_in(client, "ana", PASSWORD, headers={"X-Forwarded-For": "1.2.3.4, 198.51.100.8"})

    assert (same.status_code, other.status_code) == (429, 302)


def test_the_admin_sites_own_login_is_closed_too(client, lee):
    for _ in range(5):
        client.post(reverse("admin:login"), {"username": "lee", "password": "wrong"})

    assert client.post(reverse("admin:login"), {"username": "lee", "password": PASSWORD}).status_code == 429


def test_staff_are_sent_to_the_second_factor_and_come_back(client, lee, required):
    client.force_login(lee)

    sent = client.get(reverse("projects"), {"page": 2})
    refused = client.get("/api/v1/me/")
    admin = client.get(reverse("admin:index"))

    assert sent.url == f"{reverse('second_factor')}?next=%2Fstaff%2F%3Fpage%3D2"
    assert refused.status_code == 403
    assert admin.url.startswith(reverse("second_factor"))


def test_annotators_are_not_asked_and_pay_no_statement_for_it(client, ana, settings, django_assert_num_queries):
    client.force_login(ana.user)
    with CaptureQueriesContext(connection) as without:
        client.get(reverse("home"))
    settings.MFA_REQUIRED = True

    with django_assert_num_queries(len(without)):
        assert client.get(reverse("home")).status_code == 200


def test_staff_set_up_their_device_with_a_picture_made_here(client, lee, required):
    client.force_login(lee)

    page = client.get(reverse("second_factor")).content.decode()
    wrong = client.post(reverse("second_factor"), {"code": "000000"})

    assert "<svg" in page and "<path" in page
    assert wrong.status_code == 422
    assert client.get(reverse("projects")).status_code == 302


def test_a_confirmed_device_opens_the_session_and_stands_in_the_log(client, enrolled, lee):
    assert client.get(reverse("projects")).status_code == 200
    assert len(enrolled) == 10
    assert AuditEntry.objects.filter(kind=audit.Kind.SECOND_FACTOR_SET, by=lee).exists()


def test_a_new_session_is_asked_and_a_code_works_once(client, enrolled, lee, settings):
    settings.OTP_TOTP_THROTTLE_FACTOR = 0
    client.force_login(lee)  # begins a session anew
    client.session.flush()
    client.force_login(lee)
    code = code_of(lee)
    passed = client.post(reverse("second_factor"), {"code": code, "next": "/staff/"})
    client.session.flush()
    client.force_login(lee)

    again = client.post(reverse("second_factor"), {"code": code})

    assert passed.url == "/staff/"
    assert again.status_code == 422


def test_a_recovery_code_works_once_and_is_kept_as_a_hash(client, enrolled, lee):
    client.session.flush()
    client.force_login(lee)

    passed = client.post(reverse("second_factor"), {"code": enrolled[0].upper()})
    client.session.flush()
    client.force_login(lee)
    again = client.post(reverse("second_factor"), {"code": enrolled[0]})

    assert (passed.status_code, again.status_code) == (302, 422)
    assert RecoveryCode.objects.filter(user=lee).count() == 9
    assert not RecoveryCode.objects.filter(sha256__in=enrolled).exists()


def test_the_way_on_leads_nowhere_else(client, enrolled, lee):
    client.session.flush()
    client.force_login(lee)

    passed = client.post(reverse("second_factor"), {"code": enrolled[0], "next": "https://evil.example/"})

    assert passed.url == "/"


def test_a_reset_closes_the_sessions_that_the_device_opened(client, enrolled, lee):
    call_command("reset_second_factor", "lee", verbosity=0)

    assert client.get(reverse("projects")).status_code == 302
    assert AuditEntry.objects.filter(kind=audit.Kind.SECOND_FACTOR_RESET).exists()


def test_djangos_own_check_for_deployment_finds_nothing():
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env=os.environ | {"HTTPS": "1", "ALLOWED_HOSTS": "concord.example.org"},
        cwd=site.BASE_DIR,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
