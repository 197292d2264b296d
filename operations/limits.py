"""How often somebody may do something: token buckets in the database, so that all web processes share them.

The only writer of Bucket. A process takes a handful of tokens in one statement and spends them from its own memory, so
an annotator's submission pays for a statement once in many times. What a process does not spend is lost, never given
twice: nobody gets more than the limit says.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from operations.addresses import client_address
from operations.models import Bucket

HANDFUL = 0.1  # of a bucket, at a time
MOST_PURSES = 20_000
UNUSED_SECONDS = 86_400

TAKE = """
INSERT INTO operations_bucket (key, tokens, at) VALUES (%(key)s, %(size)s - %(n)s, %(now)s)
ON CONFLICT (key) DO UPDATE SET
    tokens = {least}(%(size)s, operations_bucket.tokens + {most}(0, %(now)s - operations_bucket.at) * %(rate)s) - %(n)s,
    at = {most}(operations_bucket.at, %(now)s)
WHERE {least}(%(size)s, operations_bucket.tokens + {most}(0, %(now)s - operations_bucket.at) * %(rate)s) >= %(n)s
"""


@dataclass(frozen=True)
class Limit:
    """`burst` times at once, then `per_minute`. By account, or by address where nobody need be signed in."""

    name: str
    burst: int
    per_minute: int
    by_address: bool = False


ANSWERS = Limit("answers", burst=3000, per_minute=600)
DRAFTS = Limit("drafts", burst=3000, per_minute=900)
"""Against programs that run wild: whether somebody answers too hastily to have read is judged by quality/haste."""
NEXT = Limit("next", burst=3000, per_minute=900)
DOWNLOADS = Limit("downloads", burst=60, per_minute=20)
"""Each makes its file anew: a loop of them would keep a web process busy."""
API = Limit("api", burst=3000, per_minute=3000)
ENTRY = Limit("entry", burst=200, per_minute=60, by_address=True)
"""Invitation links: a class of students comes in from one address."""
SIGN_IN = Limit("sign-in", burst=100, per_minute=20, by_address=True)
"""Beside the lock of django-axes, which counts failures by name and address: this one slows many names from one."""
SECOND_FACTOR = Limit("second factor", burst=10, per_minute=2)

LIMITED = {
    "rank": ANSWERS,
    "skip": ANSWERS,
    "revise": ANSWERS,
    "report": ANSWERS,
    "dispute": ANSWERS,
    "rank_next": NEXT,
    "export_download": DOWNLOADS,
    "consistency_download": DOWNLOADS,
    "pay_export": DOWNLOADS,
    "checkpoint_download": DOWNLOADS,
    "draft": DRAFTS,
    "join": ENTRY,
    "crowd_enter": ENTRY,
    "login": SIGN_IN,
    "admin:login": SIGN_IN,
    "second_factor": SECOND_FACTOR,
}
"""By the name of the view; what only reads is not limited, except where it costs much or a secret could be guessed."""
READS = {name for name, limit in LIMITED.items() if limit in (ENTRY, NEXT, DOWNLOADS)}

_purses: dict[str, int] = {}


class Limited:
    """Middleware: 429 for who is too quick, before the view is entered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        name = request.resolver_match.view_name
        limit = LIMITED.get(name)
        if limit is None or (request.method != "POST" and name not in READS):
            return None
        if (wait := seconds_to_wait(limit, _who(limit, request))) == 0:
            return None
        response = render(request, "429.html", {"seconds": wait}, status=429)
        response["Retry-After"] = str(wait)
        return response


def seconds_to_wait(limit: Limit, who: object, *, now: float | None = None) -> int:
    """Take a token and return 0; where none is left, return after how many seconds there will be one."""
    factor = settings.RATE_LIMIT_FACTOR
    if not factor:
        return 0
    key = f"{limit.name}:{who}"
    if _purses.get(key, 0) > 0:
        _purses[key] -= 1
        return 0
    size, rate = limit.burst * factor, limit.per_minute * factor / 60
    moment = time.time() if now is None else now
    handful = max(1, int(size * HANDFUL))
    if _take(key, handful, size=size, rate=rate, now=moment):
        _keep(key, handful - 1)
        return 0
    if _take(key, 1, size=size, rate=rate, now=moment):
        return 0
    return ceil(1 / rate)


def forget() -> None:
    """Empty this process's memory: what it took from the buckets is lost."""
    _purses.clear()


def delete_unused(*, now: float | None = None) -> int:
    """Delete buckets that nobody has used for a day: they are full again."""
    deleted, _ = Bucket.objects.filter(at__lt=(now or time.time()) - UNUSED_SECONDS).delete()
    return deleted


def _who(limit: Limit, request: HttpRequest) -> object:
    if limit.by_address or not request.user.is_authenticated:
        return client_address(request)
    return request.user.pk


def _take(key: str, n: int, *, size: float, rate: float, now: float) -> bool:
    least, most = ("MIN", "MAX") if connection.vendor == "sqlite" else ("LEAST", "GREATEST")
    with connection.cursor() as cursor:
        values = {"key": key, "n": n, "size": size, "rate": rate, "now": now}
        cursor.execute(TAKE.format(least=least, most=most), values)
        return cursor.rowcount == 1


def _keep(key: str, n: int) -> None:
    if len(_purses) >= MOST_PURSES:
        _purses.clear()
    _purses[key] = n
