"""Minimum data and the scales by which figures are read."""

import pytest

from annotate.quality import minimum, reading
from annotate.quality.estimate import Estimate, undefined


def test_below_its_minimum_an_estimate_is_a_reason_with_its_n() -> None:
    shown = minimum.PROJECT.of_estimate(Estimate(0.7, n=29))

    assert (shown.value, shown.n) == (None, 29)
    assert shown.reason == "Not enough data: 29 prompts with two annotators, shown from 30."


def test_from_its_minimum_on_an_estimate_is_shown_and_from_more_it_is_acted_upon() -> None:
    assert minimum.PROJECT.of_estimate(Estimate(0.7, n=30)).value == 0.7
    assert not minimum.PROJECT.is_acted_upon(199)
    assert minimum.PROJECT.is_acted_upon(200)


def test_the_reason_of_an_undefined_estimate_is_kept() -> None:
    nothing = undefined("No variation.", n=3)

    assert minimum.PROJECT.of_estimate(nothing) == nothing


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.59, "unusable as it stands"), (0.60, "weak"), (0.67, "usual"), (0.77, reading.STRONG), (1.0, reading.STRONG)],
)
def test_preferences_are_read_by_what_is_usual_for_preferences(value: float, words: str) -> None:
    assert reading.read(Estimate(value, n=300), scale=reading.PREFERENCES).words == words


def test_the_distance_is_nought_within_what_is_usual_and_signed_outside() -> None:
    distances = [reading.read(Estimate(value, n=9), scale=reading.PREFERENCES).distance for value in (0.6, 0.7, 0.8)]

    assert distances == pytest.approx([-0.07, 0.0, 0.03])


def test_a_reading_is_sure_only_if_the_whole_interval_reads_alike() -> None:
    assert reading.read(Estimate(0.7, n=9, low=0.68, high=0.72), scale=reading.PREFERENCES).is_sure
    assert not reading.read(Estimate(0.7, n=9, low=0.66, high=0.72), scale=reading.PREFERENCES).is_sure


def test_facts_have_krippendorffs_limits() -> None:
    assert reading.read(Estimate(0.7, n=9), scale=reading.FACTS).words == "tentative"


def test_nothing_is_read_from_what_has_no_value() -> None:
    assert reading.read(undefined("No variation.", n=3), scale=reading.FACTS) is None
