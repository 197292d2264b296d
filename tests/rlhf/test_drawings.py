"""Places on paper, by hand: the paper runs from x 48 to 464 and from y 30 (top) to 254."""

import pytest

from rlhf import drawings
from rlhf.drawings import Axis, Band, Line, Point

UNIT = Axis(0.0, 1.0, "share", (0.0, 0.5, 1.0))


def test_the_corners_of_the_axes_are_the_corners_of_the_paper():
    found = drawings.drawing([Point(0.0, 0.0, "a"), Point(1.0, 1.0, "b")], x=UNIT, y=UNIT)

    assert [(point.x, point.y) for point in found.points] == [(48.0, 254.0), (464.0, 30.0)]


def test_an_interval_stands_above_and_below_its_point():
    (point,) = drawings.drawing([Point(0.5, 0.5, "a", low=0.25, high=0.75)], x=UNIT, y=UNIT).points

    assert (point.top, point.y, point.foot) == (86.0, 142.0, 198.0)


def test_lines_and_bands_share_the_axes():
    found = drawings.drawing([], x=UNIT, y=UNIT, lines=[Line([(0.0, 1.0), (0.5, 0.5)])], bands=[Band(0.5, 1.0, "up")])

    assert found.lines[0].points == "48,30 256,142"
    assert (found.bands[0].y, found.bands[0].height) == (30.0, 112.0)


def test_doublings_are_equally_far_apart_on_a_logarithmic_axis():
    axis = drawings.axis([100, 200, 400], "prompts", is_log=True)

    shares = [axis.share(value) for value in axis.ticks]

    assert shares[1] - shares[0] == pytest.approx(shares[2] - shares[1])


def test_equal_values_still_have_an_axis():
    assert drawings.axis([0.0, 0.0], "score").share(0.0) == 0.5


def test_what_lies_beyond_an_end_is_put_on_it():
    assert (UNIT.share(-3.0), UNIT.share(2.0)) == (0.0, 1.0)
