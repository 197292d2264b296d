"""Texts that say nearly the same belong together, however many there are and in whatever order the bands meet them."""

import numpy as np
import pytest

from annotate.quality.near_duplicates import first_alike

LONG = "Explain to a child of eight why the sky is blue, in three short sentences and without the word scattering. "


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], []),
        (["one"], [0]),
        (["", "  ", "a"], [0, 0, 2]),
        (["The  Rhine rises\nin the Alps", "the rhine rises in the alps", "A lake"], [0, 0, 2]),
        ([LONG * 3, "Something else entirely", LONG * 3 + "Please."], [0, 1, 0]),
        ([LONG, LONG.replace("sky", "sea").replace("blue", "salt").replace("child", "pilot")], [0, 1]),
        (["请用三句话解释天空为什么是蓝色的，不要使用术语。", "请用三句话解释海水为什么是咸的，可以举例。"], [0, 1]),
    ],
)
def test_what_differs_in_a_word_is_alike_and_what_says_something_else_is_not(
    texts: list[str], expected: list[int]
) -> None:
    assert first_alike(texts).tolist() == expected


def test_likeness_is_passed_on_to_the_first_of_all() -> None:
    """The third is like the second and the second like the first: one group, led by the earliest."""
    words = [f"word{n}" for n in range(120)]
    second, third = ["other"] * 4 + words[4:], ["other"] * 4 + words[4:-4] + ["other"] * 4

    assert first_alike([" ".join(words), " ".join(second), " ".join(third)]).tolist() == [0, 0, 0]


def test_of_many_texts_the_copies_are_found_and_no_others() -> None:
    """500 random texts, then each again with its last word changed: 12 of 13 words are the same."""
    rng = np.random.default_rng(5)
    vocabulary = np.array(["".join(chr(97 + c) for c in rng.integers(0, 26, 7)) for _ in range(800)])
    drawn = [" ".join(rng.choice(vocabulary, 13)) for _ in range(500)]
    copies = [f"{text.rsplit(' ', 1)[0]} {rng.choice(vocabulary)}" for text in drawn]

    found = first_alike([*drawn, *copies])

    assert found[:500].tolist() == list(range(500))
    assert (found[500:] == np.arange(500)).mean() > 0.5  # an overlap of 0.85 is where the line is drawn
    assert np.isin(found[500:], [*range(500), *range(500, 1000)]).all()
