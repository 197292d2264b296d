"""How an answer was made: seconds of active work, and which completions were read to their end.

The page measures both, so they are claims: nonsense is dropped, never refused, and no time is longer than the clock's.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from annotate.answers import Answer

ACTIVE_FIELD, READ_FIELD = "active_seconds", "read"


def added(answer: Answer, sent: Mapping[str, str], *, labels: Mapping[int, str], since: datetime | None) -> Answer:
    """Return an answer with what the page, which showed completions under these letters, measured since a moment."""
    wall_seconds = (timezone.now() - since).total_seconds() if since else None
    return replace(
        answer,
        active_seconds=active_seconds(sent.get(ACTIVE_FIELD, ""), wall_seconds=wall_seconds),
        read=read(sent.get(READ_FIELD, ""), labels=labels),
    )


def added_again(
    answer: Answer, sent: Mapping[str, str], *, labels: Mapping[int, str], earlier: Answer, since: datetime
) -> Answer:
    """Return a changed answer with what the page measured now and what was measured for the earlier one."""
    now = added(answer, sent, labels=labels, since=since)
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


def read(text: str, *, labels: Mapping[int, str]) -> tuple[int, ...]:
    """Return the completions whose letters stand in «A C D», by id; what is no letter of the page is dropped.

    >>> read("C A Z", labels={7: "A", 3: "B", 5: "C"})
    (5, 7)
    """
    said = set(text[:1000].split())
    return tuple(sorted(pk for pk, label in labels.items() if label in said))
