"""A run is a directory: config.json in; log.txt, metrics.jsonl, checkpoint/ and result.json out; CANCEL to stop.

Whole files are written under a temporary name and renamed; metrics are appended a line at a time. The supervisor reads
what the trainer writes; neither touches the other's files.
"""

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rlhf.contract import config as configs
from rlhf.contract.records import FailureReason

MANIFEST = "manifest.json"


class BadArtefact(Exception):
    """A directory that does not verify against its manifest; the message names the file."""


@dataclass(frozen=True)
class Inputs:
    """Absolute paths of what a run reads: directories of a snapshot, checkpoints and a corpus ("" where not needed)."""

    snapshot: str = ""
    base: str = ""
    reward_model: str = ""
    baseline: str = ""
    watcher: str = ""
    corpus: str = ""


@dataclass(frozen=True)
class RunSpec:
    """config.json: the whole order given to a trainer."""

    stage: str
    config: configs.StageConfig
    inputs: Inputs
    audit_seal: str = ""  # the newest seal of the audit log then; goes into the checkpoint's manifest


@dataclass(frozen=True)
class Result:
    """result.json: written last, by rename. `status` is succeeded, failed or cancelled."""

    status: str
    reason: str = ""  # a FailureReason where failed
    message: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)  # the figures worth showing beside the run
    versions: dict[str, str] = field(default_factory=dict)
    checkpoint_kind: str = ""  # base, sft, reward or policy where checkpoint/ holds weights
    seconds: float = 0.0
    cost: dict[str, float] = field(default_factory=dict)  # see rlhf/training/cost.py


class RunDirectory:
    """Paths and small reads and writes of one run's directory."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.log = self.path / "log.txt"
        self.metrics = self.path / "metrics.jsonl"
        self.samples = self.path / "samples.jsonl"
        self.alarms = self.path / "alarms.jsonl"
        self.completions = self.path / "completions.jsonl"
        self.scores = self.path / "scores.jsonl"
        self.checkpoint = self.path / "checkpoint"
        self.state = self.path / "state"
        self.result = self.path / "result.json"
        self.heartbeat = self.path / "heartbeat"
        self.cancel = self.path / "CANCEL"

    def write_spec(self, spec: RunSpec) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        order = {"stage": spec.stage, "config": configs.to_json(spec.config), "inputs": asdict(spec.inputs)}
        write_json(self.config, order | ({"audit_seal": spec.audit_seal} if spec.audit_seal else {}))

    def read_spec(self) -> RunSpec:
        """Return the order. Raises ConfigError for a config.json that is not one."""
        try:
            raw = json.loads(self.config.read_text(encoding="utf-8"))
            config = configs.parse(raw["stage"], raw["config"])
            spec = RunSpec(raw["stage"], config, Inputs(**raw["inputs"]), raw.get("audit_seal", ""))
        except (OSError, KeyError, TypeError, AttributeError, UnicodeError, json.JSONDecodeError) as problem:
            raise configs.ConfigError({str(self.config): f"is not a run's order ({problem!r})."}) from problem
        if missing := [name for name in configs.REQUIRED[spec.stage] if not getattr(spec.inputs, name)]:
            raise configs.ConfigError({f"inputs.{name}": f"is missing; {spec.stage} reads one." for name in missing})
        return spec

    def append_metric(self, step: int, values: dict[str, float]) -> None:
        """Append one line to metrics.jsonl; raises ValueError for a value that is not finite."""
        for name, value in values.items():
            if not math.isfinite(value):
                raise ValueError(f"{name} is {value} at step {step}")
        _append(self.metrics, {"step": step, "values": values})
        self.beat()

    def read_metrics(self) -> list[dict[str, Any]]:
        """Return the lines of metrics.jsonl: {"step", "values"}; none before the first."""
        if not self.metrics.exists():
            return []
        return [json.loads(line) for line in self.metrics.read_text(encoding="utf-8").splitlines()]

    def append_sample(self, row: dict[str, Any]) -> None:
        """Append one line to samples.jsonl: {"step", "prompt", "completion", "score"?, "is_outside"?, "model"?}."""
        _append(self.samples, row)

    def append_alarm(self, row: dict[str, Any]) -> None:
        """Append one line to alarms.jsonl: {"step", "name", "sentence"}."""
        _append(self.alarms, row)

    def saved_states(self) -> list[tuple[int, Path]]:
        """Return (step, directory) of the states that a trainer left to go on from, newest first, not yet verified."""
        found = ((step_of(path), path) for path in self.state.glob("*"))
        return sorted(((step, path) for step, path in found if step is not None), reverse=True)

    def forget_after(self, step: int) -> None:
        """Drop what was appended after a step: a run that goes on from there writes it again."""
        for path in (self.metrics, self.samples, self.alarms):
            if path.exists():
                lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
                kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
                temporary = path.with_name(f".{path.name}.tmp")
                temporary.write_text("".join(kept), encoding="utf-8")
                temporary.replace(path)

    def beat(self) -> None:
        """Show that the trainer moves: touch the heartbeat file."""
        self.heartbeat.touch()

    def is_cancelled(self) -> bool:
        return self.cancel.exists()

    def request_cancel(self) -> None:
        self.cancel.touch()

    def write_result(self, result: Result) -> None:
        write_json(self.result, asdict(result))

    def read_result(self) -> Result | None:
        """Return what the trainer left, or None where it left nothing."""
        if not self.result.exists():
            return None
        try:
            return Result(**json.loads(self.result.read_text(encoding="utf-8")))
        except (TypeError, ValueError) as problem:
            return Result("failed", FailureReason.NO_RESULT, f"result.json cannot be read ({problem}).")


def step_of(state: Path) -> int | None:
    """Return the step after which a state was saved, by its name (00000012, checkpoint-12); None for another name."""
    name = state.name.removeprefix("checkpoint-")
    return int(name) if name.isdecimal() else None


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all: a temporary name, fsync, rename."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as out:
        json.dump(value, out, ensure_ascii=False, indent=1, allow_nan=False)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(path)


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(directory: Path, facts: dict[str, Any]) -> str:
    """Write manifest.json (the sha256 of every file, and `facts`) and return its own sha256."""
    files = {p.relative_to(directory).as_posix(): sha256_of(p) for p in _files(directory)}
    write_json(directory / MANIFEST, {"files": dict(sorted(files.items())), **facts})
    return sha256_of(directory / MANIFEST)


def verify_manifest(directory: Path, *, expected_sha256: str = "") -> dict[str, Any]:
    """Return the manifest after checking every file against it; raises BadArtefact naming the first that differs."""
    path = directory / MANIFEST
    if not path.is_file():
        raise BadArtefact(f"{directory} has no {MANIFEST}; it was not finished or is not ours.")
    if expected_sha256 and sha256_of(path) != expected_sha256:
        raise BadArtefact(f"{path} is not the manifest that was recorded.")
    manifest = _read_manifest(path)
    found = {p.relative_to(directory).as_posix() for p in _files(directory)}
    if found != set(manifest["files"]):
        differing = sorted(found ^ set(manifest["files"]))[0]
        raise BadArtefact(f"{directory / differing} is {'not in the manifest' if differing in found else 'missing'}.")
    for name, digest in manifest["files"].items():
        if sha256_of(directory / name) != digest:
            raise BadArtefact(f"{directory / name} does not match its sha256 in {MANIFEST}.")
    return manifest


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise BadArtefact(f"{path} is not a manifest ({problem}).") from problem
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise BadArtefact(f"{path} is not a manifest: it names no files.")
    return manifest


def _files(directory: Path) -> list[Path]:
    return sorted(p for p in directory.rglob("*") if p.is_file() and p != directory / MANIFEST)


def _append(path: Path, row: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as out:
        out.write(json.dumps(row, ensure_ascii=False) + "\n")
