"""A trainer of seconds for chaos runs: it saves a state in every fifth step, goes on from the newest, and is exact.

    python benchmarks/quick_trainer.py launch RUN_DIR STEP_SECONDS    (a launcher, as accelerate's, waits for a trainer)

What it leaves follows from the seed and every step before, so a run that was broken off and went on leaves the same
bytes as one that was not (`expected`). Without torch, and like a trainer it dies with its parent.
"""

import hashlib
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rlhf.contract import rundir
from rlhf.contract.lifeline import die_with_parent
from rlhf.contract.rundir import Result, RunDirectory

QUICK_SEEDS = 1000
"""Runs of this seed and above are trained here in a chaos run."""
STEPS = 80
STEP_SECONDS = 0.12
SLOW_STEP_SECONDS = 0.5
"""A run of such steps outlasts a freeze of its supervisor by three leases."""
EVERY = 5
WEIGHTS = "model.safetensors"


def expected(seed: int) -> bytes:
    """Return the weights of a run of a seed that nobody disturbed."""
    weights = str(seed).encode()
    for step in range(1, STEPS + 1):
        weights = _after(weights, step)
    return weights


def loss(weights: bytes) -> float:
    return int.from_bytes(hashlib.sha256(weights).digest()[:4], "big") / 2**32


def _after(weights: bytes, step: int) -> bytes:
    return hashlib.sha256(weights + str(step).encode()).digest()


def train(run: RunDirectory, *, step_seconds: float = STEP_SECONDS) -> None:
    weights, begun = str(run.read_spec().config.seed).encode(), 0
    for step, state in run.saved_states():
        try:
            rundir.verify_manifest(state)
        except rundir.BadArtefact:
            continue
        weights, begun = (state / WEIGHTS).read_bytes(), step
        break
    run.forget_after(begun)
    for step in range(begun + 1, STEPS + 1):
        weights = _after(weights, step)
        time.sleep(step_seconds)
        run.append_metric(step, {"loss": loss(weights)})
        if step % EVERY == 0:
            _save(run.state / f"{step:08d}", weights, {"kind": "state"})
    _save(run.checkpoint, weights, {"kind": "reward", "tokenizer_sha256": "t" * 64})
    run.write_result(Result("succeeded", metrics={"loss": loss(weights)}, checkpoint_kind="reward"))


def _save(directory: Path, weights: bytes, facts: dict[str, str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / WEIGHTS).write_bytes(weights)
    rundir.write_manifest(directory, facts)


if __name__ == "__main__":
    die_with_parent()
    if sys.argv[1] == "launch":
        sys.exit(subprocess.run([sys.executable, "-S", __file__, "train", *sys.argv[2:]], check=False).returncode)
    train(RunDirectory(sys.argv[2]), step_seconds=float(sys.argv[3]))
