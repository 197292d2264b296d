"""What the training benchmark works on: two base models, reward models of them, our own prompts, TRL 1.12.0."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from rlhf.contract import rundir
from rlhf.contract.records import PromptRecord, write_jsonl
from rlhf.training import base, judge, models, tiny, trunk

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "var" / "bench" / "training"
FACTS = {"score_mean": 0.0, "score_std": 1.0}


def prepare(place: Path = PLACE) -> Path:
    """Make everything that is not there yet and return the directory."""
    place.mkdir(parents=True, exist_ok=True)
    for name, source in (("base", "smollm2"), ("tiny", "tiny")):
        if not (place / name / rundir.MANIFEST).is_file():
            base.make(source, place / name, steps=tiny.STEPS)
        if not reward_of(place, name).is_dir():
            _rewards(place, name)
    if not (place / "snapshot").is_dir():
        _snapshot(place / "snapshot")
    trl_1_12(place)
    return place


def reward_of(place: Path, base: str, *, is_adapter: bool = False) -> Path:
    """Return the directory of the reward model of a base; with `is_adapter`, of the one trained with LoRA."""
    return place / f"{base}-{'adapter' if is_adapter else 'reward'}"


def trl_1_12(place: Path) -> Path:
    """Return a directory for sys.path with TRL 1.12.0 in it, the last with a PPOTrainer; no requirement of ours."""
    target = place / "trl-1.12.0"
    if not target.is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "trl==1.12.0"]
        subprocess.run([*command, "--target", str(target)], check=True)
    return target


def _snapshot(directory: Path) -> None:
    asked = [json.loads(line) for line in (ROOT / "rlhf/demo/prompts.jsonl").read_text("utf-8").splitlines()]
    english = [one["prompt"] for one in asked if one["language"] == "en"]
    directory.mkdir()
    rows = [
        PromptRecord(f"p{n}", [{"role": "user", "content": text}], "", "en", "train") for n, text in enumerate(english)
    ]
    write_jsonl(directory / "prompts.jsonl", rows)
    write_jsonl(directory / "demonstrations.jsonl", [])
    pq.write_table(pa.table({"split": pa.array([], pa.string())}), directory / "preferences.parquet")
    rundir.write_manifest(directory, {})


def _rewards(place: Path, name: str) -> None:
    """A reward model with a random head, with weights of its own and as an adapter on the base."""
    tokenizer = models.load_tokenizer(place / name)
    model = models.new_reward_model(place / name, seed=3)
    adapted = models.add_lora(model, rank=16, first_layer=trunk.first_trained_layer(model, frozen_share=0.5))
    with torch.no_grad():
        for key, parameter in adapted.named_parameters():
            if "lora_B" in key:
                parameter.normal_(std=1e-3)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / judge.ADAPTER_FILE
        digest = rundir.sha256_of(place / name / rundir.MANIFEST)
        facts = FACTS | {"adapter": {"base_sha256": digest, **judge.save_adapter(adapted, file)}}
        whole = {"tokenizer": tokenizer, "kind": "reward"}
        target = reward_of(place, name, is_adapter=True)
        models.save_checkpoint(target, model=adapted, facts=facts, beside=[file], **whole)
    model = models.new_reward_model(place / name, seed=3)
    models.save_checkpoint(reward_of(place, name), model=model, facts=FACTS, **whole)
