"""Configs: what is refused, in which words, and that JSON and back is the identity."""

import dataclasses
import json

import pytest

from rlhf.contract import config as configs
from rlhf.contract.config import STAGES, ConfigError, PpoConfig


def refusal(stage, values):
    with pytest.raises(ConfigError) as caught:
        configs.parse(stage, values)
    return caught.value.errors


@pytest.mark.parametrize("stage", STAGES)
def test_a_config_written_as_json_and_parsed_again_is_the_same(stage):
    config = configs.parse(stage, {"seed": 7})

    assert configs.parse(stage, json.loads(json.dumps(configs.to_json(config)))) == config


@pytest.mark.parametrize("stage", STAGES)
def test_every_field_has_a_help_text_and_bounds_or_choices(stage):
    fields = dataclasses.fields(STAGES[stage])

    assert all(f.metadata["help"].endswith(".") for f in fields)
    bounded = [f.metadata for f in fields if configs.type_of(f) is not bool]
    assert all(has["choices"] or has["minimum"] < has["maximum"] for has in bounded)


def test_missing_keys_take_the_default():
    assert configs.parse("ppo", {}) == PpoConfig()


def test_an_unknown_key_is_refused_with_the_one_that_was_meant():
    assert refusal("sft", {"learning_rat": 1e-4}) == {
        "learning_rat": "unknown key; did you mean 'learning_rate'?",
    }


def test_an_unknown_key_like_no_other_is_refused_with_those_that_are_known():
    message = refusal("sft", {"colour": "red"})["colour"]

    assert message.startswith("unknown key; known keys: seed, epochs, learning_rate")


def test_an_unknown_stage_is_refused_with_those_there_are():
    assert refusal("bpo", {}) == {"stage": f"expected one of {', '.join(STAGES)}; got 'bpo'."}


def test_a_negative_learning_rate_is_refused_with_its_bounds():
    assert refusal("sft", {"learning_rate": -1e-4}) == {"learning_rate": "expected 1e-08 to 1; got -0.0001."}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": "3"}, "expected int; got str '3'."),
        ({"epochs": 2.0}, "expected int; got float '2.0'."),
        ({"epochs": True}, "expected int; got bool 'True'."),
        ({"epochs": None}, "expected int; got NoneType 'None'."),
        ({"learning_rate": "fast"}, "expected float; got str 'fast'."),
        ({"learning_rate": True}, "expected float; got bool 'True'."),
        ({"learning_rate": [1]}, "expected float; got list '[1]'."),
    ],
)
def test_a_value_of_another_type_is_refused(values, message):
    assert list(refusal("sft", values).values()) == [message]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_refused(value):
    assert refusal("ppo", {"kl_coef": value}) == {"kl_coef": f"expected a finite number; got {value}."}


def test_the_bounds_themselves_are_allowed_and_the_next_value_is_not():
    assert configs.parse("sample", {"completions_per_prompt": 9}).completions_per_prompt == 9
    assert configs.parse("sample", {"completions_per_prompt": 1}).completions_per_prompt == 1

    assert "completions_per_prompt" in refusal("sample", {"completions_per_prompt": 10})
    assert "completions_per_prompt" in refusal("sample", {"completions_per_prompt": 0})


@pytest.mark.parametrize("values", [{"seed": 10**400}, {"learning_rate": 10**400}])
def test_a_number_too_large_for_any_field_is_refused_like_any_other(values):
    (message,) = refusal("sft", values).values()

    assert message.startswith("expected ")


def test_a_choice_that_is_none_of_them_is_refused():
    assert refusal("sample", {"prompts": "some"}) == {"prompts": "expected one of all, train, test; got 'some'."}


def test_a_width_that_does_not_divide_among_the_heads_is_refused_with_one_that_does():
    assert refusal("pretrain", {"hidden_size": 130, "heads": 4, "block_size": 600, "warmup_steps": 501}) == {
        "hidden_size": "must be a multiple of twice the heads; got 130 and 4 heads. Set it to 128.",
        "block_size": "must not exceed context; got 600 and 512. Raise context or lower it.",
        "warmup_steps": "must not exceed steps; got 501 and 500.",
    }


def test_a_batch_that_does_not_divide_into_minibatches_is_refused():
    assert refusal("ppo", {"batch_size": 30, "minibatches": 8}) == {
        "batch_size": "must be a multiple of minibatches; got 30 and 8."
    }


def test_every_field_that_is_wrong_is_named():
    assert set(refusal("ppo", {"steps": 0, "clip_range": 2.0, "epochs": "2"})) == {"steps", "clip_range", "epochs"}


def test_a_whole_number_is_a_fine_float():
    rate = configs.parse("sft", {"learning_rate": 1}).learning_rate

    assert (rate, type(rate)) == (1.0, float)


def test_constructing_a_config_checks_it_too():
    with pytest.raises(ConfigError, match="learning_rate: expected 1e-08 to 1; got 2.0"):
        PpoConfig(learning_rate=2.0)


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PpoConfig().steps = 5
