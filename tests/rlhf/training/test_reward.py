"""The reward model: the loss by hand, learning, refusal, and what it reports."""

import json
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from rlhf.contract import rundir
from rlhf.contract.records import ScoreRecord, read_jsonl
from rlhf.training import data, learning_curve, models, reward, run, scoring
from rlhf.training.data import TokenisedPair
from rlhf.training.watching import Watcher
from tests.rlhf.training.conftest import dies_at, pair

pytestmark = pytest.mark.torch


def toy_pairs():
    """Completions that say «yes» are better than those that say «no»; a quarter of the prompts is held out."""
    return [
        pair(n, chosen=f"yes {word}", rejected=f"no {other}", split="test" if n % 4 == 0 else "train")
        for n in range(40)
        for word, other in [("indeed", "thanks"), ("sir", "way")]
    ]


QUICK = {"epochs": 4, "learning_rate": 3e-3, "batch_size": 8, "max_length": 64, "lora_rank": 0}


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_the_loss_is_the_formula_worked_by_hand():
    chosen, rejected = torch.tensor([1.0, 0.5]), torch.tensor([0.0, 1.0])
    q, weight = torch.tensor([1.0, 0.75]), torch.tensor([1.0, 0.5])

    loss = reward.soft_loss(chosen, rejected, q, weight, center=0.01)

    first = -math.log(sigmoid(1.0)) + 0.01 * 1.0**2
    second = -(0.75 * math.log(sigmoid(-0.5)) + 0.25 * math.log(sigmoid(0.5))) + 0.01 * 1.5**2
    assert loss.item() == pytest.approx((1.0 * first + 0.5 * second) / 2)


def test_a_coin_flip_label_has_no_gradient_where_the_scores_are_equal():
    chosen = torch.zeros(3, requires_grad=True)

    reward.soft_loss(chosen, torch.zeros(3), torch.full((3,), 0.5), torch.ones(3), center=None).backward()

    assert torch.equal(chosen.grad, torch.zeros(3))


def test_a_row_holds_each_completion_of_a_ranking_once():
    texts = {"a": [1, 2], "b": [1, 3], "c": [1, 4]}
    pairs = [TokenisedPair(pair(0, chosen=x, rejected=y), texts[x], texts[y], 1, 1) for x, y in ("ab", "ac", "bc")]

    (row,) = reward.rows_of(pairs, seed=1)

    assert (row["prompt"], row["completions"]) == ([1], [[2], [3], [4]])
    assert row["pairs"] == [[0, 1], [0, 2], [1, 2]]
    assert row["weight"] == [1.0, 1.0, 1.0]


def test_a_prompt_with_many_completions_has_rows_with_many_pairs_and_none_twice():
    texts = {name: [1, 2 + at] for at, name in enumerate("abcdefghijkl")}
    both = [(x, y) for x in texts for y in texts if x < y]
    pairs = [TokenisedPair(pair(0, chosen=x, rejected=y), texts[x], texts[y], 1, 1) for x, y in sorted(both, key=hash)]

    rows = reward.rows_of(pairs, seed=1)

    compared = [
        frozenset((str(row["completions"][i]), str(row["completions"][j]))) for row in rows for i, j in row["pairs"]
    ]
    assert len(compared) == len(set(compared)) == len(pairs) == 66
    assert max(len(row["pairs"]) for row in rows) == 36  # every pair of nine
    assert sum(len(row["completions"]) for row in rows) <= 30


def test_a_reward_model_learns_a_learnable_preference(make_snapshot, make_run, base):
    directory = make_run("reward", snapshot=make_snapshot(pairs=toy_pairs()), base=base, config=QUICK)

    result = run.execute("reward", reward.train, directory)

    assert result.status == "succeeded"
    assert (result.metrics["accuracy"], result.metrics["n"], result.metrics["n_train"]) == (1.0, 20, 60)
    assert result.metrics["accuracy_low"] < 1.0
    steps = [json.loads(line) for line in directory.metrics.read_text().splitlines()]
    assert steps[-1]["values"]["loss"] < steps[0]["values"]["loss"]


def test_lora_is_merged_into_a_checkpoint_that_loads_and_scores_the_same(make_snapshot, make_run, base, tokenizer):
    config = QUICK | {"lora_rank": 4, "epochs": 1}
    directory = make_run("reward", snapshot=make_snapshot(pairs=toy_pairs()), base=base, config=config)

    result = run.execute("reward", reward.train, directory)

    model = models.load_reward_model(directory.checkpoint)
    ids = [
        models.prompt_ids(tokenizer, [{"role": "user", "content": "Say 1"}])
        + models.completion_ids(tokenizer, "yes sir")
    ]
    assert models.manifest_of(directory.checkpoint)["kind"] == "reward"
    assert result.metrics["score_std"] > 0
    assert torch.isfinite(scoring.score(model, ids, pad_id=0, batch_size=2)).all()


def test_scores_do_not_depend_on_padding(reward_base):
    model = models.load_reward_model(reward_base)
    short, long = [5, 6, 7, 1], [5, 6, 7, 8, 9, 10, 11, 1]

    together = scoring.score(model, [short, long], pad_id=1, batch_size=2)
    alone = scoring.score(model, [short], pad_id=1, batch_size=1)

    assert together[0].item() == pytest.approx(alone[0].item(), abs=1e-6)


def test_pairs_that_are_too_long_are_left_out_and_counted(make_snapshot, make_run, base):
    pairs = [*toy_pairs(), pair(1, chosen="yes" * 50, rejected="no")]
    directory = make_run("reward", snapshot=make_snapshot(pairs=pairs), base=base, config=QUICK | {"epochs": 1})

    assert run.execute("reward", reward.train, directory).metrics["n_left_out"] == 1


def test_a_snapshot_without_training_pairs_is_refused(make_snapshot, make_run, base):
    pairs = [pair(0, chosen="a", rejected="b", split="test")]
    directory = make_run("reward", snapshot=make_snapshot(pairs=pairs), base=base)

    result = run.execute("reward", reward.train, directory)

    assert (result.status, result.reason) == ("failed", "empty_data")


def test_a_reward_model_whose_head_is_missing_is_refused(reward_base, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in reward_base.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    weights = load_file(broken / "model.safetensors")
    del weights["score.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    (broken / rundir.MANIFEST).unlink()
    rundir.write_manifest(broken, {"kind": "reward", "tokenizer_sha256": "x"})

    with pytest.raises(run.StageError, match="score.weight"):
        models.load_reward_model(broken)


def test_poisoned_weights_stop_the_run_at_the_first_step(make_snapshot, make_run, base, monkeypatch):
    def poisoned(directory, *, seed):
        model = original(directory, seed=seed)
        model.score.weight.data.fill_(float("nan"))
        return model

    original = models.new_reward_model
    monkeypatch.setattr(models, "new_reward_model", poisoned)
    directory = make_run("reward", snapshot=make_snapshot(pairs=toy_pairs()), base=base, config=QUICK)

    result = run.execute("reward", reward.train, directory)

    assert (result.reason, result.message[:26]) == ("non_finite", "non-finite loss at step 1 ")
    assert not directory.checkpoint.exists()


def test_a_cancelled_run_saves_nothing(make_snapshot, make_run, base):
    directory = make_run("reward", snapshot=make_snapshot(pairs=toy_pairs()), base=base, config=QUICK)
    directory.request_cancel()

    assert run.execute("reward", reward.train, directory).status == "cancelled"
    assert not directory.checkpoint.exists()


def test_wilson_gives_newcombes_interval():
    """81 of 263: Newcombe (1998), Statistics in Medicine 17:857-872, table I."""
    assert scoring.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=6e-5)


def test_hard_labels_leave_ties_and_doubts_out_and_weigh_by_certainty():
    sure, doubt = pair(0, chosen="a", rejected="b", q=0.9), pair(0, chosen="a", rejected="c", q=0.55)
    tie = replace(sure, p_tie=0.6)

    kept = data.labelled([TokenisedPair(one, [1], [2], 1, 1) for one in (sure, doubt, tie)], "hard")

    assert [(one.record.q, one.record.margin) for one in kept] == [(1.0, 0.0)]
    assert kept[0].record.weight == pytest.approx(0.8)


def test_with_a_margin_the_winner_must_be_ahead_by_it():
    chosen, rejected, sure = torch.tensor([1.0]), torch.tensor([0.0]), torch.ones(1)

    loss = reward.soft_loss(chosen, rejected, sure, sure, margin=torch.tensor([0.4]), center=None)

    assert loss.item() == pytest.approx(-math.log(sigmoid(0.6)))


def test_subsets_are_nested_and_hold_whole_prompts():
    pairs = [TokenisedPair(pair(n, chosen=x, rejected="z"), [1], [2], 1, 1) for n in range(16) for x in "ab"]

    found = learning_curve.subsets(pairs, halvings=3)

    names = [{one.record.prompt_id for one in subset} for subset in found]
    assert [len(subset) for subset in found] == [4, 8, 16]
    assert names[0] < names[1] < names[2]


def test_a_run_with_a_learning_curve_measures_each_subset_and_scores_every_completion(make_snapshot, make_run, base):
    config = QUICK | {"learning_curve": 2, "epochs": 1}
    directory = make_run("reward", snapshot=make_snapshot(pairs=toy_pairs()), base=base, config=config)

    result = run.execute("reward", reward.train, directory)

    assert [one["n_prompts"] for one in result.metrics["learning_curve"]] == [7, 15, 30]
    assert result.metrics["learning_curve"][-1]["accuracy"] == result.metrics["accuracy"]
    assert len(list(read_jsonl(directory.scores, ScoreRecord))) == 160
    assert [json.loads(line)["step"] for line in directory.metrics.read_text().splitlines()] == [1, 2, 3, 4]


@pytest.mark.parametrize("changed", [{}, {"lora_rank": 4, "learning_curve": 1}])
def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(make_snapshot, make_run, base, monkeypatch, changed):
    config = QUICK | {"epochs": 2, "checkpoint_every": 2} | changed
    snapshot = make_snapshot(pairs=toy_pairs())
    whole, broken = (make_run("reward", snapshot=snapshot, base=base, config=config) for _ in "ab")
    run.execute("reward", reward.train, whole)

    with monkeypatch.context() as patched:
        patched.setattr(Watcher, "more_values", dies_at(6))
        assert run.execute("reward", reward.train, broken).status == "failed"
    assert len(broken.metrics.read_text().splitlines()) == 5
    result = run.execute("reward", reward.train, broken)

    assert result.status == "succeeded"
    assert broken.metrics.read_text() == whole.metrics.read_text()
    assert rundir.sha256_of(broken.checkpoint / "manifest.json") == rundir.sha256_of(whole.checkpoint / "manifest.json")
    assert not (broken.path / "state").exists()
