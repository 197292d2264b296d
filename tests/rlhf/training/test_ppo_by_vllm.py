"""PPO whose completions vLLM writes: by the policy as it is at each step, and the end is that of a run without a break.

A small program plays vLLM and writes with the weights that it is given. Where VLLM_PYTHON names a Python with the real
one, that is asked, too.
"""

import json
import os

import pytest
import torch

from rlhf.contract import profiles, rundir
from rlhf.contract.records import FailureReason
from rlhf.training import models, new_models, ppo, run
from tests.rlhf.training.test_ppo import QUICK, break_off, ppo_run

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("in_float32")]

BRISK = QUICK | {"learning_rate": 1e-2, "temperature": 0.7, "critic": "head"}
"""The policy moves by more than rounding at each step."""
PLAYED = """
import json, os, torch
from types import SimpleNamespace
from transformers import AutoConfig, AutoModelForCausalLM
__version__ = "0.0"

class SamplingParams:
    def __init__(self, **options):
        self.__dict__.update(options)

class LLM:
    def __init__(self, model, **options):
        self.llm_engine, self.waiting = self, []
        self._load(model)

    def _load(self, directory):
        assert not AutoConfig.from_pretrained(directory).tie_word_embeddings  # of a tied head vLLM reads nothing again
        self.model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)

    def collective_rpc(self, method, kwargs):
        assert method == "reload_weights"
        if os.environ.get("PLAYS") == "dies":
            raise RuntimeError("the engine is dead")
        if os.environ.get("PLAYS") != "stays as it was":
            self._load(kwargs["weights_path"])

    def reset_prefix_cache(self):
        pass

    def add_request(self, name, prompt, sampling):
        self.waiting.append((name, prompt["prompt_token_ids"], sampling))

    def has_unfinished_requests(self):
        return bool(self.waiting)

    @torch.no_grad()
    def step(self):
        name, ids, sampling = self.waiting.pop()  # the last comes first
        generator, found, said = torch.Generator().manual_seed(sampling.seed), [], []
        while len(found) < sampling.max_tokens and sampling.stop_token_ids[0] not in found:
            logits = self.model(torch.tensor([ids + found])).logits[0, -1] / sampling.temperature
            found.append(int(torch.multinomial(logits.softmax(-1), 1, generator=generator)))
            said.append({found[-1]: SimpleNamespace(logprob=float(logits.log_softmax(-1)[found[-1]]))})
        reason = "stop" if found[-1] == sampling.stop_token_ids[0] else "length"
        output = SimpleNamespace(token_ids=found, logprobs=said, finish_reason=reason)
        return [SimpleNamespace(finished=True, request_id=name, outputs=[output])]
"""


@pytest.fixture
def plays(vllm_played_by, monkeypatch):
    """Let the small program play vLLM, well or badly."""
    vllm_played_by(PLAYED)
    return lambda how="well": monkeypatch.setenv("PLAYS", how)


def gaps_of(directory):
    return [json.loads(line)["values"]["sampler_gap"] for line in directory.metrics.read_text().splitlines()]


@pytest.mark.parametrize(("how", "lora_rank"), [("well", 0), ("well", 4), ("stays as it was", 4)])
def test_each_rollout_is_of_the_policy_as_it_is(plays, make_run, make_snapshot, base, reward_base, how, lora_rank):
    plays(how)
    directory = ppo_run(make_run, make_snapshot, base, reward_base, BRISK | {"lora_rank": lora_rank})

    result = run.execute("ppo", ppo.train, directory)

    assert result.status == "succeeded", result.message
    first, *later = gaps_of(directory)
    assert first < 1e-5
    assert all(gap < 1e-5 if how == "well" else gap > 1e-2 for gap in later), later


def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(
    plays, make_run, make_snapshot, base, reward_base, monkeypatch
):
    plays()
    config = BRISK | {"steps": 4, "checkpoint_every": 2}
    whole, broken, further = (ppo_run(make_run, make_snapshot, base, reward_base, config) for _ in range(3))
    run.execute("ppo", ppo.train, whole)
    break_off(broken, further, monkeypatch)

    assert run.execute("ppo", ppo.train, further).status == "succeeded"

    assert max(gaps_of(further)) < 1e-5
    ends = [rundir.sha256_of(one.checkpoint / "model.safetensors") for one in (whole, further)]
    assert ends[0] == ends[1]


def test_when_vllm_fails_on_the_way_the_run_says_so_and_leaves_nothing_beside(
    plays, make_run, make_snapshot, base, reward_base, monkeypatch, tmp_path
):
    plays("dies")
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))

    result = run.execute("ppo", ppo.train, ppo_run(make_run, make_snapshot, base, reward_base, QUICK))

    assert (result.status, result.reason) == ("failed", FailureReason.CRASHED)
    assert "vLLM failed: RuntimeError: the engine is dead" in result.message
    assert not list((tmp_path / "scratch").glob("policy-*"))


def test_a_python_without_vllm_is_a_setting_to_mend(plays, make_run, make_snapshot, base, reward_base, monkeypatch):
    monkeypatch.setenv(profiles.VLLM, "/no/such/python")

    result = run.execute("ppo", ppo.train, ppo_run(make_run, make_snapshot, base, reward_base, QUICK))

    assert (result.status, result.reason) == ("failed", FailureReason.BAD_CONFIG)


@pytest.mark.skipif(not os.environ.get(profiles.VLLM), reason="VLLM_PYTHON names no Python with vLLM in it")
@pytest.mark.parametrize("lora_rank", [0, 4])
def test_the_real_one_writes_by_the_policy_as_it_is(
    monkeypatch, make_run, make_snapshot, base, reward_base, tmp_path, lora_rank
):
    tokenizer = models.load_tokenizer(base)
    torch.manual_seed(1)
    size = {"hidden_size": 128, "layers": 2, "heads": 2, "key_value_heads": 1, "context": 128}  # as vLLM knows them
    model = new_models.make_llama(tokenizer, **size)
    models.save_checkpoint(tmp_path / "base", model=model, tokenizer=tokenizer, kind="base")
    monkeypatch.setenv(profiles.WRITER, "vllm")
    config = BRISK | {"lora_rank": lora_rank}
    directory = ppo_run(make_run, make_snapshot, tmp_path / "base", reward_base, config)

    result = run.execute("ppo", ppo.train, directory)

    assert result.status == "succeeded", result.message
    assert max(gaps_of(directory)) < 1e-4
