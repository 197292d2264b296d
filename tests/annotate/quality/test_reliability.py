"""One annotator against the others."""

import numpy as np
import pytest

from annotate.quality.arrays import coded
from annotate.quality.reliability import AnnotatorReliability, annotator_reliability, others_consensus
from annotate.quality.shares import clustered_shares
from tests.annotate.quality.crowds import drawn_votes, votes_on_pairs


def consensus_for_the_first(signs: str) -> float:
    return float(others_consensus(votes_on_pairs(signs))[0])


def careful_and(*, slope: float, pull: float, n_pairs: int = 600) -> AnnotatorReliability:
    """The row of annotator 5 beside five careful ones."""
    rng = np.random.default_rng(2)
    votes, _ = drawn_votes(rng, slopes=[6.0] * 5 + [slope], pulls=[0.0] * 5 + [pull], n_pairs=n_pairs)
    return annotator_reliability(votes)[5]


@pytest.mark.parametrize(
    ("signs", "median"),
    [
        ("-+++", 1.0),
        ("+--0", -1.0),
        ("-++0", 1.0),
        ("-+0", 0.5),
        ("-000+", 0.0),
        ("-00", 0.0),
        ("--0", -0.5),
    ],
)
def test_the_consensus_of_the_others_is_their_median_without_the_own_vote(signs: str, median: float) -> None:
    assert consensus_for_the_first(signs) == median


@pytest.mark.parametrize("signs", ["+", "+.", "++-", "0++--"])
def test_nobody_or_an_even_split_is_no_consensus(signs: str) -> None:
    assert np.isnan(consensus_for_the_first(signs))


def test_a_clicker_agrees_by_half_and_not_with_a_majority_that_holds_their_vote() -> None:
    row = careful_and(slope=0.0, pull=0.0)

    assert row.agreement.value == pytest.approx(0.5, abs=0.07)
    assert row.agreement.low < 0.5 < row.agreement.high


def test_a_contrary_annotator_agrees_by_much_less_than_half() -> None:
    assert careful_and(slope=-6.0, pull=0.0).agreement.high < 0.35


def test_one_who_follows_the_position_chooses_the_first_shown() -> None:
    row = careful_and(slope=0.0, pull=9.0)

    assert row.first_shown_rate.value > 0.97
    assert row.agreement.value == pytest.approx(0.5, abs=0.07)


def test_a_careful_annotator_has_no_pull_to_a_place() -> None:
    row = careful_and(slope=6.0, pull=0.0)

    assert row.first_shown_rate.low < 0.5 < row.first_shown_rate.high
    assert row.agreement.value > 0.8


def test_ties_get_half_credit_against_a_choice() -> None:
    rows = annotator_reliability(votes_on_pairs(*["0++", "0--"] * 15))

    assert rows[0].agreement.value == 0.5
    assert rows[0].tie_rate.value == 1.0


def test_few_pairs_are_not_enough_data() -> None:
    row = annotator_reliability(votes_on_pairs(*["+++"] * 19))[0]

    assert row.agreement.value is None
    assert row.agreement.reason.startswith("Not enough data: 19 pairs that others judged on 19 prompts")
    assert row.pairs_compared == row.prompts_compared == row.rankings == 19


def test_a_position_is_not_judged_where_the_display_is_unknown() -> None:
    row = annotator_reliability(votes_on_pairs(*["++"] * 40, order=()))[0]

    assert row.first_shown_rate.reason.startswith("Not enough data: 0 choices with a known order")


def test_a_lone_annotator_is_compared_with_nobody() -> None:
    (row,) = annotator_reliability(votes_on_pairs(*["+"] * 40))

    assert row.agreement.value is None
    assert row.rankings == 40


def test_an_empty_project_has_no_rows() -> None:
    assert annotator_reliability(votes_on_pairs()) == []


def test_votes_that_move_together_on_a_prompt_are_worth_one_each_prompt() -> None:
    credit, prompt = np.repeat([1.0, 0.0, 1.0, 1.0], 6), np.repeat(np.arange(4), 6)

    shares = clustered_shares(credit, group=np.zeros(24, dtype=np.int64), cluster=coded(prompt).codes, n_groups=1)

    assert shares.share[0] == 0.75
    assert shares.effective[0] == 4.0


def test_a_clicker_agrees_with_the_others_by_half_over_two_hundred_projects() -> None:
    """Within three standard errors of one half; J of the joint model is drawn off 0 by its pseudo-votes."""
    crowds = (
        drawn_votes(np.random.default_rng(n), slopes=[3.0] * 5 + [0.0], pulls=[0.0] * 6, n_pairs=120)[0]
        for n in range(200)
    )

    agreed = np.array([annotator_reliability(votes)[5].agreement.value for votes in crowds])

    assert abs(agreed.mean() - 0.5) < 3 * agreed.std() / np.sqrt(200)
    assert agreed.std() > 0.02
