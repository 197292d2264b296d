"""What a run's page shows, read from its row and its directory: progress, figures, samples, the end of the log."""

import json
import math
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from rlhf import artefacts, attempts, store
from rlhf.contract.rundir import RunDirectory
from rlhf.models import Metric, Run

LOG_TAIL_BYTES = 16_000
SAMPLES_BYTES = 400_000
SAMPLES_SHOWN = 24

TUNED = (
    ("Score before", "score_before"),
    ("Score after", "score_after"),
    ("Watcher's score before", "watched_score_before"),
    ("Watcher's score after", "watched_score_after"),
    ("KL, nats", "kl"),
    ("Entropy before", "entropy_before"),
    ("Entropy after", "entropy_after"),
    ("Self-BLEU before", "self_bleu_before"),
    ("Self-BLEU after", "self_bleu_after"),
    ("Length after", "length_after"),
)

FIGURES = {
    "pretrain": (
        ("Held-out perplexity", "perplexity"),
        ("At the start", "perplexity_before"),
        ("Bits per byte", "bits_per_byte"),
        ("Passes over the text", "epochs"),
    ),
    "sft": (
        ("Loss at the start", "loss_first"),
        ("Loss at the end", "loss_last"),
        ("Demonstrations", "n_demonstrations"),
    ),
    "reward": (
        ("Held-out accuracy", "accuracy"),
        ("«Longer wins»", "accuracy_longer_wins"),
        ("Where the shorter won", "accuracy_shorter_won"),
        ("Held-out pairs", "n"),
        ("Uncertainty", "uncertainty"),
    ),
    "ppo": TUNED,
    "dpo": (
        ("Held-out accuracy", "accuracy"),
        ("Loss at the start", "loss_first"),
        ("Loss at the end", "loss_last"),
        ("Pairs", "n_train"),
    ),
    "rloo": TUNED,
    "grpo": TUNED,
    "sample": (
        ("Completions", "n_completions"),
        ("Prompts", "n_prompts"),
        ("Finished", "eos_rate"),
        ("Length", "length_mean"),
    ),
    "evaluate": (
        ("Held-out accuracy", "accuracy"),
        ("Score", "score_mean"),
        ("Win rate by the reward model", "win_rate_mean"),
        ("KL, nats", "kl"),
        ("Outside the range of trust", "outside_rate"),
        ("Uncertainty", "uncertainty"),
        ("Distinct bigrams", "distinct_2"),
        ("Finished", "eos_rate"),
    ),
    "export": (("Weights, MB", "megabytes"), ("Parameters", "n_parameters"), ("Files of weights", "n_weight_files")),
}
"""The figures of result.json worth a tile; those that a run did not measure are left out."""

HEADLINES = {
    "pretrain": "held-out perplexity {perplexity_before:.4g} → {perplexity:.4g}",
    "sft": "loss {loss_first:.3g} → {loss_last:.3g}",
    "reward": "held-out accuracy {accuracy:.3f} on {n} pairs",
    "ppo": "score {score_before:.3g} → {score_after:.3g}, KL {kl:.3g}",
    "dpo": "loss {loss_first:.3g} → {loss_last:.3g}",
    "rloo": "score {score_before:.3g} → {score_after:.3g}, KL {kl:.3g}",
    "grpo": "score {score_before:.3g} → {score_after:.3g}, KL {kl:.3g}",
    "sample": "{n_completions} completions",
    "export": "{megabytes} MB of weights",
}


@dataclass(frozen=True)
class Figure:
    """A measured number with its 95 % interval, where there is one."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Sample:
    """A completion that the run wrote down."""

    step: int
    prompt: str
    completion: str
    score: float | None
    model: str
    is_outside: bool  # of the range in which the score can be trusted


@dataclass(frozen=True)
class RaisedAlarm:
    """What a monitor found while the run went on."""

    step: int
    sentence: str


@dataclass(frozen=True)
class Progress:
    """How far a run is: the last step it measured, of how many, where that is known."""

    step: int
    steps: int | None
    seconds_left: float | None


def figures(run: Run) -> list[Figure]:
    """Return the figures of a finished run; none before."""
    measured: dict[str, Any] = (run.result or {}).get("metrics", {})
    found = []
    for label, name in FIGURES[run.stage]:
        value = measured.get(name)
        if isinstance(value, int | float):
            of = name.removesuffix("_mean")
            found.append(Figure(label, value, measured.get(f"{of}_low"), measured.get(f"{of}_high")))
    return found


def headline(run: Run) -> str:
    """Return what came out of a run in a phrase; empty where there is nothing to say yet."""
    measured = (run.result or {}).get("metrics", {})
    if run.state != Run.State.SUCCEEDED:
        return ""
    if run.stage in HEADLINES:
        return HEADLINES[run.stage].format_map(measured)
    return ", ".join(f"{one.label.lower()} {one.value:.3g}" for one in figures(run)[:3])


def progress(run: Run) -> Progress | None:
    """Return how far a running run is, from its metrics; None where it has measured nothing yet."""
    last = Metric.objects.filter(run=run).order_by("-step").first()
    if last is None:
        return None
    steps = run.config.get("steps")
    elapsed = (run.heartbeat_at - run.started_at).total_seconds() if run.heartbeat_at and run.started_at else 0.0
    left = elapsed / last.step * (steps - last.step) if steps and last.step else None
    return Progress(last.step, steps, left)


def resumes_after(run: Run) -> int | None:
    """Return the step after which a run that is over could go on (0: from the beginning); None where it cannot."""
    try:
        return None if attempts.refusal(run) else max((one.step for one in attempts.saved_states(run)), default=0)
    except store.Unreachable:  # which the log's place on the page says
        return None


def latest_values(run: Run) -> list[tuple[str, float, float]]:
    """Return (name, first, last) of each metric of a run, for readers without curves."""
    rows = Metric.objects.filter(run=run).order_by("step")
    first, last = rows.first(), rows.last()
    if first is None or last is None:
        return []
    return [(name, first.values.get(name, math.nan), value) for name, value in last.values.items()]


def log_tail(run: Run) -> str:
    """Return the end of the log, whole lines; empty before there is one."""
    try:
        text, is_cut = _tail_of(run, "log", LOG_TAIL_BYTES)
    except store.Unreachable as problem:
        return str(problem)
    shown = [line.rsplit("\r", 1)[-1] for line in text.split("\n")]  # of a progress bar, only what it says now
    return ("[…]\n" if is_cut else "") + "\n".join(shown).strip("\n")


def samples(run: Run) -> list[Sample]:
    """Return the newest completions that the run wrote down, those of the last step first."""
    try:
        text, _ = _tail_of(run, "samples", SAMPLES_BYTES)
    except store.Unreachable:  # which the log's place on the page says
        return []
    rows = (json.loads(line) for line in reversed(text.splitlines()))
    return [
        Sample(
            step=row["step"],
            prompt=row["prompt"],
            completion=row["completion"],
            score=row.get("score"),
            model=row.get("model", ""),
            is_outside=row.get("is_outside", False),
        )
        for row in islice(rows, SAMPLES_SHOWN)
    ]


def alarms(run: Run) -> list[RaisedAlarm]:
    """Return what the monitors of a run found, in the order in which they did."""
    try:
        text, _ = _tail_of(run, "alarms", LOG_TAIL_BYTES)
    except store.Unreachable:  # which the log's place on the page says
        return []
    rows = (json.loads(line) for line in text.splitlines())
    return [RaisedAlarm(row["step"], row["sentence"]) for row in rows]


def _tail_of(run: Run, name: str, size: int) -> tuple[str, bool]:
    """Return the end of a file of the current attempt, wherever that works. Raises store.Unreachable."""
    directory = artefacts.run_directory(run)
    return _tail(store.shown(getattr(RunDirectory(directory), name)), size) if directory else ("", False)


def _tail(path: Path, size: int) -> tuple[str, bool]:
    """Return the whole lines in the last `size` bytes of a file that may still grow, and whether some went before."""
    if not path.is_file():
        return "", False
    with path.open("rb") as lines:
        start = max(0, path.stat().st_size - size)
        lines.seek(start)
        found = lines.read(size)
    if start:
        found = found.partition(b"\n")[2]
    whole, newline, _ = found.rpartition(b"\n")
    return (whole + newline).decode("utf-8", errors="replace"), start > 0
