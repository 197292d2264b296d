"""Sessions of staff end: after a while without a sign of them, and after a day. An annotator's lasts two weeks.

What a page asks for by itself is no sign of a person. Off where the settings are 0, as they are without HTTPS.
"""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from annotate import access

BEGAN, SEEN = "began_at", "seen_at"  # in the session, in seconds since 1970
SEEN_EVERY_SECONDS = 60
ASKED_BY_PAGES = {"run_live", "run_metrics", "freezing_live"}


class EndedForStaff:
    """Middleware: sign staff out whose session is over; they meet the login page, and scripts 401."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> None:
        is_limited = settings.STAFF_IDLE_MINUTES or settings.STAFF_SESSION_HOURS
        if not is_limited or not access.has_role(request.user, *access.STAFF):
            return
        now, session = time.time(), request.session
        began, seen = session.setdefault(BEGAN, now), session.setdefault(SEEN, now)
        if why := _over(now - began, now - seen):
            logout(request)
            messages.warning(request, f"You were signed out {why}. Sign in to go on.")
        elif now - seen >= SEEN_EVERY_SECONDS and request.resolver_match.view_name not in ASKED_BY_PAGES:
            session[SEEN] = now


def _over(age: float, idle: float) -> str:
    """Return why a session is over; "" where it is not."""
    if settings.STAFF_IDLE_MINUTES and idle > settings.STAFF_IDLE_MINUTES * 60:
        return f"after {settings.STAFF_IDLE_MINUTES} minutes without a sign of you"
    if settings.STAFF_SESSION_HOURS and age > settings.STAFF_SESSION_HOURS * 3600:
        return f"after {settings.STAFF_SESSION_HOURS} hours"
    return ""
