"""Rankings as columns: what the ORM would read row by row."""

from uuid import uuid4

import numpy as np
import pytest

from annotate import assignments, columns, preferences, rankings
from annotate.answers import Answer
from annotate.models import Assignment
from annotate.quality.ranking import RankingRow, pair_votes, ranked_completions


@pytest.fixture
def said(project, comparisons, ana, ben, cy):
    """Five rankings with ties; of one the order on the page is not known."""
    for annotator, turn in ((ana, 0), (ben, 1), (ana, 2), (ben, 3), (cy, 1)):
        place = assignments.reserve_next(annotator, project)
        a, b, c, d = place.order[turn:] + place.order[:turn]
        answer = Answer([[a], [b, c], [d]] if turn % 2 else [[d, a], [c], [b]], active_seconds=turn + 0.5 or None)
        rankings.submit(place, answer, submission=uuid4())
    Assignment.objects.filter(annotator=cy).update(order=[])
    return preferences.current_rankings(project)


def test_columns_hold_what_the_rows_do(said):
    rows = list(said.order_by("pk").select_related("comparison", "assignment__guideline"))

    read = columns.read(said)

    assert read.pk.tolist() == [one.pk for one in rows]
    assert read.annotator.tolist() == [one.annotator_id for one in rows]
    assert read.guideline.tolist() == [one.assignment.guideline.number for one in rows]
    assert read.seconds.tolist() == [one.active_seconds for one in rows]
    np.testing.assert_allclose(read.at, [one.submitted_at.timestamp() for one in rows], atol=1e-6)
    stored = ranked_completions(
        RankingRow(one.comparison_id, one.comparison.prompt_id, one.annotator_id, one.tiers, one.assignment.order)
        for one in rows
    )
    for mine, theirs in zip(read.ranked, stored, strict=True):
        assert mine.tolist() == theirs.tolist()


def test_chunks_make_the_same_columns_as_one_read(said, monkeypatch):
    whole = columns.read(said)
    monkeypatch.setattr(columns, "CHUNK", 2)

    in_chunks = columns.read(said)

    assert [c.tolist() for c in in_chunks.ranked] == [c.tolist() for c in whole.ranked]
    assert in_chunks.pk.tolist() == whole.pk.tolist()


def test_no_ranking_makes_no_votes(project):
    votes = pair_votes(columns.read(preferences.current_rankings(project)).ranked)

    assert len(votes.unit) == 0
