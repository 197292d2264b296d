"""The current rankings as arrays: each annotator's last word on a comparison, read in one query.

A ranking that was revised is in no figure.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from django.db.models import QuerySet

from annotate import preferences
from annotate.models import Annotator, Project, Ranking
from annotate.quality.arrays import Floats, Ints
from annotate.quality.ranking import PairCounts, PairVotes, RankingRow, pair_counts, pair_votes, ranked_completions


class Stored(NamedTuple):
    """A ranking as it was read; `seconds` is NaN where unknown."""

    project: int
    seconds: float
    row: RankingRow


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


def stream(rankings: QuerySet[Ranking]) -> Iterator[Stored]:
    """Yield the rankings in one query, a chunk at a time."""
    columns = ["comparison_id", "comparison__prompt_id", "annotator_id", "tiers", "assignment__order"]
    stored = rankings.order_by("pk").values_list("comparison__project_id", "seconds", *columns)
    for project, seconds, *row in stored.iterator(chunk_size=2000):
        yield Stored(project, np.nan if seconds is None else seconds, RankingRow(*row))


def as_arrays(stored: Iterable[Stored]) -> Current:
    """Return the rankings as pair votes; they are of one project."""
    rows = list(stored)
    votes = pair_votes(ranked_completions(one.row for one in rows))
    people = np.array([one.row.annotator for one in rows], dtype=np.int64)
    return Current(
        votes=votes,
        counts=pair_counts(votes),
        annotator=np.searchsorted(votes.annotator_ids, people).astype(np.int64),
        seconds=np.array([one.seconds for one in rows], dtype=np.float64),
    )
