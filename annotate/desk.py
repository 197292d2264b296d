"""The reviewer's desk: the disputed comparisons of a project in the order in which they are to be ruled on. Reads only.

What still collects rankings waits: a dispute is ruled on when its places are filled. The least agreement comes first,
or what a ruling would tell most about: the doubt that the votes leave on its pairs, in bits.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from annotate import policy, statistics
from annotate.consistency.listing import Listed, listed
from annotate.models import Assignment, Project, Tally
from annotate.verdicts import Status

State = Assignment.State
AGREEMENT, INFORMATION = "agreement", "information"
SORTS = (AGREEMENT, INFORMATION)
SHOWN = 50
MOST_WEIGHED = 5_000
"""Of so many disputed comparisons, the least agreement first, the doubt is reckoned; the others follow them."""


@dataclass(frozen=True)
class Case:
    """A disputed comparison; `bits` is the doubt on its pairs, `waiting_count` counts its places not filled yet."""

    listed: Listed
    bits: float
    waiting_count: int

    @property
    def is_ready(self) -> bool:
        return self.waiting_count == 0


@dataclass(frozen=True)
class Desk:
    """What lies on the desk of a project, by id in order: what is ready, what waits; and how many were ruled on."""

    ready: list[int]
    waiting: list[int]
    ruled_count: int
    sort: str


def of(project: Project, *, sort: str = AGREEMENT) -> Desk:
    """Return a project's desk, in a fixed number of queries."""
    disputed = statistics.listing(project, status=Status.DISPUTED)
    unfilled = Exists(_unfilled().filter(comparison=OuterRef("comparison_id")))
    waits = dict(disputed.annotate(waits=unfilled).values_list("pk", "waits"))
    ids = _ordered(disputed, list(waits), sort)
    return Desk(
        ready=[pk for pk in ids if not waits[pk]],
        waiting=[pk for pk in ids if waits[pk]],
        ruled_count=statistics.status_counts(project).get(Status.ADJUDICATED, 0),
        sort=sort,
    )


def cases(desk: Desk) -> list[Case]:
    """Return what is on top of the desk, in a fixed number of queries."""
    shown = [*desk.ready, *desk.waiting][:SHOWN]
    tallies = Tally.objects.in_bulk(shown)
    waiting = dict(_unfilled().filter(comparison__in=shown).values_list("comparison").annotate(n=Count("pk")))
    about = listed(tallies[pk] for pk in shown)
    return [Case(one, doubt(tallies[pk].pairs), waiting.get(pk, 0)) for pk, one in zip(shown, about, strict=True)]


def doubt(pairs: Iterable[Sequence[int]]) -> float:
    """Return what is open on the pairs of a tally, in bits: 0 where all agree, 1 a pair that is split in two.

    >>> doubt([(7, 8, 1, 0, 1), (7, 9, 0, 2, 0)])
    1.0
    """
    return sum(policy.doubt(plus, tie, minus) for _, _, plus, tie, minus in pairs)


def next_after(ready: Sequence[int], comparison_id: int | None) -> int | None:
    """Return the comparison that follows one on the desk, or the first; None where no other is ready.

    A ruled comparison is on the desk no longer: what follows it is what now comes first.
    """
    if comparison_id not in ready:
        return ready[0] if ready else None
    place = ready.index(comparison_id)
    others = [*ready[place + 1 :], *ready[:place]]
    return others[0] if others else None


def _ordered(disputed: QuerySet[Tally], ids: list[int], sort: str) -> list[int]:
    """The ids, which stand by agreement, in the order of the desk."""
    if sort != INFORMATION:
        return ids
    found = disputed.annotate(text=Cast("pairs", TextField())).values_list("pk", "text")[:MOST_WEIGHED]
    bits = {pk: doubt(json.loads(text)) for pk, text in found}
    return sorted(ids, key=lambda pk: -bits.get(pk, 0.0))


def _unfilled() -> QuerySet[Assignment]:
    """Places that nobody has filled; said so that each of the two partial indexes answers its half."""
    return Assignment.objects.filter(Q(state=State.OPEN) | Q(state=State.RESERVED), slot__isnull=False).order_by()
