"""How an answer was made: seconds of active work, and which completions were read to their end.

The page measures both, so they are claims: nonsense is dropped, never refused, and no time is longer than the clock's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from annotate.answers import Answer

ACTIVE_FIELD, READ_FIELD = "active_seconds", "read"


def added(answer: Answer, sent: Mapping[str, str], *, order: Sequence[int], since: datetime | None) -> Answer:
    """Return an answer with what the page, which showed completions in this order, measured since a moment."""
    wall_seconds = (timezone.now() - since).total_seconds() if since else None
    return replace(
        answer,
        active_seconds=active_seconds(sent.get(ACTIVE_FIELD, ""), wall_seconds=wall_seconds),
        read=tuple(sorted(read(sent.get(READ_FIELD, "")) & set(order))),
    )


def added_again(
    answer: Answer, sent: Mapping[str, str], *, order: Sequence[int], earlier: Answer, since: datetime
) -> Answer:
    """Return a changed answer with what the page measured now and what was measured for the earlier one."""
    now = added(answer, sent, order=order, since=since)
    seconds = (earlier.active_seconds or 0.0) + (now.active_seconds or 0.0)
    return replace(now, active_seconds=round(seconds, 1) or None, read=tuple(sorted({*earlier.read, *now.read})))


def active_seconds(text: str, *, wall_seconds: float | None) -> float | None:
    """Return the seconds that a page claims, at most those that have passed; None for what is no time.

    >>> [active_seconds(text, wall_seconds=60) for text in ("12.5", "99", "nan")]
    [12.5, 60.0, None]
    """
    try:
        seconds = float(text[:40])
    except ValueError:
        return None
    if wall_seconds is None or not math.isfinite(seconds) or seconds <= 0:
        return None
    return round(min(seconds, max(float(wall_seconds), 0.0)), 1)


def read(text: str) -> set[int]:
    """Return the ids in «12 15 17»; what is no id is dropped."""
    return {int(word) for word in text[:1000].split() if word.isascii() and word.isdigit()}
