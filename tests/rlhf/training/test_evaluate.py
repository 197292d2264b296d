"""Evaluation: a reward model's accuracy and a policy's figures, counted again by hand."""

import math

import pytest
import torch

from rlhf.contract.records import PromptRecord
from rlhf.training import data, evaluate, models, run, scoring
from rlhf.training.generation import Generated
from tests.rlhf.training.conftest import pair, user

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("in_float32")]

QUICK = {"completions_per_prompt": 2, "max_new_tokens": 6, "max_length": 40, "max_prompt_tokens": 32}


@pytest.fixture
def evaluated(make_run, make_snapshot):
    """Evaluate a model; prompts p0 and p4 of eight are held out."""

    def evaluated(base, *, pairs=(), asked=None, reward_model="", baseline="", **config):
        snapshot = make_snapshot(pairs=pairs, prompts=asked)
        inputs = {"reward_model": reward_model, "baseline": baseline}
        directory = make_run("evaluate", snapshot=snapshot, base=base, config=QUICK | config, **inputs)
        return run.execute("evaluate", evaluate.evaluate, directory)

    return evaluated


WORDS = ["yes", "no", "river", "so it is", "never", "?!", "well", "indeed, sir", "0"]
HELD_OUT = [pair(1, chosen=WORDS[i - 1], rejected=WORDS[i], split="test") for i in range(len(WORDS))]
"""A circle: no model has them all right, none all wrong."""


def hand_score(directory, one, completion):
    """The score of a completion by transformers' own forward pass."""
    model, tokenizer = models.load_reward_model(directory), models.load_tokenizer(directory)
    ids = models.prompt_ids(tokenizer, user(f"Say {one.prompt_id[1:]}")) + models.completion_ids(tokenizer, completion)
    with torch.no_grad():
        return model(torch.tensor([ids])).logits.item()


def test_the_accuracy_of_a_reward_model_is_a_count_of_held_out_pairs(evaluated, reward_base):
    right = sum(hand_score(reward_base, p, p.chosen) > hand_score(reward_base, p, p.rejected) for p in HELD_OUT)

    found = evaluated(reward_base, pairs=HELD_OUT).metrics

    assert 0 < right < 9
    assert (found["accuracy"], found["n"]) == (pytest.approx(right / 9), 9)
    assert (found["accuracy_low"], found["accuracy_high"]) == pytest.approx(scoring.wilson(right, 9))


def test_the_length_baseline_is_counted_on_the_same_pairs(evaluated, reward_base):
    """The chosen one is longer (1), equally long (½), shorter (0); the first and the last cannot both be right."""
    pairs = [
        pair(1, chosen="yes", rejected="no", split="test"),
        pair(1, chosen="yes", rejected="no!", split="test"),
        pair(1, chosen="no", rejected="yes", split="test"),
    ]
    is_right = hand_score(reward_base, pairs[2], "no") > hand_score(reward_base, pairs[2], "yes")

    found = evaluated(reward_base, pairs=pairs).metrics

    assert (found["accuracy_longer_wins"], found["n_shorter_won"]) == (1.5 / 3, 1)
    assert found["accuracy_shorter_won"] == float(is_right)


def test_pairs_for_training_ties_and_long_ones_do_not_count(evaluated, reward_base):
    extra = [
        pair(1, chosen="yes", rejected="no", split="train"),
        pair(2, chosen="yes", rejected="no", q=0.5, split="test"),
        pair(3, chosen="yes" * 20, rejected="no", split="test"),
    ]

    found = evaluated(reward_base, pairs=[*HELD_OUT, *extra]).metrics

    assert (found["n"], found["n_left_out"]) == (9, 1)
    assert found["accuracy"] == evaluated(reward_base, pairs=HELD_OUT).metrics["accuracy"]


def test_a_snapshot_without_held_out_pairs_is_refused(evaluated, reward_base):
    result = evaluated(reward_base, pairs=[pair(1, chosen="yes", rejected="no", split="train")])

    assert (result.status, result.reason) == ("failed", "empty_data")
    assert result.message == "the snapshot has no held-out pairs to work on."


def test_a_snapshot_without_held_out_prompts_is_refused(evaluated, base):
    result = evaluated(base, asked=[PromptRecord("p1", user("Say 1"), "", "en", "train")])

    assert (result.status, result.reason) == ("failed", "empty_data")
    assert result.message == "the snapshot has no held-out prompts to work on."


WRITTEN = [
    Generated([100, 101, 1], True),
    Generated([100, 102, 103, 104, 105, 106], False),
    Generated([1], True),
    Generated([100, 101, 100, 101, 1], True),
]


@pytest.fixture
def written(monkeypatch):
    """What the policy writes, so that its figures can be worked by hand: two completions for p0 and two for p4."""
    monkeypatch.setattr(evaluate.generation, "generate", lambda *args, **options: WRITTEN)


def test_a_policys_figures_are_those_of_what_it_wrote(evaluated, base, written):
    found = evaluated(base).metrics

    assert (found["n_prompts"], found["n_completions"]) == (2, 4)
    assert found["length_mean"] == (3 + 6 + 1 + 5) / 4
    assert found["eos_rate"] == 3 / 4
    assert found["distinct_1"] == pytest.approx(8 / 15)  # 100 to 106 and the end
    assert found["distinct_2"] == pytest.approx(8 / 11)  # of 2 + 5 + 0 + 4, «100 101» thrice and «101 end» twice
    assert not {"kl", "score_mean"} & found.keys()


def sequences(tokenizer):
    prompts = [models.prompt_ids(tokenizer, user(f"Say {n}")) for n in (0, 0, 4, 4)]
    return [(prompt, one.ids) for prompt, one in zip(prompts, WRITTEN, strict=True)]


def hand_logprob(model, prompt, response):
    with torch.no_grad():
        logprobs = model(torch.tensor([prompt + response])).logits[0].log_softmax(-1)
    return sum(logprobs[len(prompt) + i - 1, token].item() for i, token in enumerate(response))


@pytest.mark.parametrize("batch_size", [3, 32])
def test_the_kl_is_the_mean_log_ratio_of_its_completions(evaluated, base, other, tokenizer, written, batch_size):
    mine, theirs = models.load_causal_lm(base), models.load_causal_lm(other)
    ratios = [hand_logprob(mine, *one) - hand_logprob(theirs, *one) for one in sequences(tokenizer)]

    found = evaluated(base, baseline=other, batch_size=batch_size).metrics

    assert found["kl"] == pytest.approx(sum(ratios) / 4, abs=1e-4)
    assert abs(found["kl"]) > 1e-2


def test_the_score_is_the_mean_over_prompts_with_an_interval_of_prompts(
    evaluated, base, reward_base, tokenizer, written
):
    model = models.load_reward_model(reward_base)
    ended = [prompt + ids + ([] if ids[-1] == 1 else [1]) for prompt, ids in sequences(tokenizer)]
    with torch.no_grad():
        a, b, c, d = (model(torch.tensor([ids])).logits.item() for ids in ended)

    found = evaluated(base, reward_model=reward_base).metrics

    first, second = (a + b) / 2, (c + d) / 2
    mean, deviation = (first + second) / 2, abs(first - second) / math.sqrt(2)
    half = 1.959964 * deviation / math.sqrt(2)
    assert found["score_mean"] == pytest.approx(mean, abs=1e-5)
    assert (found["score_low"], found["score_high"]) == pytest.approx((mean - half, mean + half), abs=1e-5)


def test_the_score_of_one_prompt_has_no_interval(evaluated, base, reward_base):
    asked = [PromptRecord("p1", user("Say 1"), "", "en", "test")]

    found = evaluated(base, asked=asked, reward_model=reward_base).metrics

    assert math.isfinite(found["score_mean"])
    assert "score_low" not in found


def test_a_policy_is_nowhere_from_itself(evaluated, base):
    found = evaluated(base, baseline=base).metrics

    assert found["kl"] == 0.0
    assert 0 < found["distinct_1"] <= found["distinct_2"] <= found["distinct_3"] <= 1
    assert 1 <= found["length_mean"] <= 6


def test_the_same_seed_gives_the_same_figures_and_another_seed_others(evaluated, base):
    first, again, other_seed = (evaluated(base, seed=seed, max_new_tokens=20).metrics for seed in (5, 5, 6))

    assert first == again
    assert first != other_seed


def test_prompts_that_are_too_long_are_left_out_and_counted(evaluated, base):
    asked = [PromptRecord(f"p{n}", user("x" * n), "", "en", "test") for n in (3, 60)]

    found = evaluated(base, asked=asked).metrics

    assert (found["n_prompts"], found["n_completions"], found["n_left_out"]) == (1, 2, 1)


@pytest.mark.parametrize("role", ["reward_model", "baseline"])
def test_a_model_with_another_tokenizer_is_refused(evaluated, base, foreign, role):
    result = evaluated(base, **{role: foreign})

    assert (result.status, result.reason) == ("failed", "tokenizer_mismatch")


def test_an_exact_tie_is_not_decided(tokenizer):
    tie, decided = (data.TokenisedPair(pair(1, chosen="a", rejected="b", q=q), [1], [2], 1, 1) for q in (0.5, 0.51))

    assert (data.is_decided(tie), data.is_decided(decided)) == (False, True)


def test_a_model_wins_half_against_itself_and_a_win_rate_lies_within_its_interval(evaluated, base, reward_base, other):
    itself = evaluated(base, reward_model=reward_base, baseline=base).metrics
    found = evaluated(other, reward_model=reward_base, baseline=base, completions_per_prompt=8).metrics

    assert (itself["win_rate_mean"], itself["kl"]) == (0.5, pytest.approx(0.0, abs=1e-5))
    assert found["win_rate_low"] <= found["win_rate_mean"] <= found["win_rate_high"]
    assert found["win_rate_mean"] != 0.5
