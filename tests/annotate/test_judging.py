"""From a project's rows to what the detectors read, and to findings whose evidence are rankings of the database."""

from uuid import uuid4

import numpy as np
import pytest

from annotate import assignments, gold, judging, policy, rankings
from annotate.answers import Answer
from annotate.models import Assignment, Ranking
from annotate.quality.findings import Judged


def rank(annotator, project, *, tiers=None):
    """Rank the next comparison as it stands, or by `tiers` of the order shown; return the ranking."""
    place = assignments.reserve_next(annotator, project)
    order = tiers(place.order) if tiers else [[pk] for pk in place.order]
    return rankings.submit(place, Answer(order), submission=uuid4())


@pytest.fixture
def ranked(project, comparisons, ana, ben):
    """Two rankings each by Ana and Ben."""
    return [rank(annotator, project) for annotator in (ana, ben) for _ in range(2)]


def test_votes_are_named_by_the_rankings_of_the_database(ranked, project):
    work = judging.work_of(project)

    assert work.votes.ranking_ids.tolist() == [one.pk for one in ranked]
    assert len(work.seconds) == len(work.words) == len(work.at) == 4


def test_words_are_those_of_the_prompt_and_the_four_completions(ranked, project):
    # «Name river number 0.» has 4 words, each of «River a of 0.» 4, too.
    assert judging.work_of(project).words.tolist() == [20.0] * 4


def test_a_reader_of_chinese_meets_each_character():
    assert judging.word_count("Three 河流, and 2 more") == 6


def test_texts_of_which_nothing_was_said_are_not_read(ranked, project, comparisons):
    said = {pk for one in ranked for pk in one.assignment.order}

    assert set(judging.work_of(project).completions.ids.tolist()) == said
    assert len(said) < sum(one.completions.count() for one in comparisons)


def test_marks_of_markdown_are_counted(ranked, project, comparisons):
    completion = comparisons[0].completions.order_by("pk").first()
    type(completion).objects.filter(pk=completion.pk).update(text="# Rivers\n- **Elbe**\n- Oder\n1. Rhine")

    marks = judging.work_of(project).completions.marks

    assert marks[0].tolist() == [1.0, 3.0, 1.0]


def test_a_revised_or_unrankable_answer_does_not_count(ranked, project):
    rankings.revise(ranked[0], Answer([ranked[0].assignment.order]), submission=uuid4())

    work = judging.work_of(project)

    current = Ranking.objects.get(assignment=ranked[0].assignment, superseded_at__isnull=True)
    assert current.pk in work.votes.ranking_ids
    assert ranked[0].pk not in work.votes.ranking_ids


def test_gold_counts_by_the_share_of_its_known_pairs(project, comparisons, ana, lee, monkeypatch):
    project.gold_rate = 0.5
    project.save()
    key = [[pk] for pk in comparisons[2].completions.order_by("pk").values_list("pk", flat=True)]
    gold.set_key(comparisons[2], key, reason="", by=lee)
    monkeypatch.setattr(policy, "draw", lambda *seed: 0.0)

    said = rank(ana, project, tiers=lambda order: [sorted(order)])

    answers = judging.work_of(project).gold
    assert (answers.annotator.tolist(), answers.ranking.tolist(), answers.right.tolist()) == (
        [ana.pk],
        [said.pk],
        [0.5],
    )


def test_a_repeat_is_set_against_the_first_answer_with_both_displays(project, comparisons, ana):
    first = rank(ana, project)
    place = first.assignment
    again = Assignment.objects.create(
        project=project,
        comparison=place.comparison,
        purpose=Assignment.Purpose.REPEAT,
        repeat_of=place,
        state=Assignment.State.RESERVED,
        annotator=ana,
        order=place.order[::-1],
        reserved_at=place.reserved_at,
        expires_at=place.expires_at,
    )
    rankings.submit(again, Answer([[pk] for pk in place.order]), submission=uuid4())

    repeats = judging.work_of(project).repeats

    assert len(repeats.annotator) == 6
    assert (repeats.first == repeats.again).all()
    assert (repeats.first_shown + repeats.again_shown == 1).all()
    assert set(repeats.first_ranking) == {first.pk}


def test_the_number_of_queries_does_not_grow(ranked, project, ana, django_assert_num_queries):
    rank(ana, project)

    with django_assert_num_queries(6):
        judging.work_of(project)


def test_a_project_nobody_has_ranked_in_has_no_findings(project):
    judgement = judging.judgement_of(project)

    assert judgement.annotators == []


def test_few_rankings_are_no_verdict(ranked, project):
    judgement = judging.judgement_of(project)

    assert [one.verdict for one in judgement.annotators] == [Judged.UNKNOWN] * 2
    assert np.array([one.annotator for one in judgement.annotators]).dtype.kind == "i"
