"""Worths from whole rankings: Davidson's model as the case of two, known truth."""

import numpy as np
import pytest

from annotate.quality.bradley_terry import fit_counts
from annotate.quality.plackett_luce import plackett_luce


def test_of_two_items_it_is_davidsons_model() -> None:
    rankings, times = [[[0], [1]], [[1], [0]], [[0, 1]], [[1], [2]], [[2], [1]], [[1, 2]]], [19, 22, 16, 8, 5, 4]
    wins, ties = np.array([[0.0, 19, 0], [22, 0, 8], [0, 5, 0]]), np.array([[0.0, 16, 0], [16, 0, 4], [0, 4, 0]])

    found, davidson = plackett_luce(rankings, n_items=3, weights=times, pseudo=0.0), fit_counts(wins, ties)

    assert found.log_worth == pytest.approx(davidson.ability, abs=1e-5)
    assert found.log_tie == pytest.approx(davidson.log_tie, abs=1e-5)


def test_known_worths_and_ties_are_found() -> None:
    truth, delta, rng = np.array([0.8, 0.2, -0.3, -0.7]), 0.4, np.random.default_rng(4)
    rankings = [_drawn(rng, np.exp(truth), delta) for _ in range(4000)]

    found = plackett_luce(rankings, n_items=4)

    assert found.log_worth == pytest.approx(truth, abs=0.08)
    assert np.exp(found.log_tie) == pytest.approx(delta, abs=0.04)
    assert found.gradient < 1e-3


def test_ties_of_three_are_left_out_and_counted() -> None:
    found = plackett_luce([[[0, 1, 2]], [[0], [1], [2]]], n_items=3)

    assert (found.used, found.left_out) == (1.0, 1.0)


@pytest.mark.parametrize("rankings", [[], [[[0], [1]]], [[[0, 1]]] * 3, [[[0], [1]], [[2], [3]]]])
def test_odd_data_have_finite_worths(rankings: list) -> None:
    assert np.isfinite(plackett_luce(rankings, n_items=4).log_worth).all()


def _drawn(rng: np.random.Generator, worth: np.ndarray, delta: float) -> list[list[int]]:
    left, order = list(range(len(worth))), []
    while left:
        sets = [[i] for i in left] + [[i, j] for i in left for j in left if i < j]
        chance = np.array([worth[s[0]] if len(s) == 1 else delta * np.sqrt(worth[s[0]] * worth[s[1]]) for s in sets])
        order.append(sets[rng.choice(len(sets), p=chance / chance.sum())])
        left = [i for i in left if i not in order[-1]]
    return order
