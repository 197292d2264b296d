"""The current rankings as arrays: each annotator's last word on a comparison, read in one query.

A ranking that was revised is in no figure.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from django.db.models import QuerySet

from annotate import columns, preferences
from annotate.columns import Rankings
from annotate.models import Annotator, Project, Ranking
from annotate.quality.arrays import Floats, Ints
from annotate.quality.ranking import PairCounts, PairVotes, pair_counts, pair_votes


class Current(NamedTuple):
    """Pair votes, their counts, and for each ranking the code of its annotator and its seconds (NaN where unknown)."""

    votes: PairVotes
    counts: PairCounts
    annotator: Ints
    seconds: Floats


def rankings_of(project: Project, *, origins: Collection[str] | None = None) -> QuerySet[Ranking]:
    """Return a project's current rankings, by everybody or by annotators of some origins (models.Origin)."""
    found = preferences.current_rankings(project)
    return found if origins is None else found.filter(annotator__origin__in=origins)


def people_of(rankings: QuerySet[Ranking]) -> list[Annotator]:
    """Return the annotators of the rankings by id: the order of `votes.annotator_ids`."""
    return list(Annotator.objects.filter(pk__in=rankings.order_by().values("annotator")).order_by("pk"))


def read(rankings: QuerySet[Ranking]) -> Current:
    """Return rankings of one project as pair votes, in one query."""
    return _current(columns.read(rankings))


def read_by_project(rankings: QuerySet[Ranking]) -> dict[int, Current]:
    """Return rankings of several projects, by project id, in one query."""
    found = columns.read(rankings)
    return {int(pk): _current(columns.some(found, found.project == pk)) for pk in np.unique(found.project)}


def _current(found: Rankings) -> Current:
    votes = pair_votes(found.ranked)
    return Current(
        votes=votes,
        counts=pair_counts(votes),
        annotator=np.searchsorted(votes.annotator_ids, found.annotator).astype(np.int64),
        seconds=found.seconds,
    )
