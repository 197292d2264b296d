"""The staff's second factor: a code from an authenticator app (TOTP, RFC 6238), or a recovery code, once each.

Asked of every account with a role of the staff where MFA_REQUIRED says so. API tokens are made behind it and do not ask
again. Secrets of the app are kept by django-otp, which refuses a code used before and slows down guessing; recovery
codes are kept as hashes only.
"""

import hashlib
import secrets
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django_otp.plugins.otp_totp.models import TOTPDevice

from annotate import access, audit
from operations.models import RecoveryCode

PASSED = "second_factor"  # in the session: the device by which it was passed
OPEN = {"login", "logout", "set_language", "second_factor", "healthz", "readyz", "metrics"}
CODES, CODE_CHARS = 10, 16
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that reads like something else; 16 of them: 79 bits


class AskedOfStaff:
    """Middleware: send staff to the second factor. It asks nothing more of the database for anybody else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        if not settings.MFA_REQUIRED or request.resolver_match.view_name in OPEN or has_passed(request):
            return None
        if request.resolver_match.route.startswith("api/"):
            return JsonResponse({"errors": [{"field": "", "message": "Sign in with your second factor."}]}, status=403)
        return redirect(f"{reverse('second_factor')}?{urlencode({'next': request.get_full_path()})}")


def has_passed(request: HttpRequest) -> bool:
    """Say whether the session may go on: nobody's of the staff, or passed by a device that is still there."""
    if not access.has_role(request.user, *access.STAFF):
        return True
    device = request.session.get(PASSED)
    return device is not None and _devices(request.user).filter(pk=device).exists()


def device_of(user: User) -> TOTPDevice | None:
    """Return the account's confirmed device."""
    return _devices(user).first()


def device_to_enrol(user: User) -> TOTPDevice:
    """Return the device that the account is about to confirm, made at first sight: the page may be loaded twice."""
    device, _ = TOTPDevice.objects.get_or_create(user=user, confirmed=False, defaults={"name": "authenticator"})
    return device


def enrol(request: HttpRequest, code: str) -> list[str] | None:
    """Confirm the device with a code from it and return the recovery codes; None where the code is wrong."""
    with transaction.atomic():
        device = TOTPDevice.objects.select_for_update().get(pk=device_to_enrol(request.user).pk)
        if device_of(request.user) or not _is_right(device, code):
            return None
        device.confirmed = True
        device.save()
        codes = _new_codes(request.user)
        audit.record(audit.Kind.SECOND_FACTOR_SET, f"account {request.user.pk}")
    _pass(request, device)
    return codes


def verify(request: HttpRequest, code: str) -> bool:
    """Pass the session by a code of the device, or by a recovery code, which is used up."""
    with transaction.atomic():
        device = _devices(request.user).select_for_update().first()
        if device is None or not (_is_right(device, code) or _use_recovery_code(request.user, code)):
            return False
    _pass(request, device)
    return True


def reset(user: User) -> None:
    """Take the second factor from an account, whose sessions must pass a new one."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).delete()
        RecoveryCode.objects.filter(user=user).delete()
        audit.record(audit.Kind.SECOND_FACTOR_RESET, f"account {user.pk}")


def _devices(user: User):
    return TOTPDevice.objects.filter(user=user.pk, confirmed=True)


def _is_right(device: TOTPDevice, code: str) -> bool:
    return code.isascii() and code.isdigit() and device.verify_is_allowed()[0] and device.verify_token(code)


def _new_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARS)) for _ in range(CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, sha256=_hash(user, code)) for code in codes)
    return ["-".join(code[at : at + 4] for at in range(0, CODE_CHARS, 4)) for code in codes]


def _use_recovery_code(user: User, code: str) -> bool:
    plain = code.replace("-", "").replace(" ", "").lower()
    deleted, _ = RecoveryCode.objects.filter(user=user, sha256=_hash(user, plain)).delete()
    return deleted == 1


def _hash(user: User, code: str) -> str:
    """Codes are random enough (79 bits) that a plain hash cannot be searched."""
    return hashlib.sha256(f"{user.pk}:{code}".encode()).hexdigest()


def _pass(request: HttpRequest, device: TOTPDevice) -> None:
    request.session.cycle_key()
    request.session[PASSED] = device.pk
