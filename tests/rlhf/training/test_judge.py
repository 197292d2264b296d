"""The reward model inside PPO: on the policy's trunk or on its own, it says the same."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from rlhf.contract import rundir
from rlhf.training import judge, models, policy, ppo, reward, rollout, run, scoring
from tests.rlhf.training.conftest import pair

pytestmark = pytest.mark.torch

PAIRS = [pair(n, chosen=f"good {n}", rejected="bad", split="test" if n % 3 == 0 else "train") for n in range(6)]


@pytest.fixture
def trained(make_run, make_snapshot, base):
    """The checkpoint of a reward model that was trained with LoRA on `base`."""
    config = {"epochs": 2, "learning_rate": 1e-2, "lora_rank": 4}
    directory = make_run("reward", snapshot=make_snapshot(pairs=PAIRS), base=base, config=config)
    assert run.execute("reward", reward.train, directory).status == "succeeded"
    return directory.checkpoint


@pytest.fixture
def tuned(base, in_float32):
    return policy.Policy(models.load_causal_lm(base), lora_rank=4, temperature=1.0, use_bfloat16=False)


@pytest.fixture
def batch():
    return rollout.batch_of(
        [[2, 70, 71, 1, 3], [2, 80, 1, 3]],
        [[100, 101, 1], [102, 103, 104, 105]],
        tails=[[], [1]],
        pad_id=0,
        device=torch.device("cpu"),
    )


def test_an_adapter_on_the_shared_trunk_scores_as_the_merged_model_does(trained, base, tuned, batch):
    shared = judge.load(trained, base=base, policy=tuned)
    own = judge.OwnModel(models.load_reward_model(trained), use_bfloat16=False)

    found, wanted = shared.read(batch, tuned.trunk_states(batch)), own.read(batch, None)

    assert isinstance(shared, judge.OnSharedTrunk)
    torch.testing.assert_close(found.scores, wanted.scores, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.token_scores, wanted.token_scores, atol=1e-5, rtol=1e-5)


@pytest.fixture
def probed(make_run, make_snapshot, base):
    """The checkpoint of a reward model of which only the head was trained, on `base`."""
    directory = make_run("reward", snapshot=make_snapshot(pairs=PAIRS), base=base, config={"trained": "head"})
    assert run.execute("reward", reward.train, directory).status == "succeeded"
    return directory.checkpoint


def test_a_head_alone_reads_what_the_policy_began_as_however_far_that_has_moved(probed, base, tuned, batch):
    shared = judge.load(probed, base=base, policy=tuned)
    own = judge.OwnModel(models.load_reward_model(probed), use_bfloat16=False)
    with torch.no_grad():
        for parameter in tuned.trained.values():
            parameter += 0.1 * torch.randn_like(parameter)
    moved = tuned.outputs(batch, tuned.trunk_states(batch)).logprobs

    found, wanted = shared.read(batch, tuned.trunk_states(batch)), own.read(batch, None)

    assert isinstance(shared, judge.OnSharedTrunk)
    torch.testing.assert_close(found.scores, wanted.scores, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.token_scores, wanted.token_scores, atol=1e-5, rtol=1e-5)
    assert torch.equal(tuned.outputs(batch, tuned.trunk_states(batch)).logprobs, moved)
    assert isinstance(judge.load(probed, base=base, policy=tuned, name="watcher"), judge.OnSharedTrunk)


def test_the_score_is_that_of_the_whole_text_with_its_end_whatever_the_padding(trained, base, tuned, batch):
    shared = judge.load(trained, base=base, policy=tuned)
    texts = [[2, 70, 71, 1, 3, 100, 101, 1], [2, 80, 1, 3, 102, 103, 104, 105, 1]]

    wanted = scoring.score(models.load_reward_model(trained), texts, pad_id=0, batch_size=1)

    torch.testing.assert_close(shared.read(batch, tuned.trunk_states(batch)).scores, wanted, atol=1e-5, rtol=1e-5)


def test_judging_leaves_the_policy_and_what_it_trains_as_they_were(trained, base, tuned, batch):
    names = set(tuned.trained)
    before = tuned.outputs(batch, tuned.trunk_states(batch)).logprobs.detach()
    shared = judge.load(trained, base=base, policy=tuned)

    shared.read(batch, tuned.trunk_states(batch))

    assert set(tuned.trained) == names
    assert torch.equal(tuned.outputs(batch, tuned.trunk_states(batch)).logprobs, before)
    assert torch.equal(tuned.reference(batch, tuned.trunk_states(batch)).logprobs, before)


def test_a_reward_model_of_another_base_keeps_its_own_weights(trained, other, tuned):
    assert isinstance(judge.load(trained, base=other, policy=tuned), judge.OwnModel)


def test_a_policy_without_adapters_shares_nothing(trained, base):
    whole = policy.Policy(models.load_causal_lm(base), lora_rank=0, temperature=1.0, use_bfloat16=False)

    assert isinstance(judge.load(trained, base=base, policy=whole), judge.OwnModel)


def test_an_adapter_that_does_not_fit_is_refused(trained, base, tuned):
    path = trained / judge.ADAPTER_FILE
    tensors = load_file(path)
    tensors["base_model.model.model.layers.9.mlp.up_proj.lora_A.weight"] = torch.zeros(4, 32)
    save_file(tensors, path, metadata={"facts": '{"rank": 4, "first_layer": 1}'})
    facts = rundir.json.loads((trained / rundir.MANIFEST).read_text())
    rundir.write_manifest(trained, {name: value for name, value in facts.items() if name != "files"})

    with pytest.raises(run.StageError, match=r"reward_adapter.safetensors does not fit the model"):
        judge.load(trained, base=base, policy=tuned)


def test_a_score_that_is_not_a_number_is_refused(trained, base, tuned, batch):
    shared = judge.load(trained, base=base, policy=tuned)
    shared.head.fill_(float("nan"))

    with pytest.raises(run.StageError, match="non-finite score"):
        shared.read(batch, tuned.trunk_states(batch))


def test_ppo_is_tuned_against_a_head_alone_on_the_trunk_of_the_policy(probed, base, make_run, make_snapshot, capsys):
    config = {"steps": 2, "batch_size": 8, "minibatches": 2, "max_new_tokens": 6, "lora_rank": 4}
    directory = make_run("ppo", snapshot=make_snapshot(), base=base, reward_model=probed, watcher=probed, config=config)

    result = run.execute("ppo", ppo.train, directory)

    assert result.status == "succeeded", result.message
    assert "ppo: the reward model is on the policy's trunk" in capsys.readouterr().out
    assert result.metrics["watched_score_after"] is not None
