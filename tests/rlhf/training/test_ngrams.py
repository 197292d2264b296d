"""The Kneser-Ney model, against probabilities worked by hand."""

import math

import pytest

from rlhf.training.ngrams import NgramModel

pytestmark = pytest.mark.torch

TEXTS = [[0, 1, 2], [0, 1, 3], [0, 1, 2], [4, 2]]


@pytest.mark.parametrize("before", [[], [0], [0, 1], [4], [3, 3], [9]])
def test_probabilities_sum_to_one_after_any_context(before):
    model = NgramModel(TEXTS, vocabulary=6)

    assert math.fsum(model.probability(token, before) for token in range(6)) == pytest.approx(1.0)


def test_a_bigram_probability_worked_by_hand():
    model = NgramModel(TEXTS, vocabulary=6, order=2)
    # bigrams: <0 x3, <4, 01 x3, 12 x2, 13, 42: three were seen once, one twice, so the discount is 3/5
    # unigrams count contexts: 0:1 1:1 2:2 3:1 4:1, six in all, five distinct; four once, one twice: discount 4/6
    unigram = (2 - 2 / 3) / 6 + (2 / 3) * 5 / 6 * (1 / 6)
    expected = (2 - 0.6) / 3 + 0.6 * 2 / 3 * unigram

    assert model.probability(2, [1]) == pytest.approx(expected)


def test_lower_orders_count_contexts_and_not_occurrences():
    # «9» was seen often, but only after «8»: it is an unlikely word elsewhere (Kneser and Ney's «Francisco»)
    texts = [[8, 9]] * 10 + [[1, 2], [3, 2], [4, 2]]
    model = NgramModel(texts, vocabulary=10, order=2)

    assert model.probability(2, [7]) > model.probability(9, [7])


def test_text_like_the_data_surprises_less_than_noise():
    model = NgramModel([[1, 2, 3, 4, 5]] * 4, vocabulary=50)

    assert model.perplexity([[1, 2, 3, 4, 5]]) < 2 < 20 < model.perplexity([[40, 41, 42, 43]])
    assert math.isnan(model.perplexity([[]]))


def test_nothing_to_count_is_refused():
    with pytest.raises(ValueError, match="at least one token"):
        NgramModel([[]], vocabulary=4)
