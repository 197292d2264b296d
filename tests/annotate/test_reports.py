"""Reports: rows in, the figures of a page out. The small project's figures are worked by hand in the comments."""

import uuid

import pytest

from annotate import assignments, intake, people, projects, rankings, reports
from annotate.answers import Answer
from annotate.models import Annotator, Origin, Ranking
from annotate.verdicts import Status


@pytest.fixture
def say(project, write_lines):
    """Import rankings made elsewhere: (comparison, annotator, tiers, seconds), with completion ids of the file."""

    def say(*votes):
        lines = [
            {
                "comparison": comparison,
                "annotator": annotator,
                "ranking": tiers,
                "submitted_at": "2026-03-01T10:00:00Z",
                **({"seconds": seconds} if seconds else {}),
            }
            for comparison, annotator, tiers, seconds in votes
        ]
        return intake.import_file(write_lines(*lines), kind="rankings", project=project)

    return say


def comparison_line(name, *, sources=("sft", "policy"), overlap=4):
    """A comparison of as many completions as sources; completion "a" is of the first source, and so on."""
    completions = [
        {"id": letter, "text": f"{letter} of {name}"} | ({"model": source} if source else {})
        for letter, source in zip("abcd", sources, strict=False)
    ]
    return {"id": name, "prompt": f"Which of {name}?", "completions": completions, "overlap": overlap}


@pytest.fixture
def pairs(project, write_lines):
    """Three comparisons of two completions: p1, p2, p3."""
    lines = [comparison_line(f"p{n}") for n in (1, 2, 3)]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project)


A_WINS, B_WINS, TIE = [["a"], ["b"]], [["b"], ["a"]], [["a", "b"]]


@pytest.fixture
def small(project, pairs, say):
    """p1: a, a, tie. p2: a, b. Nothing on p3."""
    say(
        ("p1", "w1", A_WINS, 10),
        ("p1", "w2", A_WINS, 20),
        ("p1", "w3", TIE, 30),
        ("p2", "w1", A_WINS, 40),
        ("p2", "w2", B_WINS, 60),
    )
    return project


def test_agreement_of_a_small_project_is_what_it_is_by_hand(small):
    found = reports.headline(small)

    # p1: of 6 ordered pairs of votes 2 agree and 4 half agree: 4 / 2 = 2 of 3 votes. p2: 0 of 2 votes. 2 / 5.
    assert found.pair_agreement.value == pytest.approx(2 / 5)
    # Without ties p1 has 2 votes that agree, p2 has 2 that do not: 2 / 4.
    assert found.decisive_agreement.value == pytest.approx(2 / 4)
    # Each pair of votes once: p1 has 6, p2 has 2; 2 agree.
    assert found.raw_strict.value == pytest.approx(2 / 8)
    assert found.raw_decisive.value == pytest.approx(2 / 4)


def test_alpha_of_a_small_project_is_what_it_is_by_hand(small):
    found = reports.headline(small)

    # Coincidences with every pair entered twice, signs flipped: + with + 1, + with 0 1, + with - 2 and their mirror
    # images; margins 4, 2, 4; n = 10. Observed: 4 * 1 * 0.5 + 2 * 2 * 1 = 6. By chance: 4 * 4 * 2 * 0.5 + 2 * 16 = 48.
    assert found.alpha.value == pytest.approx(1 - 9 * 6 / 48)
    # A tie as a third answer: observed 8, by chance 100 - (16 + 4 + 16) = 64.
    assert found.alpha_strict.value == pytest.approx(1 - 9 * 8 / 64)
    # Without ties: + with + 2, + with - 2 and mirrored; n = 8, observed 4, by chance 2 * 16.
    assert found.alpha_decisive.value == pytest.approx(1 - 7 * 4 / 32)


def test_the_headline_counts_rankings_ties_and_seconds(small):
    found = reports.headline(small)

    assert (found.comparison_count, found.ranking_count, found.annotator_count) == (2, 5, 3)
    assert found.tie_rate.value == pytest.approx(1 / 5)
    assert found.median_seconds.value == 30
    assert not found.has_simulated


def test_the_headline_can_be_said_in_a_sentence(small, project):
    lakes = projects.create(slug="lakes", name="Lakes", guidelines="Be fair.", by=None)

    assert reports.headline(small).sentence == (
        "5 rankings of 2 comparisons by 3 annotators; pair agreement 0.250 with ties, 0.500 without; "
        "alpha -0.125 with ties, 0.125 without."
    )
    assert "pair agreement not enough data (n = 0) with ties" in reports.headline(lakes).sentence


def test_a_ranking_that_was_revised_does_not_count(small):
    changed = Ranking.objects.get(comparison__external_id="p2", annotator__external_id="w2")

    rankings.revise(
        changed, Answer(list(reversed(changed.tiers))), submission=uuid.uuid4(), now=changed.assignment.closed_at
    )

    found = reports.headline(small)
    assert found.ranking_count == 5
    assert found.pair_agreement.value == pytest.approx((2 + 2) / 5)


def test_other_projects_do_not_count(small):
    other = projects.create(slug="lakes", name="Lakes", guidelines="Be fair.", by=None)

    assert reports.headline(other).ranking_count == 0


def test_an_empty_project_has_no_figures_but_reasons(project):
    report = reports.consistency(project)

    assert report.headline.ranking_count == 0
    assert report.headline.pair_agreement.value is None
    assert report.headline.pair_agreement.reason
    assert report.headline.median_seconds.reason.startswith("Not enough data")
    assert report.agreement.same_annotators.reason.startswith("Not enough data: 0 prompts")
    assert (report.annotators, report.comparisons, report.win_rates) == ([], [], [])


def test_one_ranking_is_no_agreement(project, pairs, say):
    say(("p1", "w1", A_WINS, None))

    report = reports.consistency(project)

    (row,) = report.comparisons
    assert (row.agreement, row.vote_count, row.majority, row.status) == (None, 1, "A > B", Status.SINGLE)
    assert report.headline.alpha.value is None


def test_the_intervals_need_thirty_prompts(small):
    report = reports.consistency(small)

    assert report.agreement.same_annotators.value is None
    assert report.agreement.same_annotators.reason.startswith("Not enough data: 2 prompts")


def test_disputed_comparisons_come_first_and_adjudicated_ones_last(small, say, rex):
    say(("p3", "w1", TIE, None))
    disputed, settled, single = (small.comparisons.get(external_id=name) for name in ("p2", "p1", "p3"))

    before = reports.consistency(small).comparisons
    tiers = [[completion.pk] for completion in disputed.completions.all()]
    rankings.adjudicate(disputed, reviewer=rex, tiers=tiers, reason="b is off the topic")
    after = reports.consistency(small).comparisons

    assert [row.comparison_id for row in before] == [disputed.pk, settled.pk, single.pk]
    assert [row.status for row in before] == [Status.DISPUTED, Status.SETTLED, Status.SINGLE]
    assert [row.comparison_id for row in after] == [settled.pk, single.pk, disputed.pk]
    assert after[-1].status == Status.ADJUDICATED


def test_a_row_tells_agreement_and_the_majoritys_order(small):
    disputed, settled = reports.consistency(small).comparisons

    assert (disputed.agreement, disputed.vote_count, disputed.majority) == (0.0, 2, "A = B")
    assert settled.agreement == pytest.approx(4 / 6)
    assert (settled.vote_count, settled.majority) == (3, "A > B")


def test_an_annotator_is_measured_against_the_others_only(crowd):
    found = {row.pseudonym: row for row in reports.consistency(crowd).annotators}

    # Of four, three rank a > b > c > d and one the reverse: without their own vote each of the three finds a majority
    # of two that says the same, and the fourth three who say the opposite.
    usual, contrary = found[pseudonym_of("w1")], found[pseudonym_of("w4")]
    assert usual.reliability.agreement.value == 1.0
    assert contrary.reliability.agreement.value == 0.0
    assert contrary.reliability.agreement.n == 60  # 10 comparisons of 6 pairs
    assert usual.median_seconds.value == 7
    assert contrary.median_seconds.value is None


def test_the_annotator_who_agrees_least_comes_first(crowd):
    assert reports.consistency(crowd).annotators[0].pseudonym == pseudonym_of("w4")


def test_an_annotators_own_page_has_the_figures_of_the_report(crowd):
    contrary = Annotator.objects.get(external_id="w4")

    ((project, row),) = reports.annotator(contrary)

    assert project == crowd
    assert row == reports.consistency(crowd).annotators[0]


def test_too_little_of_one_annotator_is_not_enough_data(small):
    row = reports.consistency(small).annotators[0]

    assert row.reliability.agreement.value is None
    assert row.reliability.agreement.reason.startswith("Not enough data")


def test_a_win_rate_counts_ties_half_and_is_the_same_from_both_sides(small):
    (found,) = reports.win_rates(small)

    # "a" is of sft, "b" of policy: sft won 3, policy 1, one tie. Seen from policy: (1 + 0.5) / 5.
    assert (found.source, found.against, found.wins, found.ties, found.losses) == ("policy", "sft", 1, 1, 3)
    assert found.rate.value == pytest.approx(0.3)
    assert found.rate.low < 0.3 < found.rate.high
    assert (found.turned.source, found.turned.wins, found.turned.rate.value) == ("sft", 3, pytest.approx(0.7))
    assert found.turned.rate.low == pytest.approx(1 - found.rate.high)


def test_completions_of_unknown_or_equal_source_are_in_no_win_rate(project, write_lines, say):
    lines = [comparison_line("q1", sources=("sft", "sft")), comparison_line("q2", sources=("sft", ""))]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project)
    say(("q1", "w1", A_WINS, None), ("q2", "w1", A_WINS, None))

    assert reports.win_rates(project) == []


def test_simulated_rankings_are_marked_and_can_be_left_out(small):
    bot = people.without_account(Origin.SIMULATED, source="demo", external_ids=["bot"])["bot"]
    place = assignments.reserve_next(bot, small)
    rankings.submit(place, Answer([[pk] for pk in place.order]), submission=uuid.uuid4())

    everyone = reports.headline(small)
    people_only = reports.headline(small, origins=[Origin.PERSON, Origin.IMPORTED])

    assert (everyone.ranking_count, everyone.has_simulated) == (6, True)
    assert (people_only.ranking_count, people_only.has_simulated) == (5, False)


def test_the_report_asks_four_questions_however_large_the_project(crowd, django_assert_num_queries):
    with django_assert_num_queries(4):  # rankings, annotators, rulings, sources
        reports.consistency(crowd)


def test_an_annotators_figures_take_two_queries(crowd, django_assert_num_queries):
    annotator = Annotator.objects.get(external_id="w1")

    with django_assert_num_queries(2):
        reports.annotator(annotator)


@pytest.fixture
def crowd(project, write_lines, say):
    """Ten comparisons of four completions; w1, w2, w3 rank a > b > c > d in 7 seconds, w4 ranks the reverse."""
    lines = [comparison_line(f"k{n}", sources=("m1", "m2", "m3", "m4")) for n in range(10)]
    intake.import_file(write_lines(*lines), kind="comparisons", project=project)
    usual, contrary = [["a"], ["b"], ["c"], ["d"]], [["d"], ["c"], ["b"], ["a"]]
    say(*((f"k{n}", who, usual, 7) for n in range(10) for who in ("w1", "w2", "w3")))
    say(*((f"k{n}", "w4", contrary, None) for n in range(10)))
    return project


def pseudonym_of(name):
    return Annotator.objects.get(external_id=name).pseudonym
