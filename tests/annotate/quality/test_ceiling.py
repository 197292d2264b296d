"""What a perfect reward model could reach."""

import numpy as np
import pytest

from annotate.quality.ceiling import label_ceiling
from annotate.quality.ranking import PairVotes
from tests.annotate.quality.crowds import votes_on_pairs


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
