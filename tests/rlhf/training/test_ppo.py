"""The PPO loop: its models, that it learns what it is paid for, and what stops it."""

import json

import pytest
import torch

from rlhf.contract import rundir
from rlhf.training import models, policy, ppo, ppo_setting, rollout, run
from tests.rlhf.training.conftest import make_tokenizer

pytestmark = pytest.mark.torch

QUICK = {
    "steps": 3,
    "batch_size": 8,
    "minibatches": 2,
    "epochs": 2,
    "learning_rate": 1e-3,
    "max_new_tokens": 8,
    "kl_stop": 0.0,
    "lora_rank": 4,
}


def batch_for(prompts, responses):
    return rollout.batch_of(prompts, responses, pad_id=0, device=torch.device("cpu"))


@pytest.fixture
def batch():
    return batch_for([[2, 70, 71, 1, 3], [2, 80, 1, 3]], [[100, 101, 1], [102, 103, 104, 105, 1]])


def new_policy(base, *, lora_rank):
    torch.manual_seed(0)
    model = models.load_causal_lm(base)
    return policy.Policy(model, lora_rank=lora_rank, temperature=1.0, use_bfloat16=False)


def disturb(tuned):
    """Move the trained weights as an optimiser would."""
    with torch.no_grad():
        for parameter in tuned.model.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn_like(parameter)


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_the_reference_stays_the_starting_model_bit_for_bit(base, batch, lora_rank):
    tuned = new_policy(base, lora_rank=lora_rank)
    start = tuned.reference_logprobs(batch, tuned.trunk_states(batch))

    disturb(tuned)

    assert torch.equal(tuned.reference_logprobs(batch, tuned.trunk_states(batch)), start)
    assert not torch.allclose(tuned.outputs(batch, tuned.trunk_states(batch)).logprobs, start)


def test_the_shared_trunk_gives_the_logprobs_and_gradients_of_the_whole_model(base, batch):
    tuned = new_policy(base, lora_rank=4)
    disturb(tuned)

    def gradients(states):
        tuned.model.zero_grad()
        found = tuned.outputs(batch, states)
        found.logprobs.sum().backward()
        return [found.logprobs.detach(), *(p.grad.clone() for p in tuned.model.parameters() if p.requires_grad)]

    for shared, whole in zip(gradients(tuned.trunk_states(batch)), gradients(None), strict=True):
        torch.testing.assert_close(shared, whole, atol=1e-5, rtol=1e-4)


def test_the_decoder_is_the_policy_and_leaves_no_trace(base, batch):
    tuned = new_policy(base, lora_rank=4)
    disturb(tuned)
    before = {name: p.clone() for name, p in tuned.model.named_parameters()}
    wanted = tuned.outputs(batch, tuned.trunk_states(batch)).logprobs

    with tuned.decoder() as decoder, torch.no_grad():
        found = rollout.response_statistics(decoder, batch, temperature=1.0).logprobs

    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
    assert all(torch.equal(p, before[name]) for name, p in tuned.model.named_parameters())


@pytest.fixture
def likes_e(monkeypatch):
    """A reward model that counts the letter «e»: the score is known, and learnable."""

    def reward(sign):
        def scored(model, sequences, **options):
            letter = make_tokenizer()("e")["input_ids"][0]
            return torch.tensor([sign * float(s.count(letter)) for s in sequences])

        monkeypatch.setattr(ppo_setting.scoring, "score", scored)

    return reward


LEARN = QUICK | {
    "steps": 25,
    "batch_size": 32,
    "learning_rate": 3e-3,
    "kl_coef": 0.01,
    "lora_rank": 0,
    "missing_eos_penalty": 0.0,
}


@pytest.fixture
def unit_reward(tmp_path, base):
    """A reward model's directory whose scores have mean 0 and deviation 1 by its manifest."""
    directory = tmp_path / "unit"
    facts = {"score_mean": 0.0, "score_std": 1.0}
    model = models.new_reward_model(base, seed=3)
    models.save_checkpoint(directory, model=model, tokenizer=make_tokenizer(), kind="reward", facts=facts)
    return directory


def ppo_run(make_run, make_snapshot, base, reward, config):
    return make_run("ppo", snapshot=make_snapshot(), base=base, reward_model=reward, config=config)


def test_the_policy_learns_what_it_is_paid_for(make_run, make_snapshot, base, unit_reward, likes_e):
    likes_e(+1)
    directory = ppo_run(make_run, make_snapshot, base, unit_reward, LEARN)

    found = run.execute("ppo", ppo.train, directory).metrics

    assert found["score_before"] < 0.5
    assert found["score_after"] > 3.0
    assert found["kl"] > 0


def test_a_reversed_reward_is_learned_the_other_way(make_run, make_snapshot, base, unit_reward, likes_e):
    likes_e(+1)
    first = ppo_run(make_run, make_snapshot, base, unit_reward, LEARN)
    run.execute("ppo", ppo.train, first)
    likes_e(-1)
    second = ppo_run(make_run, make_snapshot, first.checkpoint, unit_reward, LEARN)

    found = run.execute("ppo", ppo.train, second).metrics

    assert found["score_before"] < -3.0
    assert found["score_after"] > -1.0


def test_a_huge_kl_coefficient_keeps_the_policy_where_it_was(make_run, make_snapshot, base, unit_reward, likes_e):
    likes_e(+1)
    loose = ppo_run(make_run, make_snapshot, base, unit_reward, LEARN | {"kl_coef": 0.0})
    tight = ppo_run(make_run, make_snapshot, base, unit_reward, LEARN | {"kl_coef": 10.0})

    far = run.execute("ppo", ppo.train, loose).metrics["kl"]
    near = run.execute("ppo", ppo.train, tight).metrics["kl"]

    assert abs(near) < 1.0
    assert far > 5.0


def test_the_run_stops_when_the_kl_passes_its_bound(make_run, make_snapshot, base, unit_reward, likes_e):
    likes_e(+1)
    directory = ppo_run(make_run, make_snapshot, base, unit_reward, LEARN | {"kl_coef": 0.0, "kl_stop": 0.5})

    found = run.execute("ppo", ppo.train, directory).metrics

    assert found["stopped_by"] == "kl"
    assert found["steps_done"] < LEARN["steps"]


def test_a_run_leaves_metrics_samples_and_a_policy_that_loads(make_run, make_snapshot, base, reward_base):
    directory = ppo_run(make_run, make_snapshot, base, reward_base, QUICK)

    result = run.execute("ppo", ppo.train, directory)

    steps = [json.loads(line) for line in directory.metrics.read_text().splitlines()]
    samples = [json.loads(line) for line in directory.samples.read_text().splitlines()]
    assert result.status == "succeeded"
    assert [row["step"] for row in steps] == [1, 2, 3]
    assert {"score", "kl", "entropy", "length", "eos_rate", "clip_fraction", "value_loss"} <= steps[0]["values"].keys()
    assert abs(steps[0]["values"]["kl"]) < 1e-4
    assert {row["step"] for row in samples} == {0, 4}
    assert rundir.verify_manifest(directory.checkpoint)["kind"] == "policy"
    models.load_causal_lm(directory.checkpoint)


def test_the_language_modelling_gradient_is_that_of_fine_tuning(base, make_snapshot, make_run, reward_base):
    """PPO-ptx: the mixed-in loss on a demonstration is the mean negative log-likelihood of its completion."""
    directory = ppo_run(make_run, make_snapshot, base, reward_base, QUICK | {"lm_coef": 1.0, "lora_rank": 0})
    setting = ppo_setting.set_up(run.RunContext(directory, directory.read_spec()))
    setting.policy.use_bfloat16 = False
    shown = setting.demonstrations[0]
    setting.demonstrations = [shown]

    found = ppo.language_loss(setting)

    ids = torch.tensor([shown.prompt + shown.completion])
    labels = torch.tensor([[-100] * len(shown.prompt) + shown.completion])
    expected = setting.policy.model(input_ids=ids, labels=labels).loss
    assert found.item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_score_that_is_not_a_number_stops_the_run(make_run, make_snapshot, base, tmp_path):
    poisoned = models.new_reward_model(base, seed=3)
    poisoned.score.weight.data.fill_(float("nan"))
    directory = tmp_path / "poisoned"
    facts = {"score_mean": 0.0, "score_std": 1.0}
    models.save_checkpoint(directory, model=poisoned, tokenizer=make_tokenizer(), kind="reward", facts=facts)

    result = run.execute("ppo", ppo.train, ppo_run(make_run, make_snapshot, base, directory, QUICK))

    assert (result.status, result.reason) == ("failed", "non_finite")


def test_a_reward_model_with_another_tokenizer_is_refused(make_run, make_snapshot, base, tmp_path):
    other = make_tokenizer()
    other.chat_template += "\n"
    facts = {"score_mean": 0.0, "score_std": 1.0}
    model = models.new_reward_model(base, seed=3)
    models.save_checkpoint(tmp_path / "other", model=model, tokenizer=other, kind="reward", facts=facts)

    result = run.execute("ppo", ppo.train, ppo_run(make_run, make_snapshot, base, tmp_path / "other", QUICK))

    assert (result.status, result.reason) == ("failed", "tokenizer_mismatch")


def test_a_cancelled_run_saves_nothing(make_run, make_snapshot, base, reward_base):
    directory = ppo_run(make_run, make_snapshot, base, reward_base, QUICK)
    directory.request_cancel()

    assert run.execute("ppo", ppo.train, directory).status == "cancelled"
    assert not directory.checkpoint.exists()
