"""What a sweep tries, as a person writes it."""

import pytest

from rlhf import search
from rlhf.contract.config import ConfigError


def refusal(text, *, stage="ppo", draws=0):
    with pytest.raises(ConfigError) as caught:
        search.settings(search.parse(stage, text), draws=draws, seed=1)
    return caught.value.errors["search"]


def test_a_grid_is_every_combination():
    found = search.parse("ppo", "learning_rate: 1e-4, 3e-4\nepochs: 1, 2")

    assert search.settings(found, draws=0, seed=1) == [
        {"learning_rate": 1e-4, "epochs": 1},
        {"learning_rate": 1e-4, "epochs": 2},
        {"learning_rate": 3e-4, "epochs": 1},
        {"learning_rate": 3e-4, "epochs": 2},
    ]


def test_draws_lie_in_their_spans_and_are_the_same_for_the_same_seed():
    found = search.parse("ppo", "kl_coef: 0.01 .. 0.3 log\nepochs: 1 .. 4\ncritic: ridge, head")

    drawn = search.settings(found, draws=20, seed=3)

    assert all(0.01 <= one["kl_coef"] <= 0.3 and one["epochs"] in {1, 2, 3, 4} for one in drawn)
    assert {one["critic"] for one in drawn} == {"ridge", "head"}
    assert len({one["kl_coef"] for one in drawn}) > 15
    assert drawn == search.settings(found, draws=20, seed=3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("learning_rate 1e-4", "«learning_rate 1e-4» is not «field: value, value» or «field: low .. high»."),
        ("speed: 1", "ppo has no field «speed»; it has seed, steps"),
        ("epochs: 1\nepochs: 2", "«epochs» stands there twice."),
        ("epochs: one", "«epochs» takes whole numbers; got «one»."),
        ("kl_coef: 0.3 .. 0.1", "the span of «kl_coef» must rise; got 0.3 .. 0.1."),
        ("kl_coef: 0 .. 1 log", "must rise, from above 0"),
        ("kl_coef: 0.1 .. 1", "«kl_coef» is a span, of which there is no grid."),
        ("critic: a .. b", "«critic» is no number, so it has no span."),
        ("gradient_checkpointing: yes", "«gradient_checkpointing» is true or false; got «yes»."),
        ("seed: " + ", ".join(map(str, range(65))), "the grid has 65 runs, more than 64."),
        (f"epochs: {'9' * 400}", "«epochs» is too large"),
        ("  \n", "names no field"),
    ],
)
def test_a_refusal_names_the_field_and_the_fix(text, sentence):
    assert sentence in refusal(text)
