"""Reports as JSON and back: the same values, never a NaN, and a shape that has changed is noticed."""

import json
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from annotate.consistency.codec import Outdated, plain, revived
from annotate.quality.arrays import Ints
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.intervals import BothIntervals


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Page:
    name: str
    day: date
    colour: Colour
    both: BothIntervals
    counts: dict[int, list[float]]
    marks: list[tuple[date, str]]
    ids: tuple[int, ...]
    more: Estimate | None
    codes: Ints


PAGE = Page(
    name="a",
    day=date(2026, 11, 25),
    colour=Colour.RED,
    both=BothIntervals(Estimate(0.5, n=3, low=0.1, high=0.9), undefined("Too little.", n=2)),
    counts={7: [0.5, 1.0]},
    marks=[(date(2026, 1, 1), "v1")],
    ids=(1, 2),
    more=None,
    codes=np.array([7, -1]),
)


def test_what_was_stored_comes_back_the_same():
    found = revived(Page, json.loads(json.dumps(plain(PAGE), allow_nan=False)))

    assert_array_equal(found.codes, PAGE.codes, strict=True)
    assert replace(found, codes=PAGE.codes) == PAGE


def test_no_report_holds_a_number_that_is_none():
    with pytest.raises(ValueError, match="holds no nan"):
        plain({"value": float("nan")})


@pytest.mark.parametrize(
    "change",
    [{"extra": 1}, {"name": None, "day": "yesterday"}, {"colour": "blue"}, {"codes": ["<i8", "no bytes"]}, {"both": 3}],
)
def test_another_shape_is_outdated(change):
    with pytest.raises(Outdated):
        revived(Page, plain(PAGE) | change)
