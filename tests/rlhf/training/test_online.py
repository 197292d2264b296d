"""RLOO and GRPO: the reward model scores what PPO's would, the policy learns what it is paid for, bad input."""

import json

import pytest
import torch

from rlhf.contract import config as configs
from rlhf.contract import rundir
from rlhf.contract.config import ConfigError
from rlhf.training import grpo, models, online, rloo, run, scoring
from tests.rlhf.training.conftest import make_tokenizer

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("in_float32")]

STAGES = {"rloo": rloo.train, "grpo": grpo.train}
QUICK = {
    "steps": 2,
    "batch_size": 8,
    "completions_per_prompt": 4,
    "learning_rate": 1e-3,
    "max_new_tokens": 8,
    "lora_rank": 4,
    "missing_eos_penalty": 0.0,
}


@pytest.fixture
def ordered(make_run, make_snapshot, base, reward_base):
    """The directory of a run of a stage."""

    def ordered(stage, config=None, **inputs):
        given = {"base": base, "reward_model": reward_base} | inputs
        return make_run(stage, snapshot=make_snapshot(), config=QUICK | (config or {}), **given)

    return ordered


@pytest.fixture
def unit_reward(tmp_path, base):
    """A reward model's directory whose scores have mean 0 and deviation 1 by its manifest."""
    facts = {"score_mean": 0.0, "score_std": 1.0}
    model = models.new_reward_model(base, seed=3)
    models.save_checkpoint(tmp_path / "unit", model=model, tokenizer=make_tokenizer(), kind="reward", facts=facts)
    return tmp_path / "unit"


@pytest.fixture
def likes_the_first_half(monkeypatch):
    """Let the score be the number of tokens from the first half of the vocabulary: known, and learnable."""

    def count(model, sequences, **options):
        return torch.tensor([float(sum(token < 130 for token in sequence)) for sequence in sequences])

    monkeypatch.setattr(scoring, "score", count)


@pytest.mark.parametrize("stage", STAGES)
def test_the_policy_learns_what_it_is_paid_for(ordered, likes_the_first_half, unit_reward, stage):
    config = {"steps": 10, "batch_size": 32, "learning_rate": 1e-2, "lora_rank": 0, "score_clip": 100.0}
    directory = ordered(stage, config, reward_model=unit_reward)

    found = run.execute(stage, STAGES[stage], directory).metrics

    assert found["score_after"] > found["score_before"] + 1.5  # of eight tokens
    assert found["kl"] > 1.0


def test_rewards_that_are_all_the_same_end_the_run(ordered, monkeypatch):
    monkeypatch.setattr(scoring, "score", lambda model, sequences, **options: torch.zeros(len(sequences)))

    result = run.execute("grpo", grpo.train, ordered("grpo", {"steps": 8}))

    assert (result.status, result.reason) == ("failed", "no_signal")
    assert "had the same reward for 5 steps, so there is nothing to learn. Raise score_clip" in result.message


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_leaves_metrics_samples_and_a_policy_that_loads(ordered, stage):
    directory = ordered(stage, {"microbatch_size": 4, "evaluate_every": 2, "passes": 2})

    result = run.execute(stage, STAGES[stage], directory)

    rows = [json.loads(line)["values"] for line in directory.metrics.read_text().splitlines()]
    assert (result.status, result.checkpoint_kind) == ("succeeded", "policy")
    assert len(rows) == 2
    wanted = {"loss", "score", "kl_per_token", "entropy", "length", "eos_rate", "clip_fraction", "equal_rate"}
    assert wanted <= rows[0].keys()
    assert "held_out_score" in rows[1].keys() - rows[0].keys()
    assert abs(rows[0]["kl_per_token"]) < 1e-5  # nothing has moved yet
    assert {json.loads(line)["step"] for line in directory.samples.read_text().splitlines()} == {0, 2, 3}
    assert rundir.verify_manifest(directory.checkpoint)["kind"] == "policy"
    models.load_causal_lm(directory.checkpoint)


def test_a_completion_is_scored_as_in_every_stage_with_an_end_where_it_has_none(ordered, reward_base, tokenizer):
    config = configs.parse("rloo", {"score_clip": 0.5, "missing_eos_penalty": 2.0})
    prompt, ended, open_end = [2, 70, 1, 3], [80, 81, 1], [82, 83]
    logged = {}

    scorer = online.Scorer(config, reward_base, tokenizer, use_bfloat16=False)
    found = scorer(completion_ids=[ended, open_end], tokens=[prompt] * 2, log_metric=logged.__setitem__, prompts=[])

    model = models.load_reward_model(reward_base)
    raw = scoring.score(model, [prompt + ended, [*prompt, *open_end, 1]], pad_id=0, batch_size=2)
    cut = (raw / 0.05).clamp(-0.5, 0.5)  # the manifest says mean 0 and deviation 0.05
    assert logged["score"] == pytest.approx(raw.mean().item())
    assert found == pytest.approx([cut[0].item(), cut[1].item() - 2.0])


@pytest.mark.parametrize("stage", STAGES)
def test_trls_tokens_of_a_prompt_are_ours(ordered, monkeypatch, stage):
    seen = []
    call = online.Scorer.__call__

    def watched(scorer, *, prompts, **options):
        mine = [make_tokenizer().apply_chat_template(p, add_generation_prompt=True)["input_ids"] for p in prompts]
        seen.append(mine == options["tokens"])
        return call(scorer, prompts=prompts, **options)

    monkeypatch.setattr(online.Scorer, "__call__", watched)
    run.execute(stage, STAGES[stage], ordered(stage, {"steps": 1}))

    assert seen == [True]


@pytest.mark.parametrize("stage", STAGES)
def test_a_reward_model_with_another_tokenizer_is_refused(ordered, stage, foreign):
    result = run.execute(stage, STAGES[stage], ordered(stage, reward_model=foreign))

    assert (result.status, result.reason) == ("failed", "tokenizer_mismatch")


def test_a_score_that_is_not_a_number_stops_the_run(ordered, base, tmp_path):
    poisoned = models.new_reward_model(base, seed=3)
    poisoned.score.weight.data.fill_(float("nan"))
    directory = tmp_path / "poisoned"
    facts = {"score_mean": 0.0, "score_std": 1.0}
    models.save_checkpoint(directory, model=poisoned, tokenizer=make_tokenizer(), kind="reward", facts=facts)

    result = run.execute("rloo", rloo.train, ordered("rloo", reward_model=directory))

    assert (result.status, result.reason) == ("failed", "non_finite")


def test_a_cancelled_run_saves_nothing(ordered):
    directory = ordered("grpo")
    directory.request_cancel()

    assert run.execute("grpo", grpo.train, directory).status == "cancelled"
    assert not directory.checkpoint.exists()


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"batch_size": 30}, "batch_size: must be a multiple of completions_per_prompt; got 30 and 4. Set it to 32."),
        ({"microbatch_size": 7}, "microbatch_size: must divide batch_size; got 7 and 24. Set it to 0 or a divisor."),
        ({"warmup_steps": 25}, "warmup_steps: must not exceed steps; got 25 and 24."),
    ],
)
def test_a_batch_that_cannot_be_divided_is_refused_by_field(config, problem):
    with pytest.raises(ConfigError) as refusal:
        configs.parse("grpo", config)

    assert str(refusal.value) == problem
