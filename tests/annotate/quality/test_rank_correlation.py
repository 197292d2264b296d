"""Spearman, tau-b and the exact p against scipy; published values: test_reference_cases.py."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from annotate.quality import rank_correlation

ORDERS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=9)


@given(ORDERS)
def test_rho_and_tau_b_equal_scipys(pairs: list) -> None:
    x, y = np.array(pairs, dtype=float).T
    assume(np.ptp(x) > 0 and np.ptp(y) > 0)

    assert rank_correlation.spearman(x, y).value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert rank_correlation.kendall_tau_b(x, y).value == pytest.approx(stats.kendalltau(x, y).statistic)


@given(st.permutations(range(6)))
def test_the_exact_p_equals_scipys(order: list) -> None:
    x, y = np.arange(6.0), np.array(order, dtype=float)

    assert rank_correlation.kendall_exact_p(x, y) == pytest.approx(stats.kendalltau(x, y, method="exact").pvalue)


def test_the_exact_p_is_for_orders_without_ties() -> None:
    with pytest.raises(ValueError, match="without ties"):
        rank_correlation.kendall_exact_p(np.array([1.0, 1.0]), np.array([1.0, 2.0]))


@pytest.mark.parametrize("n", [0, 1, 4])
def test_who_ties_everything_has_no_order_to_compare(n: int) -> None:
    flat, rising = np.zeros(n), np.arange(float(n))

    assert rank_correlation.spearman(flat, rising).reason == rank_correlation.ALL_TIED
    assert rank_correlation.kendall_tau_b(rising, flat).reason == rank_correlation.ALL_TIED
