"""Tiny models, a tiny tokenizer and tiny snapshots, made on the spot; no hub."""

import json
import sys
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from rlhf.contract import config as configs
from rlhf.contract import profiles, rundir
from rlhf.contract.records import DemonstrationRecord, DocumentRecord, PreferenceRecord, PromptRecord, write_jsonl
from rlhf.contract.rundir import Inputs, RunDirectory, RunSpec
from rlhf.training import models as our_models
from rlhf.training import precision

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIALS = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def in_float32(monkeypatch):
    """Figures worked by hand are in float32, whatever this machine measures as faster."""
    monkeypatch.setattr(precision, "choose_bfloat16", lambda device: False)


def make_tokenizer():
    """A byte-level vocabulary of 256 bytes and five special tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(SPECIALS + alphabet)}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens(SPECIALS)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<|pad|>", eos_token="<|end|>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def make_model(seed=0, layers=2):
    torch.manual_seed(seed)
    size = LlamaConfig(
        vocab_size=261,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(size).eval()


@pytest.fixture(scope="session")
def tokenizer():
    return make_tokenizer()


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """The directory of a random two-layer language model."""
    directory = tmp_path_factory.mktemp("base") / "checkpoint"
    our_models.save_checkpoint(directory, model=make_model(), tokenizer=make_tokenizer(), kind="base")
    return directory


@pytest.fixture(scope="session")
def other(tmp_path_factory):
    """The directory of another language model with the same tokenizer."""
    directory = tmp_path_factory.mktemp("other") / "checkpoint"
    our_models.save_checkpoint(directory, model=make_model(seed=1), tokenizer=make_tokenizer(), kind="sft")
    return directory


@pytest.fixture(scope="session")
def foreign(tmp_path_factory):
    """The directory of a language model that frames messages in another way."""
    directory = tmp_path_factory.mktemp("foreign") / "checkpoint"
    tokenizer = make_tokenizer()
    tokenizer.chat_template += "\n"
    our_models.save_checkpoint(directory, model=make_model(), tokenizer=tokenizer, kind="sft")
    return directory


@pytest.fixture(scope="session")
def reward_base(tmp_path_factory, base):
    """The directory of a reward model with a random head on the same trunk."""
    directory = tmp_path_factory.mktemp("reward") / "checkpoint"
    model = our_models.new_reward_model(base, seed=3)
    facts = {"score_mean": 0.0, "score_std": 0.05}
    our_models.save_checkpoint(directory, model=model, tokenizer=make_tokenizer(), kind="reward", facts=facts)
    return directory


def user(text):
    return [{"role": "user", "content": text}]


def pair(n, *, chosen, rejected, q=0.9, split="train"):
    return PreferenceRecord(
        prompt_id=f"p{n}",
        prompt=json.dumps(user(f"Say {n}")),
        chosen=chosen,
        rejected=rejected,
        q=q,
        margin=1.0,
        p_tie=0.0,
        n_votes=3,
        weight=1.0,
        category="",
        guideline=1,
        split=split,
    )


@pytest.fixture
def make_snapshot(tmp_path):
    """Write a snapshot directory; prompts and demonstrations are given by default."""

    def make(*, pairs=(), prompts=None, demonstrations=None):
        directory = tmp_path / f"snapshot{len(list(tmp_path.glob('snapshot*')))}"
        directory.mkdir()
        default = [
            PromptRecord(f"p{n}", user(f"Say {n}"), "", "en", "test" if n % 4 == 0 else "train") for n in range(8)
        ]
        shown = [DemonstrationRecord(f"p{n}", user(f"Say {n}"), f"{n} it is.", "train") for n in range(8)]
        write_jsonl(directory / "prompts.jsonl", default if prompts is None else prompts)
        write_jsonl(directory / "demonstrations.jsonl", shown if demonstrations is None else demonstrations)
        names = list(PreferenceRecord.__dataclass_fields__)
        columns = {name: [asdict(p)[name] for p in pairs] for name in names}
        table = pa.table(columns) if pairs else pa.table({n: pa.array([], pa.string()) for n in names})
        pq.write_table(table, directory / "preferences.parquet")
        rundir.write_manifest(directory, {})
        return directory

    return make


@pytest.fixture
def make_corpus(tmp_path):
    """Write a corpus directory of training and held-out documents."""

    def make(*, train=(), test=()):
        directory = tmp_path / f"corpus{len(list(tmp_path.glob('corpus*')))}"
        directory.mkdir()
        documents = [*(DocumentRecord(x, "train") for x in train), *(DocumentRecord(x, "test") for x in test)]
        write_jsonl(directory / "text.jsonl", documents)
        rundir.write_manifest(directory, {})
        return directory

    return make


@pytest.fixture
def make_run(tmp_path):
    """Write a run directory with its order and return it."""

    def make(stage, *, snapshot="", base="", config=None, **inputs):
        directory = RunDirectory(tmp_path / f"run-{stage}-{len(list(tmp_path.glob('run-*')))}")
        given = {name: str(path) for name, path in inputs.items()}
        spec = RunSpec(stage, configs.parse(stage, config or {}), Inputs(str(snapshot), str(base), **given))
        directory.write_spec(spec)
        return directory

    return make


def dies_at(step):
    """Stand in for what a Watcher measures at a step, and fail there."""

    def measure_or_die(watcher, at):
        if at == step:
            raise RuntimeError("the machine went away")
        return {}

    return measure_or_die


@pytest.fixture
def vllm_played_by(monkeypatch, tmp_path):
    """Let a program stand where a run looks for vLLM, and runs be written by it."""

    def vllm_played_by(program):
        package = tmp_path / "played" / "vllm"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(program)
        python = tmp_path / "python"
        python.write_text(f'#!/bin/sh\nPYTHONPATH={package.parent} exec {sys.executable} "$@"\n')
        python.chmod(0o755)
        monkeypatch.setenv(profiles.WRITER, "vllm")
        monkeypatch.setenv(profiles.VLLM, str(python))

    return vllm_played_by
