"""Reward models by us and by TRL's RewardTrainer on rankings of four: pairs a CPU second, and held-out accuracy.

The rankings are of sentences of the little grammar under our prompts; the better one names more different things.
"""

import json
import random
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import RewardConfig, RewardTrainer

from rlhf.contract import config as configs
from rlhf.contract import rundir
from rlhf.contract.records import PreferenceRecord, PromptRecord, write_jsonl
from rlhf.contract.rundir import Inputs, RunDirectory, RunSpec
from rlhf.training import data, models, reward, run, scoring, tiny
from rlhf.training.data import TokenisedPair

K, PROMPTS_A_STEP = 4, 2
PAIRS_A_STEP = PROMPTS_A_STEP * K * (K - 1) // 2


class Size(NamedTuple):
    """How much is trained and held out, and how."""

    rankings: int
    held_out: int
    epochs: int
    learning_rate: float
    lora_rate: float


SIZES = {"base": Size(6, 0, 2, 1e-5, 2e-4), "tiny": Size(240, 120, 2, 5e-4, 2e-3)}


def ours(place: Path, seed: int, *, model: str, lora_rank: int) -> dict[str, float]:
    """Train our reward stage; the states of a frozen trunk are part of the time."""
    size = SIZES[model]
    values = {
        "epochs": size.epochs,
        "batch_size": PROMPTS_A_STEP,
        "learning_rate": size.lora_rate if lora_rank else size.learning_rate,
        "lora_rank": lora_rank,
        "center_coefficient": 0.0,
        "checkpoint_every": 100_000,
        "seed": seed,
    }
    pairs = rankings(place, model, seed=seed)
    with tempfile.TemporaryDirectory() as scratch:
        directory = RunDirectory(Path(scratch) / "run")
        snapshot = _snapshot(Path(scratch) / "snapshot", pairs)
        inputs = Inputs(str(snapshot), str(place / model))
        directory.write_spec(RunSpec("reward", configs.parse("reward", values), inputs))
        context, tokenizer = run.RunContext(directory, directory.read_spec()), models.load_tokenizer(place / model)
        fitting, _ = data.pairs(snapshot, tokenizer, split="train", max_length=512)
        watcher, clock = reward.Watcher(directory), Clock()
        with mock.patch.object(models, "new_reward_model", clock.begins_after(models.new_reward_model)):
            fitted = reward._fit(context, tokenizer, fitting, watcher, is_kept=False)
        spent = clock.seconds
        accuracy = _accuracy(fitted, tokenizer, snapshot)
    return {**_rate(len(fitting) * size.epochs, spent), "accuracy": accuracy, "tokens": _mean_length(fitting)}


def trl(place: Path, seed: int, *, model: str) -> dict[str, float]:
    """Train TRL's RewardTrainer as it ships, with its gradient checkpointing, in float32, on the same pairs."""
    size = SIZES[model]
    pairs, clock = rankings(place, model, seed=seed), Clock()
    tokenizer = models.load_tokenizer(place / model)
    with tempfile.TemporaryDirectory() as scratch:
        snapshot = _snapshot(Path(scratch) / "snapshot", pairs)
        fitting, _ = data.pairs(snapshot, tokenizer, split="train", max_length=512)
        trainer = RewardTrainer(
            model=models.new_reward_model(place / model, seed=seed),
            args=RewardConfig(
                output_dir=scratch,
                per_device_train_batch_size=PAIRS_A_STEP,
                num_train_epochs=size.epochs if model == "tiny" else 1,
                learning_rate=size.learning_rate,
                warmup_steps=3,
                max_length=None,
                bf16=False,
                seed=seed,
                logging_steps=1,
                report_to="none",
                save_strategy="no",
                use_cpu=True,
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_list([_texts(pair) for pair in pairs if pair.split == "train"]),
            processing_class=tokenizer,
            callbacks=[clock],
        )
        trainer.train()
        accuracy = _accuracy(trainer.model.eval(), tokenizer, snapshot)
    done = len(fitting) * (size.epochs if model == "tiny" else 1)
    return {**_rate(done, clock.seconds), "accuracy": accuracy, "tokens": _mean_length(fitting)}


class Clock(TrainerCallback):
    """CPU seconds of this process since training began."""

    def __init__(self) -> None:
        self.started = 0.0

    @property
    def seconds(self) -> float:
        return time.process_time() - self.started

    def on_train_begin(self, *args: object, **options: object) -> None:
        self.started = time.process_time()

    def begins_after(self, load: object) -> object:
        def loaded(*args: object, **options: object) -> torch.nn.Module:
            model = load(*args, **options)
            self.started = time.process_time()
            return model

        return loaded


def rankings(place: Path, model: str, *, seed: int) -> list[PreferenceRecord]:
    """Return every pair of rankings of four, the better first; the held-out ones are of other prompts."""
    size, rng = SIZES[model], random.Random(seed)
    lines = (place / "snapshot" / "prompts.jsonl").read_text("utf-8").splitlines()
    asked = [json.loads(line)["messages"][0]["content"] for line in lines]
    pairs: list[PreferenceRecord] = []
    for number in range(size.rankings + size.held_out):
        split = "train" if number < size.rankings else "test"
        prompt = f"{asked[number % len(asked)]} ({number})"
        ranked = sorted(_completions(rng), key=worth, reverse=True)
        pairs += [_pair(number, prompt, a, b, split) for n, a in enumerate(ranked) for b in ranked[n + 1 :]]
    return pairs


def _completions(rng: random.Random) -> list[str]:
    """Return K completions of different worth."""
    found: dict[int, str] = {}
    while len(found) < K:
        text = " ".join(tiny.sentence(tiny.ENGLISH, rng) for _ in range(rng.choice([1, 2, 3, 4, 5])))
        found.setdefault(worth(text), text)
    return list(found.values())


def worth(text: str) -> int:
    """Return how many different things a text names."""
    return sum(thing in text for thing in tiny.ENGLISH["thing"])


def _pair(number: int, prompt: str, chosen: str, rejected: str, split: str) -> PreferenceRecord:
    return PreferenceRecord(
        prompt_id=f"p{number}",
        prompt=json.dumps([{"role": "user", "content": prompt}]),
        chosen=chosen,
        rejected=rejected,
        q=1.0,
        margin=1.0,
        p_tie=0.0,
        n_votes=3,
        weight=1.0,
        category="",
        guideline=1,
        split=split,
    )


def _texts(pair: PreferenceRecord) -> dict[str, list[dict[str, str]]]:
    asked = json.loads(pair.prompt)
    return {
        "prompt": asked,
        "chosen": [{"role": "assistant", "content": pair.chosen}],
        "rejected": [{"role": "assistant", "content": pair.rejected}],
    }


def _snapshot(directory: Path, pairs: list[PreferenceRecord]) -> Path:
    directory.mkdir()
    write_jsonl(directory / "prompts.jsonl", list[PromptRecord]())
    write_jsonl(directory / "demonstrations.jsonl", [])
    pq.write_table(pa.Table.from_pylist([asdict(pair) for pair in pairs]), directory / "preferences.parquet")
    rundir.write_manifest(directory, {})
    return directory


def _accuracy(model: torch.nn.Module, tokenizer: object, snapshot: Path) -> float:
    held_out, _ = data.pairs(snapshot, tokenizer, split="test", max_length=512)
    if not held_out:
        return float("nan")
    options = {"pad_id": tokenizer.pad_token_id, "batch_size": 32, "on_batch": lambda: None}
    return float(scoring.pair_accuracy(model, held_out, **options)["accuracy"])


def _rate(pairs: int, seconds: float) -> dict[str, float]:
    return {"pairs_per_cpu_second": pairs / seconds, "cpu_seconds": seconds, "pairs": pairs}


def _mean_length(pairs: list[TokenisedPair]) -> float:
    return sum(len(pair.chosen) + len(pair.rejected) for pair in pairs) / (2 * len(pairs))
