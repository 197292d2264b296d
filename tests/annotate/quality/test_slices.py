"""Slices of the answers, changes between two of them, slices drawn to the project."""

import numpy as np
import pytest

from annotate.quality import intervals, slices
from annotate.quality.agreement import DECISIVE, HALF_CREDIT
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.evidence import answers_of, evidence, only
from annotate.quality.ranking import votes_where
from tests.annotate.quality.crowds import drawn_votes, votes_on_pairs

AGREEMENT = intervals.agreement_with(HALF_CREDIT)
CHOICES = intervals.agreement_with(DECISIVE)


def two_periods(*, slopes_before: list[float], slopes_after: list[float], seed: int = 1, n_pairs: int = 600):
    """The same annotators before and after, as one set of votes: pairs up to n_pairs - 1 were judged before."""
    rng = np.random.default_rng(seed)
    votes, _ = drawn_votes(rng, slopes=slopes_before, pulls=[0.0] * len(slopes_before), n_pairs=2 * n_pairs)
    later, _ = drawn_votes(rng, slopes=slopes_after, pulls=[0.0] * len(slopes_after), n_pairs=2 * n_pairs)
    is_after = votes.unit >= n_pairs
    relation = np.where(is_after, later.relation[: len(is_after)], votes.relation)
    return votes._replace(relation=relation.astype(np.int8)), is_after


def test_a_slice_is_reckoned_from_its_answers_alone() -> None:
    votes = votes_on_pairs(*["+++", "--+", "+0-", "++."] * 20)
    label = votes.unit % 2

    even, odd = slices.by_slice(votes, label=label, measure=AGREEMENT, seed=1)

    alone = intervals.both_intervals(votes_where(votes, label == 1), measure=AGREEMENT, seed=1)
    assert (even.label, odd.label) == (0, 1)
    assert odd.figure.same_annotators.value == pytest.approx(alone.same_annotators.value)
    assert odd.figure.same_annotators.n == 40


def test_a_small_slice_says_how_much_there_is_and_an_unlabelled_answer_is_in_none() -> None:
    votes = votes_on_pairs(*["++"] * 40, *["+-"] * 29)
    label = np.where(votes.unit < 40, -1, 7)

    (small,) = slices.by_slice(votes, label=label, measure=AGREEMENT, seed=1)

    assert small.figure.same_annotators.reason == "Not enough data: 29 prompts with two annotators, shown from 30."


def test_no_change_is_no_evidence_of_change() -> None:
    votes, is_after = two_periods(slopes_before=[2.0] * 6, slopes_after=[2.0] * 6, seed=2)

    found = slices.change(votes, before=~is_after, after=is_after, measure=CHOICES, seed=1)

    assert not found.is_evidence
    assert found.sentence.startswith("No evidence of change")
    assert found.would_have_seen == pytest.approx(2.8 * found.standard_error)


def test_a_crowd_that_grows_careless_is_seen() -> None:
    votes, is_after = two_periods(slopes_before=[4.0] * 6, slopes_after=[0.5] * 6)

    found = slices.change(votes, before=~is_after, after=is_after, measure=CHOICES, seed=1)

    assert found.is_evidence
    assert found.change.same_annotators.value == pytest.approx(found.after.value - found.before.value)
    assert found.change.same_annotators.high < 0
    assert found.change.new_annotators.low < found.change.same_annotators.low


def test_what_both_sides_share_cancels() -> None:
    """Every prompt has two pairs, alike in how hard they are: the difference is surer than the two sides."""
    rng = np.random.default_rng(3)
    votes, _ = drawn_votes(rng, slopes=[3.0] * 6, pulls=[0.0] * 6, n_pairs=400)
    twice = votes._replace(units=votes.units._replace(prompt=np.arange(400) // 2))
    hard = np.repeat(rng.random(200) < 0.5, 2)[votes.unit] & (rng.random(len(votes.unit)) < 0.5)
    noisy = twice._replace(relation=np.where(hard, -votes.relation, votes.relation).astype(np.int8))
    first = noisy.unit % 2 == 0

    found = slices.change(noisy, before=first, after=~first, measure=CHOICES, seed=1)

    apart = np.hypot(*[(side.high - side.low) / 3.92 for side in (found.before, found.after)])
    assert found.standard_error < 0.97 * apart


def test_a_change_from_a_slice_without_enough_data_has_its_reason() -> None:
    votes = votes_on_pairs(*["++", "+-"] * 20, "++")
    last = votes.unit == 40

    found = slices.change(votes, before=~last, after=last, measure=AGREEMENT, seed=1)

    assert found.before.value is not None
    assert found.sentence == "Not enough data: 1 prompts with two annotators, shown from 30."


def test_the_same_mix_of_categories_takes_a_shift_of_prompts_away() -> None:
    """Easy prompts agree always, hard ones half of the time; only the share of hard ones rises, from 25 % to 75 %."""
    easy, hard = ["++", "--"], ["++", "+-"]
    votes = votes_on_pairs(*(easy * 60 + hard * 20), *(easy * 20 + hard * 60))
    is_after = votes.unit >= 160
    category = np.concatenate([np.zeros(120), np.ones(40), np.zeros(40), np.ones(120)]).astype(int)

    plain = slices.change(votes, before=~is_after, after=is_after, measure=AGREEMENT, seed=1)
    mixed = slices.change(votes, before=~is_after, after=is_after, measure=AGREEMENT, seed=1, category=category)

    assert plain.change.same_annotators.value == pytest.approx(-0.25)
    assert mixed.change.same_annotators.value == pytest.approx(0.0, abs=1e-12)


def test_annotators_of_one_side_only_can_be_left_out() -> None:
    votes = votes_on_pairs("++.", "+.+", ".++")
    before, after = votes.unit == 0, votes.unit == 1

    before, after = slices.of_both(votes, before=before, after=after)

    assert votes.annotator[before].tolist() == votes.annotator[after].tolist() == [0]


def test_weeks_are_iso_weeks() -> None:
    days = np.array(
        [(np.datetime64(day) - np.datetime64("1970-01-01")).astype(int) for day in ("2026-12-31", "2027-01-04")]
    )

    assert slices.iso_weeks(np.append(days, -1)).tolist() == [202653, 202701, -1]
    assert slices.iso_weeks(np.zeros(0, dtype=int)).tolist() == []


def test_slices_that_differ_by_chance_are_drawn_to_the_project_and_others_are_not() -> None:
    project = Estimate(0.70, n=900)
    by_chance = [Estimate(value, n=90, low=value - 0.1, high=value + 0.1) for value in (0.66, 0.70, 0.74)]
    really = [Estimate(value, n=90, low=value - 0.02, high=value + 0.02) for value in (0.5, 0.7, 0.9)]

    chance, real = (slices.shrunk(shares, project=project) for shares in (by_chance, really))

    assert [share.value for share in chance] == pytest.approx([0.70] * 3, abs=0.005)
    assert [share.value for share in real] == pytest.approx([0.5, 0.7, 0.9], abs=0.01)


def test_a_slice_without_a_value_is_not_drawn_anywhere() -> None:
    shares = [
        Estimate(0.6, n=50, low=0.5, high=0.7),
        undefined("No variation.", n=3),
        Estimate(1.0, n=40, low=1, high=1),
    ]

    drawn = slices.shrunk(shares, project=Estimate(0.7, n=93))

    assert drawn[1] == shares[1]
    assert 0.7 < drawn[2].value < 1.0


def test_figures_share_their_weights() -> None:
    rows = answers_of(votes_on_pairs(*["++-", "+0+", "--+"] * 20))
    whole = evidence(rows, AGREEMENT)

    once, again = slices.figures([whole, evidence(only(rows, rows.unit >= 0), AGREEMENT)], seed=4)

    assert once == again
    assert slices.figures([], seed=1) == []
