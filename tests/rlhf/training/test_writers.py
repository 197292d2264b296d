"""vLLM as the writer of a sampling run: what is asked of it, what is made of its answers, and how its end is told.

A small program plays vLLM. Where VLLM_PYTHON names a Python with the real one, that is asked, too.
"""

import json
import os
import sys
from pathlib import Path

import pytest
import torch

from rlhf.contract import profiles
from rlhf.contract.records import CompletionRecord, FailureReason, PromptRecord, read_jsonl
from rlhf.contract.rundir import RunDirectory
from rlhf.training import models, new_models, run, sample

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("in_float32")]

QUICK = {"completions_per_prompt": 3, "max_new_tokens": 6, "batch_size": 4}
PLAYED = """
import json, os, sys, time
__version__ = "0.0"
SEEN = os.environ["SEEN"]

class SamplingParams:
    def __init__(self, **options):
        self.options = options

class One:
    def __init__(self, **values):
        self.__dict__.update(values)

class LLM:
    def __init__(self, **options):
        print("vLLM greets on its standard output")
        self.options, self.waiting, self.llm_engine = options, [], self
        if os.environ["PLAYS"] == "too large":
            raise ValueError("No available memory for the cache blocks.")

    def add_request(self, name, prompt, sampling):
        with open(SEEN, "a") as seen:
            print(json.dumps([self.options, prompt, sampling.options]), file=seen)
        self.waiting.append((name, prompt, sampling.options))

    def has_unfinished_requests(self):
        return bool(self.waiting)

    def step(self):
        if os.environ["PLAYS"] == "dies":
            os._exit(3)
        if os.environ["PLAYS"] == "sleeps":
            time.sleep(1.1)
            return []
        name, prompt, asked = self.waiting.pop()  # the last comes first
        ended = int(name) % 2 == 0
        ids = [40 + int(name), 41, *([asked["stop_token_ids"][0]] if ended else [])]
        said = [{token: One(logprob=-1.0)} for token in ids]
        output = One(token_ids=ids, logprobs=said, finish_reason="stop" if ended else "length")
        return [One(finished=True, request_id=name, outputs=[output])]
"""


@pytest.fixture
def plays(vllm_played_by, monkeypatch, tmp_path):
    """Let the small program play vLLM, well or badly; return what it was asked, once it was."""
    vllm_played_by(PLAYED)
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))

    def plays(how="well"):
        monkeypatch.setenv("PLAYS", how)
        return lambda: [json.loads(line) for line in (tmp_path / "seen").read_text().splitlines()]

    return plays


@pytest.fixture
def sampled(make_run, make_snapshot):
    def sampled(base, **config):
        directory = make_run("sample", snapshot=make_snapshot(), base=base, config=QUICK | config)
        return directory, run.execute("sample", sample.sample, directory)

    return sampled


def test_each_completion_comes_back_to_its_prompt_in_whatever_order_they_end(plays, sampled, base):
    seen = plays()

    directory, result = sampled(base, temperature=0.7, top_p=0.9, seed=5)

    assert result.status == "succeeded", result.message
    found, tokenizer = list(read_jsonl(directory.completions, CompletionRecord)), models.load_tokenizer(base)
    assert [one.prompt_id for one in found] == [f"p{n}" for n in range(8) for _ in range(3)]
    assert [one.text for one in found] == [tokenizer.decode([40 + n, 41]).strip() for n in range(24)]
    assert [one.is_finished for one in found] == [n % 2 == 0 for n in range(24)]
    assert result.metrics["length_mean"] == 2.5
    asked = seen()
    prompts = [prompt["prompt_token_ids"] for _, prompt, _ in asked]
    snapshot = Path(directory.read_spec().inputs.snapshot)
    wanted = [
        models.prompt_ids(tokenizer, one.messages) for one in read_jsonl(snapshot / "prompts.jsonl", PromptRecord)
    ]
    assert prompts == [prompt for prompt in wanted for _ in range(3)]
    options, _, drawing = asked[0]
    assert (options["dtype"], options["model"], options["skip_tokenizer_init"]) == ("float32", str(base), True)
    assert (drawing["temperature"], drawing["top_p"], drawing["max_tokens"]) == (0.7, 0.9, 6)
    assert drawing["stop_token_ids"] == [tokenizer.eos_token_id]
    assert len({drawing["seed"] for _, _, drawing in asked}) == 24


def test_the_same_seed_asks_for_the_same_and_another_for_another(plays, sampled, base):
    seen = plays()

    for seed in (5, 5, 6):
        sampled(base, seed=seed, max_prompts=1)

    seeds = [drawing["seed"] for _, _, drawing in seen()]
    assert seeds[:3] == seeds[3:6] != seeds[6:]


@pytest.mark.parametrize(
    ("how", "reason", "said"),
    [
        ("too large", FailureReason.OUT_OF_MEMORY, "vLLM failed: ValueError: No available memory"),
        ("dies", FailureReason.CRASHED, "vLLM failed: exit code 3"),
    ],
)
def test_when_vllm_fails_the_run_says_so(plays, sampled, base, how, reason, said):
    plays(how)

    directory, result = sampled(base)

    assert (result.status, result.reason) == ("failed", reason)
    assert said in result.message
    assert not directory.completions.exists()


@pytest.mark.parametrize("python", ["", "/no/such/python", sys.executable])
def test_a_python_without_vllm_is_a_setting_to_mend(plays, monkeypatch, sampled, base, python):
    plays()
    monkeypatch.setenv(profiles.VLLM, python)

    _, result = sampled(base)

    assert (result.status, result.reason) == ("failed", FailureReason.BAD_CONFIG)
    assert "VLLM_PYTHON: expected the path of a Python in which vLLM is installed" in result.message


@pytest.mark.parametrize(("given", "taken"), [("", 0.3), ("0.25", 0.25)])
def test_how_much_of_the_memory_it_takes_can_be_said(plays, monkeypatch, sampled, base, given, taken):
    seen = plays()
    monkeypatch.setenv("VLLM_MEMORY_SHARE", given)

    sampled(base, max_prompts=1)

    assert seen()[0][0]["gpu_memory_utilization"] == taken


@pytest.mark.parametrize("given", ["0", "1.5", "-1", "half", "nan"])
def test_a_share_that_is_none_is_a_setting_to_mend(plays, monkeypatch, sampled, base, given):
    plays()
    monkeypatch.setenv("VLLM_MEMORY_SHARE", given)

    _, result = sampled(base)

    assert (result.status, result.reason) == ("failed", FailureReason.BAD_CONFIG)
    assert f"VLLM_MEMORY_SHARE: expected a share of the memory, above 0 and below 1, as 0.4; got '{given}'" in (
        result.message
    )


def test_a_cancelled_run_ends_vllm_while_it_writes(plays, monkeypatch, sampled, base):
    plays("sleeps")
    asked = []
    monkeypatch.setattr(RunDirectory, "is_cancelled", lambda directory: asked.append(1) or len(asked) > 2)

    directory, result = sampled(base)

    assert result.status == "cancelled"
    assert not directory.completions.exists()


def test_a_reward_model_is_refused_before_vllm_is_started(plays, monkeypatch, sampled, reward_base):
    plays("dies")

    _, result = sampled(reward_base)

    assert (result.status, result.reason) == ("failed", FailureReason.BAD_ARTEFACT)


@pytest.mark.skipif(not os.environ.get(profiles.VLLM), reason="VLLM_PYTHON names no Python with vLLM in it")
def test_the_real_one_writes_what_our_loop_writes_where_chance_has_no_part(monkeypatch, sampled, base, tmp_path):
    tokenizer = models.load_tokenizer(base)
    torch.manual_seed(1)
    size = {
        "hidden_size": 128,
        "layers": 2,
        "heads": 2,
        "key_value_heads": 1,
        "context": 128,
    }  # heads as vLLM knows them
    model = new_models.make_llama(tokenizer, **size)
    models.save_checkpoint(tmp_path / "base", model=model, tokenizer=tokenizer, kind="base")
    config = {"temperature": 0.05, "top_p": 0.05, "completions_per_prompt": 1, "max_new_tokens": 20}
    ours, _ = sampled(tmp_path / "base", **config)
    monkeypatch.setenv(profiles.WRITER, "vllm")

    theirs, result = sampled(tmp_path / "base", **config)

    assert result.status == "succeeded", result.message
    assert theirs.completions.read_text() == ours.completions.read_text()
