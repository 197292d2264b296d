"""Where the artefact store does not answer, a page says so: nothing was stored, and it can be asked for again."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from rlhf import store

log = logging.getLogger(__name__)


class StoreAway:
    """Middleware: 503 where a view met store.Unreachable."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        if not isinstance(problem, store.Unreachable):
            return None
        log.error("%s", problem)
        if request.path.startswith("/api/"):
            said = "The artefact store does not answer; nothing was stored. Send it again later."
            return JsonResponse({"errors": [{"field": "", "message": said}]}, status=503)
        return render(request, "training/store_away.html", status=503)
