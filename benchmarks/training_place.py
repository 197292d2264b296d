"""What the training benchmark works on: SmolLM2, a reward model of it, a snapshot of our own prompts, TRL 1.12.0."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from rlhf.contract import rundir
from rlhf.contract.records import PromptRecord, write_jsonl
from rlhf.training import base, judge, models, trunk

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "var" / "bench" / "training"
FACTS = {"score_mean": 0.0, "score_std": 1.0}


def prepare(place: Path = PLACE) -> Path:
    """Make everything that is not there yet and return the directory."""
    place.mkdir(parents=True, exist_ok=True)
    if not (place / "base" / rundir.MANIFEST).is_file():
        base.make("smollm2", place / "base", steps=0)
    if not (place / "snapshot").is_dir():
        _snapshot(place / "snapshot")
    if not (place / "reward").is_dir():
        _rewards(place)
    trl_1_12(place)
    return place


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


def _rewards(place: Path) -> None:
    """A reward model with a random head, with weights of its own and as an adapter on the base."""
    tokenizer = models.load_tokenizer(place / "base")
    model = models.new_reward_model(place / "base", seed=3)
    models.save_checkpoint(place / "reward", model=model, tokenizer=tokenizer, kind="reward", facts=FACTS)
    adapted = models.add_lora(model, rank=16, first_layer=trunk.first_trained_layer(model, frozen_share=0.5))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=1e-3)
    file = place / judge.ADAPTER_FILE
    facts = {"base_sha256": rundir.sha256_of(place / "base" / rundir.MANIFEST), **judge.save_adapter(adapted, file)}
    models.save_checkpoint(
        place / "reward-adapter",
        model=adapted,
        tokenizer=tokenizer,
        kind="reward",
        facts={**FACTS, "adapter": facts},
        beside=[file],
    )
