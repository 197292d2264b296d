"""The order of work by a reward model's doubt."""

import math

import pytest

from annotate import assignments, information, reward_models
from annotate.information import doubt
from annotate.models import Comparison
from annotate.reward_models import Scored


@pytest.mark.parametrize(
    ("scores", "bits"),
    [
        ([], 0.0),
        ([2.0], 0.0),
        ([1.0, 1.0], 1.0),
        ([0.0, math.log(3)], 0.811278),  # odds of 3 to 1
        ([0.0, 800.0], 0.0),
        ([0.0, 0.0, 800.0], 1 / 3),
    ],
)
def test_doubt_is_the_mean_entropy_over_pairs(scores, bits):
    assert doubt(scores) == pytest.approx(bits, abs=1e-6)


def test_doubt_does_not_depend_on_order_or_level():
    assert doubt([3.0, 1.0, 2.5]) == pytest.approx(doubt([102.5, 103.0, 101.0]))


@pytest.fixture
def scored(project, comparisons):
    """A model that is sure of the first comparison, unsure of the second, and knows the third in part."""
    Comparison.objects.update(source="run/1")
    gaps = [{letter: 9.0 * n for n, letter in enumerate("abcd")}, dict.fromkeys("abcd", 0.0), {"a": 0.0, "b": 0.0}]
    scores = [
        Scored(one.prompt.external_id, f"River {letter} of {n}.", score)
        for n, (one, values) in enumerate(zip(comparisons, gaps, strict=True))
        for letter, score in values.items()
    ]
    return reward_models.record(project, source="checkpoint/1", name="RM 1", scores=scores)


def test_what_the_model_cannot_tell_apart_is_handed_out_first(scored, comparisons, project, ana):
    assert information.order_work(scored, source="run/1") == 2

    assert list(Comparison.objects.order_by("pk").values_list("priority", flat=True)) == [0, 100, 0]
    assert assignments.reserve_next(ana, project).comparison == comparisons[1]


def test_comparisons_of_another_source_stay_where_they_are(scored):
    assert information.order_work(scored, source="run/2") == 0

    assert set(Comparison.objects.values_list("priority", flat=True)) == {0}
