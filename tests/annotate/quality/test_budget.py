"""The label budget: known power laws are found, the band holds the truth, and too little is said to be too little."""

import numpy as np
import pytest

from annotate.quality.budget import CurvePoint, fit, information_at, label_budget

LAW = {"a": 0.6, "b": 0.4, "c": 0.8}
SIZES = (250, 500, 1000, 2000)


def at(n: float) -> float:
    return LAW["c"] - LAW["a"] * n ** -LAW["b"]


def points(rng: np.random.Generator | None = None, *, n_held_out: int = 2000) -> list[CurvePoint]:
    """The law's own values, or as measured on so many pairs."""
    measured = [at(n) if rng is None else rng.binomial(n_held_out, at(n)) / n_held_out for n in SIZES]
    return [CurvePoint(n, accuracy, n_held_out) for n, accuracy in zip(SIZES, measured, strict=True)]


def test_a_power_law_without_noise_is_found() -> None:
    found = fit(points(), ceiling=1.0, seed=1)

    assert found.b[0] == pytest.approx(LAW["b"], abs=0.026)  # the grid's step
    assert found.at(4000)[0] == pytest.approx(at(4000), abs=0.001)


def test_the_next_comparisons_buy_what_the_law_says_and_the_band_holds_it() -> None:
    truth = at(3000) - at(2000)

    bands = [
        label_budget(points(np.random.default_rng(s)), ceiling=0.85, information=(0.3, 0.4), seed=1).comparisons
        for s in range(40)
    ]

    assert sum(band.low <= truth <= band.high for band in bands) >= 34
    assert all(band.low <= band.value <= band.high for band in bands)


def test_no_model_passes_the_ceiling() -> None:
    found = label_budget(points(), ceiling=0.78, information=(0.3, 0.4), seed=1)

    assert found.limit.value <= 0.78
    assert found.limit.high <= 0.78


def test_second_opinions_are_worth_the_prompts_that_the_labels_gain_in_information() -> None:
    """From 0.3 to 0.4 on 1,000 of 2,000 prompts is a third of a thousand prompts more."""
    found = label_budget(points(), ceiling=1.0, information=(0.3, 0.4), seed=1)

    assert found.second_opinions.value == pytest.approx(at(2000 + 1000 / 3) - at(2000), abs=0.0005)
    assert found.second_opinions.value < found.comparisons.value


def test_below_four_points_there_is_no_budget() -> None:
    found = label_budget(points()[:3], ceiling=1.0, information=(0.3, 0.4), seed=1)

    assert found.comparisons.reason == (
        "Not enough data: 3 sizes of training set have been measured on the same held-out pairs, shown from 4."
    )
    assert found.limit.value is None


@pytest.mark.parametrize("accuracy", [0.5, 1.0])
def test_a_curve_without_a_rise_buys_nothing(accuracy: float) -> None:
    flat = [CurvePoint(n, accuracy, 400) for n in SIZES]

    found = label_budget(flat, ceiling=1.0, information=(0.0, 0.0), seed=1)

    assert found.comparisons.value == pytest.approx(0.0, abs=1e-9)
    assert found.second_opinions.value == 0.0


def test_the_information_of_a_vote_is_worked_by_hand() -> None:
    """Three of four see each pair alike. One vote: q = 3/4, (2q - 1)² = 1/4. Two votes: 10 in 16 agree, q = 9/10."""
    p = np.array([0.25, 0.75])

    assert information_at(p, 0) == 0.0
    assert information_at(p, 1) == pytest.approx(0.25)
    assert information_at(p, 2) == pytest.approx(10 / 16 * 0.64)
    assert information_at(p, 1.5) == pytest.approx((0.25 + 0.4) / 2)
    assert information_at(np.full(2, 0.5), 3) == 0.0
