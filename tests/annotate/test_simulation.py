"""Simulated annotators: their taste worked by hand, each one's fault, and that nobody takes them for people."""

import random
from statistics import NormalDist

import pytest

from annotate import preferences, simulation
from annotate.models import Annotator, Assignment, Origin, Ranking
from annotate.simulation import Person, true_score

ENGLISH = [{"role": "user", "content": "What helps against rain?"}]
CHINESE = [{"role": "user", "content": "下雨的时候怎么办？"}]
GOOD = "Take an umbrella with you."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, 3.0),  # language 2, no repeats 1, an end 2, length 1, less 3
        ("Take an umbrella with you", 1.0),  # no end
        ("今天请带一把雨伞出门。", 1.0),  # the other language
        ("", -2.0),  # nothing repeats, and that is all
        ("Umbrella.", 2.25),  # one word of at least four: a quarter of the length's point
        ("12 34 56 78.", 1.0),  # no letters of any language
    ],
)
def test_the_true_score_of_an_answer_to_an_english_prompt(text, expected):
    assert true_score(ENGLISH, text) == pytest.approx(expected)


@pytest.mark.parametrize(("text", "expected"), [("今天请带一把雨伞出门。", 3.0), (GOOD, 1.0)])
def test_the_true_score_of_an_answer_to_a_chinese_prompt(text, expected):
    assert true_score(CHINESE, text) == pytest.approx(expected)


def test_the_last_message_decides_the_language():
    assert true_score([*CHINESE, {"role": "assistant", "content": "带伞。"}, *ENGLISH], GOOD) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("abc 你我他", 0.5), ("ab 你我他们他们", 2 / 8), ("ébc", 1.0), ("好", 0.0), ("123", 0.0)],
)
def test_the_language_match_is_the_share_of_letters(text, expected):
    assert simulation.language_match("What is it?", text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two three four", 0.0),
        ("a b c A B c", 1 / 4),  # abc bca cab abc
        ("a b c a b d", 0.0),  # a pair comes again, no three
        ("no no no no no", 2 / 3),  # three times the same
        ("好的好的好的", 2 / 4),  # 好的好 的好的 好的好 的好的: two of four were there before
        ("no no", 0.0),  # too short for a trigram
    ],
)
def test_the_repeat_rate_is_the_share_of_trigrams_that_were_there_before(text, expected):
    assert simulation.repeat_rate(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("words", "expected"), [(0, 0.0), (2, 0.5), (4, 1.0), (40, 1.0), (60, 0.5), (80, 0.0), (99, 0.0)]
)
def test_the_length_fits_from_four_to_forty_words_and_falls_on_both_sides(words, expected):
    assert simulation.length_fit("word " * words) == pytest.approx(expected)


def test_chinese_characters_count_by_what_they_say():
    assert simulation.word_count("雨" * 16) == pytest.approx(10)


@pytest.mark.parametrize("text", ["Go.", "Go!", "Go?  ", "走。", "他说：“走！”", "(Go.)", "Wait…"])
def test_an_answer_that_ends_is_finished(text):
    assert true_score(ENGLISH, text) - true_score(ENGLISH, text.rstrip(" .!?。！”)…")) > 1.5


@pytest.mark.parametrize("text", ["word " * 500, "雨" * 5000, "!" * 100, "\n", "the the the " * 90])
def test_no_score_leaves_its_range(text):
    assert -3.0 <= true_score(ENGLISH, text) <= 3.0


EXACT = Person("exact", noise=0.0, tie_width=0.1)


def said(person, texts, *, seed=1):
    return simulation.rank(person, ENGLISH, texts, rng=random.Random(seed))


def test_without_noise_the_ranking_is_that_of_the_true_scores():
    assert said(EXACT, ["Umbrella", GOOD, "Umbrella."]) == [[1], [2], [0]]


def test_neighbours_closer_than_the_tie_width_are_a_tie():
    assert said(EXACT, [GOOD, "Umbrella", "Stay at home this evening."]) == [[0, 2], [1]]


def test_the_same_random_numbers_give_the_same_ranking():
    careless = simulation.CROWD[5]
    texts = [GOOD, "Umbrella.", "No"]

    assert [said(careless, texts, seed=n) for n in range(9)] == [said(careless, texts, seed=n) for n in range(9)]
    assert said(careless, texts, seed=1) != said(careless, texts, seed=3)


def person(name):
    (found,) = [one for one in simulation.CROWD if one.name == name]
    return found


def share_of_first(one, texts):
    """How often a person puts the first of two texts alone on top, of a thousand times."""
    return sum(said(one, texts, seed=n)[0] == [0] for n in range(1000)) / 1000


def expected_share(one, difference):
    """The same by the normal distribution: the noises of two texts differ with a deviation of noise times root 2."""
    return NormalDist(one.tie_width, one.noise * 2**0.5).cdf(difference)


FOUR_STANDARD_ERRORS = 0.0632
UNFINISHED = "Take an umbrella with you"


@pytest.mark.parametrize(("name", "expected"), [("careful-1", 1.0), ("average-3", 0.953), ("careless", 0.632)])
def test_the_careful_see_what_is_better_and_the_careless_hardly(name, expected):
    """The two texts lie 2 apart by the rule; the better one stands second on the page."""
    share = sum(said(person(name), [UNFINISHED, GOOD], seed=n)[0] == [1] for n in range(1000)) / 1000

    assert expected_share(person(name), 2.0) == pytest.approx(expected, abs=5e-3)
    assert share == pytest.approx(expected, abs=FOUR_STANDARD_ERRORS)


def test_who_follows_the_position_prefers_the_first_of_two_good_answers():
    one = person("follows-position")

    share = share_of_first(one, [GOOD, "Stay at home this evening."])

    assert share == pytest.approx(expected_share(one, 1.5), abs=FOUR_STANDARD_ERRORS)
    assert share > 0.9


def test_who_prefers_length_prefers_the_longer_of_two_good_answers():
    one = person("prefers-length")
    long = "Take a big umbrella, a warm coat, two dry socks and some hot tea with you, then walk under the old trees."

    share = share_of_first(one, [long, GOOD])

    assert simulation.word_count(long) - simulation.word_count(GOOD) == 17
    assert share == pytest.approx(expected_share(one, 17 * 0.06), abs=FOUR_STANDARD_ERRORS)
    assert share > 0.8


def test_the_crowd_is_marked_as_simulated_and_made_once(db):
    first, again = simulation.crowd(), simulation.crowd()

    assert [annotator.pk for _, annotator in first] == [annotator.pk for _, annotator in again]
    assert [one.name for one, _ in first] == [annotator.external_id for _, annotator in first]
    assert set(Annotator.objects.values_list("origin", "source", "user")) == {(Origin.SIMULATED, "simulation", None)}
    assert all(annotator.pseudonym.startswith("simulated-") for _, annotator in first)


def test_the_crowd_ranks_as_much_as_it_is_told(project, comparisons):
    assert simulation.work(project, ranking_count=4, seed=1) == 4

    assert Ranking.objects.count() == 4
    assert Assignment.objects.filter(state="open").count() == 2
    assert not Assignment.objects.filter(state="reserved").exists()


def test_the_crowd_stops_where_there_is_no_more_work(project, comparisons):
    assert simulation.work(project, ranking_count=100, seed=1) == 6  # three comparisons with two places

    assert simulation.work(project, ranking_count=100, seed=2) == 0


def test_every_ranking_of_the_crowd_is_known_as_simulated(project, comparisons):
    simulation.work(project, ranking_count=6, seed=1)

    assert set(Ranking.objects.values_list("annotator__origin", flat=True)) == {Origin.SIMULATED}
    assert preferences.beliefs(project).has_simulated


def test_a_ranking_of_the_crowd_names_each_completion_once(project, comparisons):
    simulation.work(project, ranking_count=6, seed=1)

    ranking = Ranking.objects.first()
    ids = sorted(ranking.comparison.completions.values_list("pk", flat=True))
    assert sorted(pk for tier in ranking.tiers for pk in tier) == ids
