"""A reward model beside the annotators, worked by hand."""

import numpy as np
import pytest

from annotate.quality.model_agreement import chances, confident_disagreements, consensus, model_agreement
from tests.annotate.quality.crowds import votes_on_pairs


def test_the_model_is_set_beside_the_consensus_and_each_annotator() -> None:
    """Everybody says i on 20 prompts and the model on 15 of them; on 10 more the annotators are split: no consensus."""
    votes = votes_on_pairs(*["++"] * 20, *["+-"] * 10)
    said = np.array([0.9] * 15 + [0.2] * 5 + [0.9] * 10)

    found = model_agreement(votes, said, category=np.array([0] * 10 + [1] * 20))

    assert (found.consensus.value, found.consensus.n) == (pytest.approx(15 / 20), 20)
    assert found.annotators[0].value == pytest.approx(25 / 30)
    assert found.annotators[1].value == pytest.approx(15 / 30)
    assert "Not enough data: 10 pairs" in found.categories[1].reason


def test_what_the_model_has_not_scored_is_in_no_figure() -> None:
    votes = votes_on_pairs(*["++"] * 30)
    scores = chances(votes.units, {0: 2.0, 1: 0.0, 2: 1.0})

    assert scores[0] == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert np.isnan(scores[1:]).all()
    assert model_agreement(votes, scores, category=np.zeros(30, dtype=np.int64)).consensus.n == 1


def test_equal_scores_are_a_tie_and_half_agree() -> None:
    votes = votes_on_pairs(*["++"] * 20)

    found = model_agreement(votes, np.full(20, 0.5), category=np.zeros(20, dtype=np.int64))

    assert found.consensus.value == 0.5


def test_no_votes_are_not_enough_data() -> None:
    found = model_agreement(votes_on_pairs(), np.zeros(0), category=np.zeros(0, dtype=np.int64))

    assert "Not enough data" in found.consensus.reason
    assert (found.annotators, found.categories) == ({}, {})


def test_the_consensus_is_the_median_answer() -> None:
    assert consensus(votes_on_pairs("++-", "0+.", "-00")).tolist() == [1.0, 0.5, 0.0]
    assert np.isnan(consensus(votes_on_pairs("+-"))).all()


def test_only_what_both_are_sure_of_is_a_confident_disagreement() -> None:
    model = np.array([0.95, 0.95, 0.6, np.nan, 0.05])
    people = np.array([0.05, 0.95, 0.05, 0.05, 0.99])

    assert confident_disagreements(model, people, sure=0.85).tolist() == [4, 0]
