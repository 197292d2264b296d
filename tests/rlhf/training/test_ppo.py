"""The PPO loop: its models, that it learns what it is paid for, and what stops it."""

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from rlhf import attempts
from rlhf.contract import rundir
from rlhf.training import judge, models, policy, ppo, ppo_setting, ppo_update, rollout, run
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


def new_policy(base, *, lora_rank, use_bfloat16=False):
    torch.manual_seed(0)
    model = models.load_causal_lm(base)
    return policy.Policy(model, lora_rank=lora_rank, temperature=1.0, use_bfloat16=use_bfloat16)


def disturb(tuned):
    """Move the trained weights as an optimiser would."""
    with torch.no_grad():
        for parameter in tuned.model.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn_like(parameter)


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_the_reference_stays_the_starting_model_bit_for_bit(base, batch, lora_rank):
    tuned = new_policy(base, lora_rank=lora_rank)
    start = tuned.reference(batch, tuned.trunk_states(batch)).logprobs

    disturb(tuned)

    assert torch.equal(tuned.reference(batch, tuned.trunk_states(batch)).logprobs, start)
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


def test_frozen_layers_held_in_bfloat16_say_what_autocast_would(base, batch):
    lean, plain = (new_policy(base, lora_rank=4, use_bfloat16=True) for _ in "ab")

    lean.hold_lean()

    held = [name for name, p in lean.model.named_parameters() if p.dtype == torch.bfloat16]
    assert len(held) == 14 and not any("lora" in name or "norm" in name or "embed" in name for name in held)
    assert all(p.dtype == torch.float32 for p in lean.trained.values())
    for one in (lean, plain):
        torch.manual_seed(1)
        disturb(one)
    for found, wanted in zip(*(one.outputs(batch, one.trunk_states(batch)) for one in (lean, plain)), strict=True):
        assert torch.equal(found, wanted)


@pytest.mark.parametrize("use_bfloat16", [False, True])
def test_the_whole_policy_is_the_adapters_on_the_weights_it_began_with(base, batch, use_bfloat16):
    tuned, merged = (new_policy(base, lora_rank=4, use_bfloat16=use_bfloat16) for _ in "ab")
    tuned.hold_lean()
    for one in (tuned, merged):
        torch.manual_seed(1)
        disturb(one)

    whole = tuned.whole(base).state_dict()

    wanted = merged.model.merge_and_unload().state_dict()
    assert set(whole) == set(wanted)
    assert all(torch.equal(whole[name], weight) and weight.dtype == torch.float32 for name, weight in wanted.items())


class CountsE:
    """A reward model that counts the letter «e»: the score is known, and learnable."""

    trust = None

    def __init__(self, sign):
        self.sign, self.letter = sign, make_tokenizer()("e")["input_ids"][0]

    def read(self, batch, states):
        is_e = ((batch.ids == self.letter) & batch.attention_mask.bool()).float()
        before = self.sign * is_e.cumsum(1)[:, batch.predicting]
        return judge.Judged(self.sign * is_e.sum(1), None, before, before[:, :, None])


@pytest.fixture
def likes_e(monkeypatch):
    """Let a reward model that likes (1) or dislikes (-1) the letter «e» judge."""
    return lambda sign: monkeypatch.setattr(judge, "load", lambda directory, **options: CountsE(sign))


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
    assert {"score", "kl", "entropy", "length", "eos_rate", "clip_fraction", "kl_k3", "self_bleu"} <= steps[0][
        "values"
    ].keys()
    assert abs(steps[0]["values"]["kl"]) < 1e-4
    explained = (Path(__file__).parents[3] / "docs" / "training.md").read_text("utf-8")
    names = {name.removesuffix("_before").removesuffix("_after") for name in steps[0]["values"].keys() | result.metrics}
    assert [name for name in names if f"`{name}`" not in explained] == []
    assert {row["step"] for row in samples} == {0, 4}
    assert rundir.verify_manifest(directory.checkpoint)["kind"] == "policy"
    models.load_causal_lm(directory.checkpoint)


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


@pytest.fixture
def rolled_out(make_run, make_snapshot, base, reward_base, in_float32):
    """A setting and a rollout of it; each call starts from the same weights."""

    def roll_out(**config):
        torch.manual_seed(0)
        directory = ppo_run(make_run, make_snapshot, base, reward_base, QUICK | config)
        setting = ppo_setting.set_up(run.RunContext(directory, directory.read_spec()))
        chosen = [setting.prompts[i % len(setting.prompts)] for i in range(8)]
        generated = setting.generate(chosen, torch.Generator().manual_seed(1))
        generated = [replace(one, ids=one.ids[: 3 + i % 5]) for i, one in enumerate(generated)]  # of unlike length
        return setting, ppo._experience(setting, chosen, generated, kl_coef=0.1)

    return roll_out


@pytest.mark.parametrize(("critic", "lora_rank"), [("ridge", 0), ("ridge", 4), ("head", 0), ("head", 4), ("model", 4)])
def test_micro_batches_give_the_update_of_the_whole_mini_batch(rolled_out, critic, lora_rank):
    def updated(microbatch_size):
        setting, experience = rolled_out(microbatch_size=microbatch_size, critic=critic, lora_rank=lora_rank)
        optimiser = torch.optim.SGD(setting.policy.parameter_groups(0.1))
        losses = ppo_update._update(setting, optimiser, experience, torch.arange(8), torch.Generator(), 1)
        return losses, setting.policy.trained

    (whole, parameters), (parts, others) = updated(0), updated(3)

    assert parts == pytest.approx(whole, abs=1e-5)
    for name, parameter in parameters.items():
        torch.testing.assert_close(others[name], parameter, atol=1e-6, rtol=1e-4, msg=name)


def test_a_value_model_begins_as_the_reward_model_in_normalised_scores(rolled_out):
    setting, experience = rolled_out(critic="model")

    judged = setting.judge.read(experience.batch, None)

    wanted = judged.token_scores / setting.score_std * experience.batch.response_mask
    torch.testing.assert_close(experience.old.values, wanted, atol=1e-4, rtol=1e-4)
    assert wanted.abs().max() > 0.1


@pytest.mark.parametrize("critic", ["head", "model"])
def test_values_do_not_depend_on_padding(rolled_out, critic):
    setting, experience = rolled_out(critic=critic)
    if setting.policy.value_head is not None:
        torch.nn.init.normal_(setting.policy.value_head.weight)

    together = setting.policy.outputs(experience.batch, experience.states).values

    for row in range(8):
        alone, columns, response = experience.batch.narrowed(torch.tensor([row]))
        found = setting.policy.outputs(alone, experience.states[[row]][:, columns]).values
        torch.testing.assert_close(together[[row]][:, response], found, atol=1e-5, rtol=1e-5)
    assert together.abs().max() > 0.01
    assert not together[experience.batch.response_mask == 0].any()


def test_gradient_checkpointing_is_really_on_and_changes_nothing(rolled_out):
    def updated(*, is_on):
        setting, experience = rolled_out(gradient_checkpointing=is_on, lora_rank=0)
        calls = []
        last = setting.policy.model.model.layers[-1].self_attn
        last.register_forward_hook(lambda *args: calls.append(1))
        ppo_update._update(
            setting, torch.optim.SGD(setting.policy.parameter_groups(0.1)), experience, torch.arange(8), None, 1
        )
        return len(calls), setting.policy.trained

    (plain, parameters), (recomputed, others) = updated(is_on=False), updated(is_on=True)

    assert (plain, recomputed) == (1, 2)
    for name, parameter in parameters.items():
        torch.testing.assert_close(others[name], parameter, atol=1e-7, rtol=1e-5, msg=name)


def test_what_the_sampler_knows_is_what_a_forward_pass_would_find(rolled_out):
    setting, _ = rolled_out()
    disturb(setting.policy)
    chosen = setting.prompts[:4]
    generated = setting.generate(chosen, torch.Generator().manual_seed(1))
    batch = setting.batch(chosen, generated)

    known = ppo._old_outputs(setting, batch, None, generated)

    found = setting.policy.outputs(batch, setting.policy.trunk_states(batch))
    torch.testing.assert_close(known.logprobs, found.logprobs, atol=1e-5, rtol=0)
    torch.testing.assert_close(known.entropies, found.entropies, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "changed", [{}, {"critic": "head", "lora_rank": 0, "kl_target": 2.0, "lm_coef": 0.1}, {"critic": "model"}]
)
def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(
    make_run, make_snapshot, base, reward_base, monkeypatch, changed
):
    config = QUICK | {"steps": 5, "checkpoint_every": 2, "schedule": "linear"} | changed
    whole, broken, further = (ppo_run(make_run, make_snapshot, base, reward_base, config) for _ in range(3))
    run.execute("ppo", ppo.train, whole)

    break_off(broken, further, monkeypatch)
    results = [run.execute("ppo", ppo.train, one) for one in (broken, further)]

    for one, result in zip((broken, further), results, strict=True):
        assert result.status == "succeeded"
        assert [row["step"] for row in rows_of(one.metrics)] == [1, 2, 3, 4, 5]
        assert losses_of(one) == losses_of(whole)
        assert rundir.sha256_of(one.checkpoint / "model.safetensors") == rundir.sha256_of(
            whole.checkpoint / "model.safetensors"
        )
        assert not one.state.exists()


def test_a_state_that_was_damaged_is_passed_over(make_run, make_snapshot, base, reward_base, monkeypatch, capsys):
    config = QUICK | {"steps": 5, "checkpoint_every": 1}
    directory = ppo_run(make_run, make_snapshot, base, reward_base, config)
    with monkeypatch.context() as patched:
        patched.setattr(ppo, "_next_kl_coef", dies_at(directory, after=4))
        run.execute("ppo", ppo.train, directory)
    newest = max((directory.path / "state").glob("[0-9]*"))
    with (newest / "tensors.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")

    result = run.execute("ppo", ppo.train, directory)

    assert result.status == "succeeded"
    assert "going on after step 2" in capsys.readouterr().out


def break_off(broken, further, monkeypatch):
    """Let a run die at its third step, and another attempt stand where it can go on from what that had saved."""
    with monkeypatch.context() as patched:
        patched.setattr(ppo, "_next_kl_coef", dies_at(broken, after=3))
        assert run.execute("ppo", ppo.train, broken).status == "failed"
    step, state = broken.saved_states()[0]
    attempts.go_on(attempts.Saved(step, state, broken), further)


def dies_at(directory, *, after):
    """Stand in for the step that adapts the coefficient, and fail once so many steps have been measured."""
    adapt = ppo._next_kl_coef

    def adapt_or_die(setting, *args):
        if len(rows_of(directory.metrics)) == after - 1:
            raise RuntimeError("the machine went away")
        return adapt(setting, *args)

    return adapt_or_die


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def losses_of(directory):
    measured = ("policy_loss", "score", "kl", "kl_coef", "grad_norm", "explained_variance")
    return [[row["values"][name] for name in measured] for row in rows_of(directory.metrics)]


def test_the_coefficient_follows_the_kl_to_its_target(make_run, make_snapshot, base, unit_reward, likes_e):
    likes_e(+1)
    config = LEARN | {"kl_target": 1.0, "kl_coef": 0.001, "kl_horizon": 32.0}

    directory = ppo_run(make_run, make_snapshot, base, unit_reward, config)
    run.execute("ppo", ppo.train, directory)

    measured = [row["values"] for row in rows_of(directory.metrics)]
    risen = [after["kl_coef"] > before["kl_coef"] for before, after in pairwise(measured)]
    assert measured[0]["kl_coef"] == 0.001
    assert risen == [values["kl"] > 1.0 for values in measured[:-1]]
    assert 0 < sum(risen) < len(risen)


def test_the_passes_over_a_rollout_end_when_the_policy_has_moved_far(
    make_run, make_snapshot, base, unit_reward, likes_e
):
    likes_e(+1)
    config = LEARN | {"steps": 2, "learning_rate": 3e-2, "epochs": 4, "epoch_kl_stop": 1e-4}
    directory = ppo_run(make_run, make_snapshot, base, unit_reward, config)

    run.execute("ppo", ppo.train, directory)

    assert rows_of(directory.metrics)[0]["values"]["updates"] == 2.0  # one epoch of two mini-batches


def test_an_alarm_ends_the_run_where_the_config_says_so(make_run, make_snapshot, base, unit_reward, likes_e):
    likes_e(+1)
    config = LEARN | {"kl_coef": 0.0, "learning_rate": 3e-2, "alarms": "stop"}
    directory = ppo_run(make_run, make_snapshot, base, unit_reward, config)

    found = run.execute("ppo", ppo.train, directory).metrics

    assert found["stopped_by"].startswith("alarm: ")
    assert [row["sentence"] for row in rows_of(directory.alarms)] == found["alarms"]


class SaysAVowel(CountsE):
    """A reward model that pays 1 for a completion with one of the letters a, e, i, o, u in it, however often."""

    def __init__(self):
        super().__init__(+1)
        self.letters = torch.tensor(make_tokenizer()("aeiou")["input_ids"])

    def read(self, batch, states):
        counts = torch.zeros_like(batch.ids)
        counts[:, -batch.response_mask.shape[1] :] = batch.response_mask.long()
        so_far = (torch.isin(batch.ids, self.letters) & counts.bool()).cummax(1).values.float()
        before = so_far[:, batch.predicting]
        return judge.Judged(so_far[:, -1], None, before, before[:, :, None])


BUDGET = 5.0
"""Nats a completion. The best policy within it never fails, where the start succeeds once in exp(5) or oftener."""


def test_ppo_reaches_nine_tenths_of_what_is_best_within_a_budget_of_kl(
    make_run, make_snapshot, base, unit_reward, monkeypatch
):
    monkeypatch.setattr(judge, "load", lambda directory, **options: SaysAVowel())
    config = LEARN | {"steps": 40, "batch_size": 64, "kl_coef": 0.05, "learning_rate": 3e-3, "schedule": "linear"}
    directory = ppo_run(make_run, make_snapshot, base, unit_reward, config)

    run.execute("ppo", ppo.train, directory)

    steps = [row["values"] for row in rows_of(directory.metrics)]
    assert math.exp(-BUDGET) < mean(steps[:3], "score") < 0.4
    assert mean(steps[-8:], "score") >= 0.9
    assert mean(steps[-8:], "kl") <= BUDGET


def mean(steps, name):
    return sum(values[name] for values in steps) / len(steps)
