"""A reward model of the other half of the comparisons: how the halves are cut, and that it watches and no more."""

import json

import pytest
import torch

from rlhf.training import data, ppo, ppo_setting, reward, run
from tests.rlhf.training.conftest import pair

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("in_float32")]
QUICK = {"steps": 3, "batch_size": 8, "minibatches": 2, "max_new_tokens": 6, "kl_stop": 0.0, "lora_rank": 4}
PAIRS = [pair(n, chosen=f"good {n}", rejected=f"bad {n}", split="test" if n % 6 == 0 else "train") for n in range(60)]


def test_the_halves_share_no_prompt_and_leave_none_out(tokenizer):
    cut = data._Cutter(tokenizer)
    pairs = [cut.pair(one) for one in PAIRS]

    a, b = (data.of_half(pairs, half) for half in "ab")

    assert {p.record.prompt for p in a}.isdisjoint(p.record.prompt for p in b)
    assert len(a) + len(b) == len(data.of_half(pairs, "all")) == 60
    assert min(len(a), len(b)) > 15


@pytest.fixture
def halves(make_run, make_snapshot, base):
    """The reward models of the two halves, both adapters on the same base."""

    def trained(half):
        config = {"epochs": 1, "lora_rank": 2, "batch_size": 8, "half": half}
        directory = make_run("reward", snapshot=make_snapshot(pairs=PAIRS), base=base, config=config)
        result = run.execute("reward", reward.train, directory)
        return directory.checkpoint, result.metrics["n_train"]

    return trained("a"), trained("b")


def test_ppo_is_tuned_against_one_half_and_watched_by_the_other(halves, make_run, make_snapshot, base):
    (a, trained_a), (b, trained_b) = halves
    snapshot = make_snapshot()

    def tuned(**inputs):
        directory = make_run("ppo", snapshot=snapshot, base=base, config=QUICK, **inputs)
        result = run.execute("ppo", ppo.train, directory)
        assert result.status == "succeeded", result.message
        rows = [json.loads(line)["values"] for line in directory.metrics.read_text().splitlines()]
        return rows, result.metrics

    rows, figures = tuned(reward_model=a, watcher=b)
    alone, _ = tuned(reward_model=a)

    assert trained_a + trained_b == 50
    assert {"watched_score_before", "watched_score_after"} <= figures.keys()
    assert [row["score"] for row in rows] == [row["score"] for row in alone]  # watching changes nothing
    assert all(row["watched_score"] != row["scaled_score"] for row in rows)
    assert "watched_score" not in alone[0]


def test_the_watcher_on_the_shared_trunk_says_what_it_says_by_itself(halves, make_run, make_snapshot, base):
    (a, _), (b, _) = halves
    found = [
        ppo_setting.set_up(run.RunContext(directory, directory.read_spec()))
        for directory in (
            make_run("ppo", snapshot=make_snapshot(), base=base, config=QUICK, reward_model=a, watcher=b),
            make_run("ppo", snapshot=make_snapshot(), base=base, config=QUICK, reward_model=b),
        )
    ]
    prompts = found[0].prompts[:4]
    generated = found[0].generate(prompts, torch.Generator().manual_seed(1))

    watching, alone = (one.batch(prompts, generated) for one in found)
    states = [one.policy.trunk_states(batch) for one, batch in zip(found, (watching, alone), strict=True)]

    scores = found[0].watcher.judge.read(watching, states[0]).scores
    assert torch.allclose(scores, found[1].judge.read(alone, states[1]).scores, atol=1e-6)
