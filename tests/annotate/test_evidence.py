"""What a page claims to have measured: kept where it can be true, dropped where it cannot."""

import pytest

from annotate import evidence


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12.5", 12.5), ("60", 60.0), ("99999", 60.0), ("0", None), ("-5", None), ("", None), ("soon", None)]
    + [("nan", None), ("inf", None), ("1e400", None), ("1" * 5000, 60.0), ("１２", 12.0)],
)
def test_active_seconds_are_never_more_than_the_clock_says(text, seconds):
    assert evidence.active_seconds(text, wall_seconds=60) == seconds


def test_without_a_clock_there_is_no_active_time():
    assert evidence.active_seconds("12", wall_seconds=None) is None


@pytest.mark.parametrize(("text", "ids"), [("C A C", (12, 15)), ("", ()), ("a -1 D 15 B", (9,)), ("A" * 5000, ())])
def test_only_letters_of_the_page_are_read(text, ids):
    assert evidence.read(text, labels={15: "A", 9: "B", 12: "C"}) == ids
