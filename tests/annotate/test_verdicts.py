"""One comparison in words: the majority's order, each ranking beside the others, where it stands."""

import uuid

import pytest
from django.urls import reverse

from annotate import assignments, intake, rankings, verdicts
from annotate.answers import Answer
from annotate.models import Ranking
from annotate.quality.ranking import RankingRow, pair_counts, pair_votes, ranked_completions
from annotate.verdicts import Status


def majority_of(*rankings_said):
    """The majority's order of one comparison (id 7), each ranking by another annotator."""
    rows = [RankingRow(7, 1, annotator, tiers) for annotator, tiers in enumerate(rankings_said)]
    return verdicts.majority_orders(pair_counts(pair_votes(ranked_completions(rows))))


def test_the_majority_decides_each_pair():
    order = majority_of([[1], [2], [3]], [[2], [1], [3]], [[1], [2], [3]])

    assert order == {7: [[1], [2], [3]]}


def test_a_pair_without_a_majority_is_a_tie():
    assert majority_of([[1], [2]], [[2], [1]]) == {7: [[1, 2]]}


def test_a_majority_that_goes_in_circles_is_a_tie():
    assert majority_of([[1], [2], [3]], [[2], [3], [1]], [[3], [1], [2]]) == {7: [[1, 2, 3]]}


def test_more_than_half_must_say_so():
    assert majority_of([[1, 2]], [[1, 2]], [[1], [2]]) == {7: [[1, 2]]}
    assert majority_of([[1, 2]], [[1], [2]], [[1], [2]]) == {7: [[1], [2]]}


def test_several_comparisons_keep_apart():
    rows = [RankingRow(7, 1, 1, [[2], [1]]), RankingRow(8, 1, 1, [[3], [4]])]

    orders = verdicts.majority_orders(pair_counts(pair_votes(ranked_completions(rows))))

    assert orders == {7: [[2], [1]], 8: [[3], [4]]}


@pytest.mark.parametrize(
    ("vote_count", "agreement", "is_ruled", "expected"),
    [
        (0, None, False, None),
        (1, None, False, Status.SINGLE),
        (2, 0.0, False, Status.DISPUTED),
        (3, 0.49, False, Status.DISPUTED),
        (3, 0.5, False, Status.SETTLED),
        (2, 0.0, True, Status.ADJUDICATED),
        (0, None, True, Status.ADJUDICATED),
    ],
)
def test_where_a_comparison_stands(vote_count, agreement, is_ruled, expected):
    assert verdicts.status_of(vote_count, agreement, is_ruled=is_ruled) == expected


def rank(annotator, project, letters):
    """Reserve the next comparison and rank its completions by the letters staff see: "B=A>C>D" has a tie on top."""
    place = assignments.reserve_next(annotator, project)
    by_letter = {letter: pk for pk, letter in verdicts.labels_of(place.order).items()}
    tiers = [[by_letter[letter] for letter in tier.split("=")] for tier in letters.split(">")]
    return rankings.submit(place, Answer(tiers, reason="clearer"), submission=uuid.uuid4())


def test_nobody_has_ranked_it_yet(comparisons):
    found = verdicts.verdict(comparisons[0])

    assert [(one.label, one.rank) for one in found.completions] == [("A", None), ("B", None), ("C", None), ("D", None)]
    assert (found.votes, found.majority, found.agreement, found.status) == ([], "", None, None)


def test_rankings_stand_side_by_side(project, comparisons, ana, ben):
    rank(ana, project, "A>B>C>D")
    rank(ben, project, "A>B>D=C")

    found = verdicts.verdict(comparisons[0])

    assert [vote.sentence for vote in found.votes] == ["A > B > C > D", "A > B > C = D"]
    assert [vote.ranks for vote in found.votes] == [[1, 2, 3, 4], [1, 2, 3, 3]]
    # 5 of 6 pairs agree and a tie against a choice agrees by half.
    assert [vote.agreement for vote in found.votes] == [pytest.approx(5.5 / 6)] * 2
    assert found.agreement == pytest.approx(5.5 / 6)
    assert (found.majority, found.status) == ("A > B > C = D", Status.SETTLED)
    assert [one.rank for one in found.completions] == [1, 2, 3, 3]


def test_a_revised_ranking_is_shown_once_as_it_is_now(project, comparisons, ana):
    first = rank(ana, project, "A>B>C>D")

    rankings.revise(first, Answer(first.tiers[::-1]), submission=uuid.uuid4())

    assert [vote.sentence for vote in verdicts.verdict(comparisons[0]).votes] == ["D > C > B > A"]


def test_earlier_rulings_stay_on_record(comparisons, rex):
    ids = sorted(verdicts.verdict(comparisons[0]).labels)
    rankings.adjudicate(comparisons[0], reviewer=rex, tiers=[ids], reason="no difference")
    rankings.adjudicate(comparisons[0], reviewer=rex, tiers=[[pk] for pk in ids], reason="A is right")

    found = verdicts.verdict(comparisons[0])

    assert [ruling.sentence for ruling in found.rulings] == ["A > B > C > D", "A = B = C = D"]
    assert [ruling.adjudication.superseded_at is None for ruling in found.rulings] == [True, False]
    assert found.status == Status.ADJUDICATED


def test_a_verdict_takes_three_queries(project, comparisons, ana, ben, django_assert_num_queries):
    rank(ana, project, "A>B>C>D")
    rank(ben, project, "D>B>C>A")

    with django_assert_num_queries(3):
        found = verdicts.verdict(comparisons[0])
        assert [vote.ranking.annotator.pseudonym for vote in found.votes]


def test_an_annotators_last_rankings_are_newest_first(project, comparisons, ana, django_assert_num_queries):
    rank(ana, project, "A>B>C>D")
    rank(ana, project, "D>C>B=A")

    with django_assert_num_queries(1):
        found = verdicts.last_rankings(ana, limit=5)

    assert [one.sentence for one in found] == ["D > C > A = B", "A > B > C > D"]
    assert found[0].excerpt == "Name river number 1."
    assert Ranking.objects.count() == 2


@pytest.fixture
def imported(project, comparisons, write_lines):
    """Return a function that imports orders of the first comparison, one an annotator."""

    def imported(*orders):
        lines = [{"comparison": "c0", "annotator": f"w{n}", "ranking": order} for n, order in enumerate(orders)]
        assignments.open_more(comparisons[0], 5)
        intake.import_file(write_lines(*lines, name="rankings.jsonl"), kind="rankings", project=project)
        return comparisons[0]

    return imported


def test_the_rules_that_give_another_order_than_the_majority_are_named(imported, rex, client):
    """Three of five put A first and two last, so B wins by Borda: A 3 * 3 = 9 points, B 3 * 2 + 2 * 3 = 12."""
    first, last = [["a"], ["b"], ["c"], ["d"]], [["b"], ["c"], ["d"], ["a"]]
    comparison = imported(first, first, first, last, last)
    client.force_login(rex)

    found = verdicts.verdict(comparison)
    page = client.get(reverse("comparison", args=[comparison.pk])).content.decode()

    assert found.majority == "A > B > C > D"
    assert found.otherwise == {"Borda": "B > A > C > D"}
    assert "By Borda" in page
    assert "By Kemeny" not in page


def test_rules_that_agree_with_the_majority_are_not_named(imported):
    assert verdicts.verdict(imported(*[[["a"], ["b", "c"], ["d"]]] * 3)).otherwise == {}


def test_one_ranking_has_no_rules(imported):
    assert verdicts.verdict(imported([["a"], ["b"], ["c"], ["d"]])).otherwise == {}
