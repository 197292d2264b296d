"""The sums that are kept on write: what they say, that they follow every change, and how they are made anew."""

from uuid import uuid4

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from annotate import assignments, intake, preferences, rankings, reports, statistics, tasks
from annotate.answers import Answer
from annotate.models import AnnotatorPair, AnnotatorWeek, PairCell, Ranking, StatusCount, Tally
from annotate.quality.contribution import MetSums
from annotate.quality.reliability import annotator_reliability
from annotate.verdicts import Status

SUMS = (Tally, AnnotatorWeek, AnnotatorPair, PairCell, StatusCount)


@pytest.fixture
def rank(project, comparisons):
    """Let annotators rank the next comparison by the letters of its completions: «a>b=c>d»."""

    def one(annotator, said):
        place = assignments.reserve_next(annotator, project)
        letters = dict(place.comparison.completions.values_list("external_id", "pk"))
        tiers = [[letters[letter] for letter in tier.split("=")] for tier in said.split(">")]
        return rankings.submit(place, Answer(tiers), submission=uuid4())

    return one


@pytest.fixture
def two_votes(rank, ana, ben):
    """Ana and Ben on the first comparison: of six pairs they agree on four, half on one, not on one."""
    return rank(ana, "a>b>c>d"), rank(ben, "b>a>c=d")


@pytest.fixture
def both(ana, ben):
    """The key of the sums that Ana and Ben share."""
    return min(ana.pk, ben.pk), max(ana.pk, ben.pk)


def sums_of(project):
    """All sums but those of zeros, which say the same as no row."""
    cells = PairCell.objects.filter(project=project).exclude(pairs=0).order_by("plus", "tie", "minus")
    weeks = statistics.slices(project, "annotator", "week", "guideline")
    return weeks, statistics.met(project), list(cells.values_list("shard", "category", "plus", "tie", "minus", "pairs"))


def test_a_submission_counts_at_once(two_votes, project):
    first, second = two_votes

    tally = Tally.objects.get()
    assert tally.counted == [first.pk, second.pk]
    assert tally.agreement == pytest.approx(4.5 / 6)
    assert statistics.word_of(tally) == Status.SETTLED
    assert statistics.counts(project).ranking_count == 2
    assert statistics.counts(project).by_status == {Status.SETTLED: 1}


def test_two_annotators_who_met(two_votes, project, ana, both):
    assert statistics.met(project) == {both: MetSums(1, 6, 9, 0)}
    assert statistics.met(project, annotators=[ana.pk]) == {}


def test_a_revision_replaces_what_was_counted(two_votes, project, both):
    first, second = two_votes

    rankings.revise(second, Answer(first.tiers), submission=uuid4())

    assert statistics.met(project) == {both: MetSums(1, 6, 12, 1)}
    assert statistics.figures(project).half_credit.value == 1.0
    assert statistics.differences(project) == []


def test_a_ruling_moves_the_comparison_in_the_list(two_votes, project, comparisons, lee):
    rankings.adjudicate(comparisons[0], reviewer=lee, tiers=two_votes[0].tiers, reason="Plain.")

    assert [statistics.word_of(one) for one in statistics.listing(project)] == [Status.ADJUDICATED]
    assert [*statistics.listing(project, status=Status.SETTLED)] == []


def test_the_list_begins_with_the_most_disputed(rank, project, comparisons, ana, ben):
    for said in ("a>b>c>d", "a>b>c>d", "a>b>c>d"):
        rank(ana, said)
    for said in ("a>b>c>d", "d>c>b>a", "d>a>b>c"):
        rank(ben, said)

    assert [one.comparison_id for one in statistics.listing(project)] == [comparisons[n].pk for n in (1, 2, 0)]


def test_an_import_counts_in_its_own_transaction(project, comparisons, write_lines):
    lines = [
        {"comparison": f"c{n}", "annotator": who, "ranking": [["a"], ["b", "c"], ["d"]]}
        for n in range(3)
        for who in ("x", "y")
    ]

    intake.import_file(write_lines(*lines), kind="rankings", project=project)

    assert statistics.counts(project).ranking_count == 6
    assert statistics.differences(project) == []


def test_a_dry_run_counts_nothing(project, comparisons, write_lines):
    line = {"comparison": "c0", "annotator": "x", "ranking": [["a"], ["b"], ["c"], ["d"]]}

    intake.import_file(write_lines(line), kind="rankings", project=project, is_dry_run=True)

    assert not any(model.objects.exists() for model in SUMS)


def test_a_rebuild_makes_the_same_rows(two_votes, project):
    before = list(Tally.objects.values_list()), sums_of(project)

    statistics.rebuild(project)

    assert (list(Tally.objects.values_list()), sums_of(project)) == before


def test_what_an_upgrade_left_out_is_caught_up_with(two_votes, project):
    for model in SUMS:
        model.objects.all().delete()

    assert tasks.catch_up_statistics() == 1
    assert tasks.catch_up_statistics() == 0
    assert statistics.differences(project) == []


def test_who_submits_during_a_rebuild_counts_once(two_votes, rank, project, cy):
    for model in SUMS:  # as a rebuild begins
        model.objects.all().delete()
    rank(cy, "a>b>c>d")

    rankings.revise(two_votes[0], Answer(two_votes[1].tiers), submission=uuid4())
    statistics.catch_up(project)

    assert statistics.counts(project).ranking_count == 3
    assert statistics.differences(project) == []


def test_the_command_says_where_the_sums_differ(two_votes, project, capsys):
    AnnotatorPair.objects.update(pairs=7)

    with pytest.raises(CommandError, match="differ"):
        call_command("rebuild_statistics", "rivers", "--check")
    said = capsys.readouterr().out
    call_command("rebuild_statistics", "rivers")
    call_command("rebuild_statistics", "--check")

    assert "annotate_annotatorpair" in said and "stored (1, 7, 9, 0), expected (1, 6, 9, 0)" in said
    assert capsys.readouterr().out == "rivers: 1 comparisons counted.\nrivers: 0 rows differ.\n"


def test_counting_a_submission_takes_few_statements(two_votes, django_assert_max_num_queries):
    first, second = two_votes
    Ranking.objects.filter(pk=second.pk).update(superseded_at=second.submitted_at)

    with django_assert_max_num_queries(7 + 2):  # and the savepoint of a test on either side
        statistics.recount([first.comparison_id])

    assert Tally.objects.get().counted == [first.pk]


def test_the_live_figures_are_those_of_the_report(rank, project, comparisons, ana, ben):
    for said in ("a>b>c>d", "a=b>c>d", "b>a>c>d"):
        rank(ana, said)
    for said in ("a>b>c>d", "d>c>b>a", "d>a>b=c"):
        rank(ben, said)

    live, made = statistics.figures(project), reports.headline(project)

    assert live.half_credit.value == pytest.approx(made.pair_agreement.value)
    assert live.decisive.value == pytest.approx(made.decisive_agreement.value)
    assert live.alpha.value == pytest.approx(made.alpha.value)
    assert live.tie_rate.value == pytest.approx(made.tie_rate.value)
    assert live.half_credit.n == made.pair_agreement.n


def test_the_sums_of_annotators_are_those_of_their_reliability(rank, project, comparisons, ana, ben):
    for said in ("a>b>c>d", "a=b>c>d", "b>a>c>d"):
        rank(ana, said)
    for said in ("a>b>c>d", "d>c>b>a", "d>a>b=c"):
        rank(ben, said)

    mine = [one.sums for one in statistics.slices(project, "annotator")]
    theirs = annotator_reliability(preferences.votes(project))

    assert [sums.rankings for sums in mine] == [one.rankings for one in theirs]
    assert [sums.compared for sums in mine] == [one.pairs_compared for one in theirs]
    np.testing.assert_allclose([sums.ties / sums.pairs for sums in mine], [one.tie_rate.value for one in theirs])
