"""The head alone: the fit against its optimality condition, the penalty, and a run of the stage."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from rlhf.contract import rundir
from rlhf.training import judge, probe, reward, run, sharding
from rlhf.training.probe import Comparisons
from rlhf.training.run import StageError
from tests.rlhf.training.conftest import pair
from tests.rlhf.training.test_reward import toy_pairs

pytestmark = pytest.mark.torch

HEAD = {"trained": "head", "max_length": 64}


def comparisons(n, *, width=12, seed=0, prompts=None):
    """Pairs of texts of which people prefer, noisily, the one that lies further along the first axis."""
    generator = torch.Generator().manual_seed(seed)
    chosen, rejected = torch.randn(2, n, width, generator=generator)
    size = torch.logspace(-2, 2, width)  # states differ in their size from axis to axis
    q = torch.sigmoid(2 * (chosen - rejected)[:, 0])
    noise = (torch.rand(n, generator=generator) < q).float()
    return Comparisons(
        chosen=chosen * size,
        rejected=rejected * size,
        q=0.05 + 0.9 * noise,
        weight=0.5 + torch.rand(n, generator=generator),
        margin=torch.zeros(n),
        prompt=torch.arange(n) % (prompts or n),
    )


@pytest.mark.parametrize("center", [0.0, 0.01])
def test_the_head_is_where_the_objective_has_no_slope(center):
    found = comparisons(200)._replace(margin=torch.full((200,), 0.3))

    fitted = probe.fit(found, center=center, seed=1)

    chosen, rejected, q, weight, margin = (part.double().numpy() for part in found[:5])
    size = np.concatenate([chosen, rejected]).std(0, ddof=1)
    head = fitted.head.double().numpy() * size
    gaps, sums = (chosen - rejected) / size, (chosen + rejected) / size
    said = 1 / (1 + np.exp(-(gaps @ head - margin)))
    slope = (weight * (said - q)) @ gaps / 200 + 2 * fitted.penalty * head
    slope += 2 * center * (weight * (sums @ head)) @ sums / 200
    assert np.abs(slope).max() < 1e-4
    assert np.abs(head).max() > 0.1


def test_the_first_axis_is_found_and_few_pairs_are_held_back_more_than_many():
    few, many = (probe.fit(comparisons(n, width=40), center=0.0, seed=1) for n in (30, 3000))

    assert few.penalty > 10 * many.penalty
    scaled = many.head * torch.logspace(-2, 2, 40)
    assert scaled[0] > 5 * scaled[1:].abs().max()
    assert [one.penalty for one in many.tried] == list(probe.PENALTIES)
    lowest = min(one.loss for one in many.tried)
    assert [one.penalty for one in many.tried if one.loss <= lowest + 1e-3][0] == many.penalty


def test_a_penalty_is_measured_on_prompts_that_the_head_has_not_seen():
    """Two prompts that contradict each other: what one teaches is wrong for the other, however well it is learned."""
    found = comparisons(200, prompts=2)
    turned = found.prompt == 1
    found = found._replace(q=torch.where(turned, 1 - found.q, found.q))

    tried = probe.fit(found, center=0.0, seed=1).tried

    assert all(one.accuracy < 0.4 for one in tried[-4:])
    assert tried[-1].loss > 0.69


def test_one_prompt_is_too_few():
    with pytest.raises(StageError, match="expected pairs of at least two prompts"):
        probe.fit(comparisons(20, prompts=1), center=0.0, seed=1)


def executed(make_snapshot, make_run, base, pairs, **config):
    directory = make_run("reward", snapshot=make_snapshot(pairs=pairs), base=base, config=HEAD | config)
    return directory, run.execute("reward", reward.train, directory)


def test_a_run_changes_the_head_alone_and_reports_as_every_reward_model(make_snapshot, make_run, base, reward_base):
    directory, result = executed(make_snapshot, make_run, base, toy_pairs(), ensemble=4, learning_curve=1)

    assert result.status == "succeeded", result.message
    assert result.metrics["accuracy"] > 0.9
    assert {"ece", "calibration", "learning_curve", "accuracy_by"} <= set(result.metrics)
    start, found = (load_file(one / "model.safetensors") for one in (reward_base, directory.checkpoint))
    assert {name for name in start if not torch.equal(start[name], found[name])} == {"score.weight"}
    steps = [json.loads(line) for line in directory.metrics.read_text().splitlines()]
    assert [step["values"]["penalty"] for step in steps] == pytest.approx(list(probe.PENALTIES))
    assert directory.scores.exists()


def test_a_learning_curve_leaves_out_subsets_too_small_to_choose_a_penalty_on(make_snapshot, make_run, base):
    pairs = [
        pair(n, chosen=f"yes {n}", rejected="no", split="test" if n % 2 == 0 else "train") for n in range(16)
    ]  # 8 to train on: of 1, 2 and 4 prompts the first is left out

    _, result = executed(make_snapshot, make_run, base, pairs, learning_curve=3)

    assert result.status == "succeeded", result.message
    assert [point["n_prompts"] for point in result.metrics["learning_curve"]] == [2, 4, 8]


def test_it_is_the_same_again(make_snapshot, make_run, base):
    first, second = (executed(make_snapshot, make_run, base, toy_pairs())[0] for _ in range(2))

    assert rundir.sha256_of(first.checkpoint / "model.safetensors") == rundir.sha256_of(
        second.checkpoint / "model.safetensors"
    )


def test_interrupted_it_begins_anew_and_each_penalty_is_noted_once(make_snapshot, make_run, base, monkeypatch):
    with monkeypatch.context() as patched:
        patched.delattr(judge, "save_head")
        directory, result = executed(make_snapshot, make_run, base, toy_pairs())
        assert result.status == "failed"

    assert run.execute("reward", reward.train, directory).status == "succeeded"

    assert [row["step"] for row in directory.read_metrics()] == list(range(1, len(probe.PENALTIES) + 1))


def test_a_single_prompt_ends_the_run_with_what_to_do(make_snapshot, make_run, base):
    pairs = [pair(1, chosen="yes", rejected="no"), pair(1, chosen="yes", rejected="perhaps")]

    _, result = executed(make_snapshot, make_run, base, pairs)

    assert (result.status, result.reason) == ("failed", "empty_data")
    assert "Rank more prompts, or set trained to model." in result.message


def test_in_shards_it_is_refused(make_snapshot, make_run, base, monkeypatch):
    monkeypatch.setattr(sharding, "is_wanted", lambda: True)

    _, result = executed(make_snapshot, make_run, base, toy_pairs())

    assert (result.status, result.reason) == ("failed", "bad_config")
    assert "trained: expected model where it is in shards" in result.message


def test_a_cancelled_run_saves_nothing(make_snapshot, make_run, base):
    directory = make_run("reward", snapshot=make_snapshot(pairs=toy_pairs()), base=base, config=HEAD)
    directory.request_cancel()

    assert run.execute("reward", reward.train, directory).status == "cancelled"
    assert not directory.checkpoint.exists()
