"""Figures of diversity, worked by hand."""

import math

import pytest

from rlhf.training.diversity import distinct, repetition, self_bleu

pytestmark = pytest.mark.torch


def test_distinct_counts_each_ngram_once():
    assert distinct([[1, 2, 1], [1, 2]], 1) == 2 / 5
    assert distinct([[1, 2, 1], [1, 2]], 2) == 2 / 3
    assert distinct([[1]], 2) == 0.0


def test_repetition_is_the_share_of_ngrams_a_completion_said_before():
    assert repetition([[1, 2, 3, 4, 1, 2, 3, 4]]) == pytest.approx(1 - 4 / 5)
    assert repetition([[1, 2], []]) == 0.0


def test_the_self_bleu_of_equal_completions_is_one_and_of_strangers_nearly_zero():
    assert self_bleu([[1, 2, 3, 4, 5]] * 3) == pytest.approx(1.0)
    strangers = self_bleu([[1, 2, 3, 4], [5, 6, 7, 8]])
    assert strangers == pytest.approx(math.exp(sum(math.log(0.1 / n) for n in (4, 3, 2, 1)) / 4))


def test_self_bleu_clips_counts_and_punishes_brevity():
    first, second = [1, 1, 1], [1, 2, 3, 4, 5]
    # of the first against the second: 1 of 3 unigrams, 0 of 2 bigrams, 0 of 1 trigram; 3 tokens against 5
    of_first = math.exp((math.log(1 / 3) + math.log(0.1 / 2) + math.log(0.1 / 1)) / 3 + 1 - 5 / 3)
    # of the second against the first: 1 of 5, 0 of 4, 0 of 3, 0 of 2; longer, so no penalty
    of_second = math.exp((math.log(1 / 5) + sum(math.log(0.1 / n) for n in (4, 3, 2))) / 4)

    assert self_bleu([first, second]) == pytest.approx((of_first + of_second) / 2)


def test_a_completion_is_not_its_own_reference():
    assert self_bleu([[1, 2, 3, 4], [1, 9, 8, 7], [5, 5, 5, 5]]) < 0.3
    assert self_bleu([[1, 2, 3]]) == 0.0
    assert self_bleu([[1, 2, 3], []]) == 0.0
