"""The decisions of the queue, on cases worked by hand."""

import pytest

from annotate import policy

A_FIRST, B_FIRST, TIED = [[1], [2]], [[2], [1]], [[1, 2]]


def test_the_same_seed_draws_the_same_number():
    assert policy.draw("purpose", 3, 7, 0) == policy.draw("purpose", 3, 7, 0)


def test_draws_are_spread_evenly():
    drawn = [policy.draw("purpose", 1, 1, n) for n in range(4000)]

    assert sum(one < 0.1 for one in drawn) / 4000 == pytest.approx(0.1, abs=0.02)
    assert min(drawn) >= 0 and max(drawn) < 1


def test_a_newcomer_meets_two_and_a_half_times_the_base_rate_of_gold():
    assert policy.gold_rate(0.1, []) == pytest.approx(0.25)


def test_gold_becomes_rarer_with_every_success():
    rates = [policy.gold_rate(0.1, [True] * n) for n in (0, 5, 20, 40, 1000)]

    assert rates == sorted(rates, reverse=True)
    assert rates[2] == pytest.approx(0.25 * (28 * 2 / (30**2 * 31)) ** 0.5 / 0.1)  # Beta(28, 2)
    assert rates[-1] == pytest.approx(0.02)  # never less than a fifth of the base


def test_who_is_neither_good_nor_bad_meets_gold_for_longer():
    """Beta(38, 2) is narrower than Beta(28, 12): the same number of comparisons tells less of a middling rate."""
    assert policy.gold_rate(0.1, [2 / 3] * 30 + [1.0] * 4) > policy.gold_rate(0.1, [1.0] * 34) + 0.05


def test_a_share_counts_as_a_part_of_a_trial():
    halves, wholes = policy.gold_rate(0.1, [0.8] * 10), policy.gold_rate(0.1, [1.0] * 8 + [0.0] * 2)

    assert halves == pytest.approx(wholes - 0.1, abs=1e-9)  # the two failures are among the last four


def test_the_fifth_comparison_is_gold_where_none_was_before():
    due, early, met = (policy.Standing(4), policy.Standing(3), policy.Standing(4, (1.0,)))

    purposes = [policy.next_purpose(one, gold_base=0.1, repeat_base=0.1, chance=0.9) for one in (due, early, met)]

    assert purposes == ["gold", "work", "work"]
    assert policy.next_purpose(due, gold_base=0.0, repeat_base=0.1, chance=0.9) == "work"


def test_a_failure_brings_more_gold_for_the_next_four():
    known = [True] * 20

    after, later = policy.gold_rate(0.1, [*known, False]), policy.gold_rate(0.1, [*known, False, *[True] * 4])

    assert after > policy.gold_rate(0.1, known) + 0.05
    assert later < after - 0.04


def test_a_failure_four_ago_still_counts_and_one_five_ago_does_not():
    fourth, fifth = [*[True] * 20, False, *[True] * 3], [*[True] * 20, False, *[True] * 4]

    assert policy.gold_rate(0.1, fourth) > policy.gold_rate(0.1, fifth) + 0.04


def test_who_is_known_to_be_right_meets_gold_less_often():
    known = policy.Standing(gold_shares=(1.0,) * 40)

    purposes = [
        policy.next_purpose(one, gold_base=0.1, repeat_base=0.1, chance=0.1) for one in (policy.Standing(), known)
    ]

    assert purposes == ["gold", "repeat"]


def test_hidden_gold_is_never_more_than_half_of_the_work():
    assert policy.gold_rate(0.5, [False] * 4) == 0.5


def test_without_rates_everything_is_work():
    standing = policy.Standing()

    assert policy.next_purpose(standing, gold_base=0.0, repeat_base=0.0, chance=0.0) == "work"


@pytest.mark.parametrize(("chance", "purpose"), [(0.0, "gold"), (0.24, "gold"), (0.26, "repeat"), (0.36, "work")])
def test_chance_is_shared_out_among_gold_repeats_and_work(chance, purpose):
    assert policy.next_purpose(policy.Standing(), gold_base=0.1, repeat_base=0.1, chance=chance) == purpose


def test_agreement_counts_the_pairs_that_the_key_orders():
    assert policy.agreement([[1], [3], [2]], [[1], [2], [3]]) == pytest.approx(2 / 3)
    assert policy.agreement([[3], [2], [1]], [[1], [2, 3]]) == 0.0
    assert policy.agreement([[1, 2, 3]], [[1], [2], [3]]) == 0.5


def test_a_pair_that_the_key_ties_cannot_be_wrong():
    assert policy.agreement([[1], [2], [3]], [[1], [2, 3]]) == 1.0


def test_a_key_without_an_order_is_met_by_ties_alone():
    assert policy.agreement([[1, 2]], [[1, 2]]) == 1.0
    assert policy.agreement([[1], [2]], [[1, 2]]) == 0.0


def test_gold_is_passed_from_three_quarters_on():
    assert policy.is_passed([[1], [3], [2], [4]], [[1, 2], [3, 4]])  # 3 of 4
    assert not policy.is_passed([[3], [2], [1], [4], [5]], [[1], [2], [3], [4], [5]])  # 7 of 10


def test_one_swap_of_neighbours_among_four_still_passes_gold():
    assert policy.is_passed([[2], [1], [3], [4]], [[1], [2], [3], [4]])  # 5 of 6
    assert not policy.is_passed([[2], [1], [4], [3]], [[1], [2], [3], [4]])  # 4 of 6
    assert not policy.is_passed([], [[1], [2]])


@pytest.mark.parametrize(
    ("votes", "wants"),
    [
        ([A_FIRST], True),
        ([A_FIRST, A_FIRST], False),
        ([B_FIRST, B_FIRST], False),
        ([A_FIRST, B_FIRST], True),
        ([A_FIRST, A_FIRST, B_FIRST], True),
        ([A_FIRST, A_FIRST, A_FIRST, B_FIRST], False),
        ([TIED, TIED], False),
        ([TIED, A_FIRST], True),
        ([TIED, TIED, A_FIRST], False),
    ],
)
def test_a_pair_is_done_when_its_votes_decide_it(votes, wants):
    assert policy.wants_more_votes(votes, cap=9) is wants


def test_at_the_cap_nobody_more_is_asked():
    assert not policy.wants_more_votes([A_FIRST, B_FIRST], cap=2)


def test_one_open_pair_of_six_needs_no_more_votes_and_two_do():
    order, one_swap, two_swaps = [[1], [2], [3], [4]], [[2], [1], [3], [4]], [[2], [1], [4], [3]]

    assert not policy.wants_more_votes([order, one_swap], cap=5)
    assert policy.wants_more_votes([order, two_swaps], cap=5)


def test_just_a_quarter_of_the_pairs_may_stay_open():
    order = [[n] for n in range(8)]  # 28 pairs

    assert not policy.wants_more_votes([order, [*order[1:], order[0]]], cap=5)  # 7 open


def test_where_half_say_it_cannot_be_ranked_more_votes_do_not_help():
    assert not policy.wants_more_votes([A_FIRST, []], cap=5)


def test_the_fixed_share_is_stable_and_of_its_size():
    prompts = [f"{n:064x}" for n in range(4000)]

    kept = [one for one in prompts if policy.keeps_fixed_overlap(one, rate=0.15)]

    assert len(kept) / 4000 == pytest.approx(0.15, abs=0.02)
    assert kept == [one for one in prompts if policy.keeps_fixed_overlap(one, rate=0.15)]
    assert not policy.keeps_fixed_overlap(prompts[0], rate=0.0)


def test_the_fixed_share_is_independent_of_the_test_split():
    in_test = [f"{n:012x}" + "0" * 52 for n in range(0, 16**12 // 10, 16**12 // 40_000)]  # the lowest tenth

    kept = sum(policy.keeps_fixed_overlap(one, rate=0.15) for one in in_test)

    assert kept / len(in_test) == pytest.approx(0.15, abs=0.025)


def test_a_lease_grows_with_the_text_and_ends_after_a_day():
    assert policy.lease_seconds(1800, character_count=100) == 1800
    assert policy.lease_seconds(1800, character_count=15_000) == 3000
    assert policy.lease_seconds(1800, character_count=10_000_000) == 86_400


@pytest.mark.parametrize("order", [[1, 2], [1, 2, 3], [9, 8, 7, 6, 5]])
def test_a_repeat_begins_with_another_completion(order):
    shown = [policy.reshuffled(order, seed=str(n)) for n in range(20)]

    assert all(one[0] != order[0] for one in shown)
    assert all(sorted(one) == sorted(order) for one in shown)
    assert policy.reshuffled(order, seed="x") == policy.reshuffled(order, seed="x")


def test_a_repeat_is_in_any_order_that_begins_otherwise():
    shown = {tuple(policy.reshuffled([1, 2, 3], seed=str(n))) for n in range(40)}

    assert shown == {(2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)}


@pytest.mark.parametrize("order", [[], [5]])
def test_where_there_is_no_other_order_a_repeat_is_as_it_was(order):
    assert policy.reshuffled(order, seed="x") == order


def test_a_repeat_comes_50_comparisons_or_a_day_later():
    assert (policy.REPEAT_AFTER, policy.REPEAT_AFTER_SECONDS) == (50, 24 * 60 * 60)
