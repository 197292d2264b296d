"""The outermost middleware: numbers each request, measures it, and writes its line. It asks the database nothing."""

import logging
import re
import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from operations import logs, measures
from operations.addresses import client_address

log = logging.getLogger("concord.request")
GIVEN = re.compile(r"[A-Za-z0-9_-]{8,64}")
"""A request id that our proxy may have given; anything else is replaced."""


def numbered(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Give the request an id, which stands in its log lines and in the header X-Request-ID of the response."""

    def answer(request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID", "") if settings.PROXY_COUNT else ""
        number = given if GIVEN.fullmatch(given) else secrets.token_hex(8)
        mark = logs.request_id.set(number)
        try:
            response = get_response(request)
            response["X-Request-ID"] = number
            _tell(request, response, time.perf_counter() - began)
        finally:
            logs.request_id.reset(mark)
        return response

    return answer


def _tell(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    found = request.resolver_match
    view = (found.view_name if found else "") or "none"
    measures.count_request(view, request.method or "", response.status_code, seconds)
    if not log.isEnabledFor(logging.INFO):
        return
    user = getattr(request, "_cached_user", None)  # who is signed in, where the view asked; nobody asks for the log
    log.info(
        "%s %s %s",
        request.method,
        view,
        response.status_code,
        extra={
            "method": request.method,
            "view": view,
            "status": response.status_code,
            "seconds": round(seconds, 4),
            "address": client_address(request),
            "account": getattr(user, "pk", None),
        },
    )
