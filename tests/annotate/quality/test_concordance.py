"""Kendall's W and mean rho."""

import numpy as np
import pytest

from annotate.quality import tiers
from annotate.quality.concordance import kendall_w, mean_rho, rank_sum_spread


@pytest.mark.parametrize("name", ["kendall_w_siegel_job_applicants", "kendall_w_with_ties_kendall_1948"])
def test_w_and_s_equal_the_published_values(published: dict, name: str) -> None:
    case = published[name]
    ranks = np.array(case["input"]["data"], dtype=np.float64)

    assert kendall_w(ranks).value == pytest.approx(case["expected"]["W"], abs=case["tolerance"]["W"])
    assert rank_sum_spread(ranks) == pytest.approx(case["expected"]["S"], abs=case["tolerance"]["S"])


def test_order_lists_are_not_rank_vectors() -> None:
    """A C D B against B D C A: ranks 1 4 2 3 and 4 1 3 2 are opposite, though the lists read as ranks agree by 0.6."""
    orders = [[[0], [2], [3], [1]], [[1], [3], [2], [0]]]
    ranks = np.array([[tiers.midranks(order)[completion] for completion in range(4)] for order in orders])

    assert mean_rho(ranks).value == pytest.approx(-1.0)
    assert mean_rho(np.array([[0.0, 2.0, 3.0, 1.0], [1.0, 3.0, 2.0, 0.0]])).value == pytest.approx(0.6)


def test_without_agreement_w_is_one_over_m_on_average_and_mean_rho_zero() -> None:
    rng = np.random.default_rng(1)
    projects = [rng.permuted(np.tile(np.arange(1.0, 5.0), (3, 1)), axis=1) for _ in range(400)]

    w = np.array([kendall_w(ranks).value for ranks in projects])
    rho = np.array([mean_rho(ranks).value for ranks in projects])

    assert w.mean() == pytest.approx(1 / 3, abs=3 * w.std() / 20)
    assert abs(rho.mean()) < 3 * rho.std() / 20


def test_a_judge_who_ties_everything_tells_nothing_and_drops_out() -> None:
    ranks = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [2.0, 2.0, 2.0]])

    assert kendall_w(ranks).value == 1.0
    assert kendall_w(ranks).n == 2


@pytest.mark.parametrize("ranks", [np.empty((0, 0)), np.array([[1.0, 2.0]]), np.full((3, 4), 2.5)])
def test_fewer_than_two_telling_judges_give_a_reason(ranks: np.ndarray) -> None:
    assert kendall_w(ranks).value is None
    assert mean_rho(ranks).reason.startswith("Fewer than two judges")
