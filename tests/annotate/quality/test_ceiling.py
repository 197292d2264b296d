"""What a perfect reward model could reach."""

import numpy as np
import pytest
from scipy.special import expit

from annotate.quality.ceiling import crowd_chances, label_ceiling
from annotate.quality.ranking import PairVotes
from tests.annotate.quality.crowds import drawn_votes, votes_on_pairs


@pytest.fixture(scope="module")
def uniform() -> PairVotes:
    """Three votes on 1500 pairs whose P is uniform: C1 = E max(P, 1 - P) = 3/4 and A = E P² + (1 - P)² = 2/3."""
    rng = np.random.default_rng(8)
    answers = np.where(rng.random((1500, 3)) < rng.random((1500, 1)), "+", "-")
    return votes_on_pairs(*("".join(row) for row in answers))


def test_the_estimates_find_the_known_truth(uniform: PairVotes) -> None:
    """Majority of three at P uniform: M = P²(3 - 2P), E max(M, 1 - M) = 13/16."""
    ceiling = label_ceiling(uniform, seed=1)

    assert ceiling.single_vote.value == pytest.approx(3 / 4, abs=0.015)
    assert ceiling.majority_of_three.value == pytest.approx(13 / 16, abs=0.015)
    assert ceiling.lower.value == pytest.approx(2 / 3, abs=0.02)
    assert ceiling.single_vote.low < 3 / 4 < ceiling.single_vote.high


def test_the_estimate_lies_within_the_bounds(uniform: PairVotes) -> None:
    ceiling = label_ceiling(uniform, seed=1)

    assert ceiling.lower.value < ceiling.single_vote.value < ceiling.upper.value
    assert ceiling.upper.value == pytest.approx((1 + np.sqrt(2 * ceiling.lower.value - 1)) / 2)


def test_annotators_are_measured_against_the_majority_of_the_others() -> None:
    """Of "++-" only the last has an undivided majority of others; it disagrees. In "+++" all three agree."""
    human = label_ceiling(votes_on_pairs(*["++-", "+++"] * 20), seed=1).human

    assert human.value == pytest.approx(3 / 4)
    assert human.n == 80


def test_where_all_agree_nothing_bounds_the_model() -> None:
    ceiling = label_ceiling(votes_on_pairs(*["+++", "---"] * 40), seed=1)

    assert ceiling.lower.value == ceiling.upper.value == 1.0
    assert ceiling.single_vote.value == pytest.approx(1.0, abs=1e-3)


def test_where_nobody_agrees_a_model_can_only_guess() -> None:
    ceiling = label_ceiling(votes_on_pairs(*["+-"] * 40), seed=1)

    assert ceiling.lower.value == ceiling.upper.value == 0.5
    assert ceiling.single_vote.value == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("prompts", [[], ["++"] * 29, ["+"] * 50, ["000"] * 50])
def test_too_few_second_opinions_give_a_reason(prompts: list[str]) -> None:
    ceiling = label_ceiling(votes_on_pairs(*prompts), seed=1)

    assert ceiling.single_vote.value is ceiling.lower.value is None
    assert "Not enough data" in ceiling.single_vote.reason


@pytest.mark.parametrize("seed", [3, 4])
def test_a_crowd_with_clickers_leaves_no_pair_undisputed_and_the_estimate_knows(seed: int) -> None:
    """P of a pair is the mean of its annotators' curves; with a Beta for P the estimate is 0.02 too low."""
    slopes = np.array([3.0] * 40 + [0.0] * 12 + [-3.0] * 3)
    votes, margins = drawn_votes(np.random.default_rng(seed), slopes=slopes, pulls=[0.2] * 55, n_pairs=6000)
    p = ((expit(np.outer(margins, slopes) + 0.2) + expit(np.outer(margins, slopes) - 0.2)) / 2).mean(axis=1)
    majority = p**2 * (3 - 2 * p)

    ceiling = label_ceiling(votes, seed=1)

    assert ceiling.single_vote.value == pytest.approx(np.maximum(p, 1 - p).mean(), abs=0.015)
    assert ceiling.majority_of_three.value == pytest.approx(np.maximum(majority, 1 - majority).mean(), abs=0.015)


def test_ties_are_left_out_and_counted() -> None:
    with_ties = label_ceiling(votes_on_pairs(*["++0", "--0"] * 40), seed=1)

    assert (with_ties.n_decisive, with_ties.n_ties) == (160, 80)
    assert with_ties.lower.value == 1.0


def test_a_million_votes_on_one_pair_are_not_enough_prompts() -> None:
    """One prompt says nothing of the next, however many votes it has."""
    ceiling = label_ceiling(votes_on_pairs("+-" * 50_000), seed=1)

    assert "1 prompts" in ceiling.single_vote.reason


@pytest.mark.parametrize("prompts", [[], ["+"], ["+", "-"], ["00"] * 3, ["+0"] * 3, ["++"], ["+-"]])
def test_the_crowd_is_known_as_far_as_the_votes_tell(prompts: list[str]) -> None:
    """However few they are, chances rise with the margin, and turning every pair changes nothing."""
    p = crowd_chances(votes_on_pairs(*prompts), seed=1)

    assert ((p >= 0) & (p <= 1)).all()
    assert (np.diff(p) >= -1e-9).all()
    np.testing.assert_allclose(p + p[::-1], 1.0, atol=1e-9)
