"""Wilson, the bootstrap by prompt, the jackknife over annotators."""

import krippendorff
import numpy as np
import pytest

from annotate.quality import alpha, intervals
from annotate.quality.agreement import DECISIVE, HALF_CREDIT, answer_counts, half_credit
from annotate.quality.evidence import answers_of, evidence
from annotate.quality.ranking import pair_counts
from tests.annotate.quality.crowds import drawn_votes, votes_on_pairs

AGREEMENT = intervals.agreement_with(HALF_CREDIT)
ALPHA = intervals.alpha_with(HALF_CREDIT)
FORTY_PROMPTS = ["+++..", "++-..", "..-0-", ".+.+-"] * 10


def test_wilson_knows_nothing_without_trials() -> None:
    assert intervals.wilson(0, 0) == (0.0, 1.0)


def test_the_bootstrap_of_ordinal_alpha_equals_resampling_units_with_the_krippendorff_package(published: dict) -> None:
    """Hayes and Krippendorff printed 0.708 to 0.809, resampling pairs of answers: units vary more, and hold it."""
    ratings = np.array(published["hayes_krippendorff_2007_5x40"]["input"]["data"], dtype=np.float64)
    unit, rater = np.nonzero(np.isfinite(ratings))
    table = alpha.value_counts(unit, ratings[unit, rater])
    units = alpha.unit_coincidences(table.counts)
    rng = np.random.default_rng(2)
    resampled = [ratings[rng.integers(0, 40, 40)].T for _ in range(600)]

    sums = intervals.bootstrap_sums(units, seed=3)
    values = alpha.alpha_of(sums, distances=alpha.ordinal(table.values, sums.sum(axis=-1)))

    oracle = [krippendorff.alpha(reliability_data=sample, level_of_measurement="ordinal") for sample in resampled]
    assert np.quantile(values, [0.025, 0.5, 0.975]) == pytest.approx(np.quantile(oracle, [0.025, 0.5, 0.975]), abs=0.03)
    assert np.quantile(values, 0.025) < 0.708 < 0.809 < np.quantile(values, 0.975)


def test_both_intervals_hold_the_plain_value() -> None:
    votes = votes_on_pairs(*FORTY_PROMPTS)

    both = intervals.both_intervals(votes, measure=AGREEMENT, seed=1)

    assert both.same_annotators.value == half_credit(pair_counts(votes)).value
    assert both.same_annotators.low < both.same_annotators.value < both.same_annotators.high
    assert both.new_annotators.value == both.same_annotators.value
    assert both.same_annotators.n == 40


def test_the_interval_over_prompts_is_that_of_a_share_when_each_prompt_has_two_votes() -> None:
    """300 of 400 prompts agree: 0.75 with a standard error of sqrt(0.75 * 0.25 / 400)."""
    both = intervals.both_intervals(votes_on_pairs(*["++", "++", "--", "+-"] * 100), measure=AGREEMENT, seed=1)

    half_width = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert both.same_annotators.low == pytest.approx(0.75 - half_width, abs=0.006)
    assert both.same_annotators.high == pytest.approx(0.75 + half_width, abs=0.006)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    votes = votes_on_pairs(*FORTY_PROMPTS)

    first, again, other = (intervals.both_intervals(votes, measure=ALPHA, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_new_annotators_are_less_certain_than_new_prompts_when_annotators_differ() -> None:
    rng = np.random.default_rng(3)
    votes, _ = drawn_votes(rng, slopes=[4.0] * 4 + [0.0] * 4, pulls=[0.0] * 8, n_pairs=600)

    both = intervals.both_intervals(votes, measure=intervals.agreement_with(DECISIVE), seed=1)

    same, new = both.same_annotators, both.new_annotators
    assert new.high - new.low > 1.5 * (same.high - same.low)


def test_the_bootstrap_mean_lies_at_the_value() -> None:
    votes = votes_on_pairs(*FORTY_PROMPTS)
    found = evidence(answers_of(votes), AGREEMENT)

    values = found.of(intervals.bootstrap_sums(found.prompts, seed=8))

    assert values.mean() == pytest.approx(half_credit(pair_counts(votes)).value, abs=0.2 * values.std())


def test_many_clusters_are_grouped_without_changing_the_standard_error() -> None:
    rng = np.random.default_rng(4)
    clusters = rng.normal(size=(20_000, 1, 1))

    sums = intervals.bootstrap_sums(clusters, seed=1)

    assert sums.std() == pytest.approx(np.sqrt((clusters**2).sum()), rel=0.1)


def test_leaving_an_annotator_out_equals_counting_without_their_votes() -> None:
    votes = votes_on_pairs("++-0", "+0-.", "0++-", "-+..")

    without = evidence(answers_of(votes), AGREEMENT).without

    kept = votes_on_pairs("+.-0", "+.-.", "0.+-", "-...")
    expected = alpha.coincidences(answer_counts(pair_counts(kept)))
    assert without[1] == pytest.approx(expected)


def test_the_jackknife_of_ties_left_out_takes_only_choices_away() -> None:
    votes = votes_on_pairs("++-0", "+0-+")

    without = evidence(answers_of(votes), intervals.agreement_with(DECISIVE)).without

    kept = answer_counts(pair_counts(votes_on_pairs("+.-0", "+.-+")))[:, [0, 2]]
    assert without[1] == pytest.approx(alpha.coincidences(kept))


def test_below_thirty_prompts_there_is_not_enough_data() -> None:
    both = intervals.both_intervals(votes_on_pairs(*["++"] * 29, "+", "-"), measure=ALPHA, seed=1)

    assert both.same_annotators.value is both.new_annotators.value is None
    assert both.same_annotators.reason == "Not enough data: 29 prompts with two annotators, shown from 30."


def test_four_annotators_are_too_few_to_speak_of_the_next_crowd() -> None:
    both = intervals.both_intervals(votes_on_pairs(*["++-.", "+.++"] * 20), measure=ALPHA, seed=1)

    assert both.same_annotators.value is not None
    assert both.new_annotators.reason.startswith("Not enough data: 4 annotators")


def test_one_annotator_who_carries_every_comparison_leaves_the_second_interval_open() -> None:
    prompts = ["++....", "+.+...", "-..-..", "+...-.", "-....-"] * 8

    both = intervals.both_intervals(votes_on_pairs(*prompts), measure=AGREEMENT, seed=1)

    assert both.new_annotators.reason.startswith("One annotator carries this number alone")


def test_the_only_annotator_who_does_not_tie_leaves_the_second_interval_open() -> None:
    """Without them alpha has no variation; sums of thirds and quarters must not leave a trace that hides it."""
    prompts = ["+000..", "-00.00", "+0.0.", "-0000", "000..0"] * 7

    both = intervals.both_intervals(votes_on_pairs(*prompts), measure=ALPHA, seed=1)

    assert both.same_annotators.value is not None
    assert both.new_annotators.reason.startswith("One annotator carries this number alone")


def test_everybody_tying_everything_is_no_agreement_of_one() -> None:
    both = intervals.both_intervals(votes_on_pairs(*["000"] * 40), measure=AGREEMENT, seed=1)

    assert both.same_annotators.value is None


def test_a_perfect_crowd_is_exactly_one_with_an_interval_of_one() -> None:
    both = intervals.both_intervals(votes_on_pairs(*["+++++", "-----"] * 20), measure=ALPHA, seed=1)

    assert (both.same_annotators.low, both.same_annotators.value, both.same_annotators.high) == (1.0, 1.0, 1.0)


def test_no_votes_at_all_are_not_enough_data() -> None:
    both = intervals.both_intervals(votes_on_pairs(), measure=ALPHA, seed=1)

    assert both.same_annotators.reason.startswith("Not enough data: 0 prompts")
