"""Where a quoted passage stands in its source."""

import pytest

from annotate import quotes


@pytest.mark.parametrize(
    ("source", "quote", "found"),
    [
        ("The Nile is a river.", "Nile", "Nile"),
        ("The **Nile** is long.", "Nile is long", "Nile** is long"),
        ("one\n\ntwo", "one two", "one\n\ntwo"),
        ("- one\n- two", "one two", "one\n- two"),
        ("a == b", "a == b", "a == b"),
        ("***", "***", "***"),
        ("长江是河。", "江是", "江是"),
    ],
)
def test_a_passage_is_found_as_it_reads_without_markup(source, quote, found):
    start, end = quotes.find(source, quote)

    assert source[start:end] == found


@pytest.mark.parametrize("quote", ["Amazon", "x = y", " ", ""])
def test_a_passage_that_stands_nowhere_is_not_found(quote):
    assert quotes.find("x < y and the Nile", quote) is None


def test_of_several_places_the_one_that_was_selected_is_found():
    assert [quotes.find("no, no, no", "no", nth=n) for n in (0, 2, 9)] == [(0, 2), (8, 10), (8, 10)]


def test_a_stored_mark_is_found_again_by_its_words_and_its_place():
    source = "no, **no**, no"

    assert quotes.find(source, source[6:8], nth=quotes.nth_of(source, 6, 8)) == (6, 8)
