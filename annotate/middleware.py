"""Redirects that a script can read: `fetch` hides where a redirect goes, and following it would use up the read-back.

A request with the header `Outbox` gets 204 and the address in `Next-Page`; offline.js sends it and goes there.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def readable_redirects(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer requests of the outbox with the address of the next page instead of a redirect to it."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code != 302 or "Outbox" not in request.headers:
            return response
        plain = HttpResponse(status=204, headers={"Next-Page": response.headers["Location"]})
        plain.cookies = response.cookies
        return plain

    return answer
