"""The simulated crowds of `../shared/bench/crowd/gen.py`, whose truth is known, as the arrays our code takes.

World A: rankings of four with ties, ratings, flags (10,000 prompts, 200 annotators). World B: 1,000,000 votes on
pairs by 1,000 annotators, 200 systems. World C: 30 rankings a person, some people partly bad. Drawn once for a seed
and kept under var/crowds. The environment variable CROWD_SCALE (0.1: a tenth of the prompts) is for a quick look.
"""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from annotate.quality.alpha import ValueCounts, value_counts
from annotate.quality.ranking import PairUnits, PairVotes, RankedCompletions, pair_votes

ROOT = Path(__file__).resolve().parents[1]
GENERATOR = ROOT.parent / "shared" / "bench" / "crowd" / "gen.py"
CACHE = ROOT / "var" / "crowds"
SIZES = {"a": ("P", 10_000, 1), "b": ("N", 1_000_000, 2), "c": ("P", 4_000, 3)}  # its size, and number in the seed
World = dict[str, npt.NDArray]


def world(name: str, *, seed: int) -> World:
    """World "a", "b" or "c" of this seed: observations and truth by the generator's names."""
    scale = float(os.environ.get("CROWD_SCALE", "1"))
    path = CACHE / f"{name}-{seed}-{scale:g}.npz"
    if not path.exists():
        _draw(name, seed=seed, scale=scale, to=path)
    with np.load(path) as arrays:
        return dict(arrays)


def ranking_votes(drawn: World) -> PairVotes:
    """The rankings of world A or C as votes on pairs: completion 4p + k is response k of prompt p."""
    n, k = drawn["rank"].shape
    prompt = np.repeat(drawn["prompt"].astype(np.int64), k)
    ranked = RankedCompletions(
        ranking=np.repeat(np.arange(n), k),
        comparison=prompt,
        prompt=prompt,
        annotator=np.repeat(drawn["annotator"].astype(np.int64), k),
        completion=prompt * k + np.tile(np.arange(k), n),
        tier=drawn["rank"].ravel().astype(np.int64) - 1,
        position=drawn["slot"].ravel().astype(np.int64),
    )
    return pair_votes(ranked)


def binary_votes(drawn: World) -> PairVotes:
    """The votes of world B: unit t is pair t with completions 2t (of system si[t]) and 2t + 1 (of sj[t])."""
    tasks = np.arange(len(drawn["d"]), dtype=np.int64)
    annotators, annotator = np.unique(drawn["annotator"], return_inverse=True)
    task = drawn["task"].astype(np.int64)
    return PairVotes(
        unit=task,
        annotator=annotator.astype(np.int64),
        ranking=np.arange(len(task)),
        relation=np.where(drawn["i_wins"], 1, -1).astype(np.int8),
        i_first=(drawn["left"] == drawn["si"][task]).astype(np.int8),
        units=PairUnits(tasks, tasks, 2 * tasks, 2 * tasks + 1, comparison_ids=tasks, prompt_ids=tasks),
        annotator_ids=annotators.astype(np.int64),
        ranking_ids=np.arange(len(task)),
    )


def ratings(drawn: World) -> ValueCounts:
    """The grades of world A: one unit a completion, 4p + k; counts over the grades 1..5."""
    k = drawn["likert"].shape[1]
    unit = np.repeat(drawn["prompt"].astype(np.int64) * k, k) + np.tile(np.arange(k), len(drawn["prompt"]))
    return value_counts(unit, drawn["likert"].ravel().astype(np.float64))


def _draw(name: str, *, seed: int, scale: float, to: Path) -> None:
    if not GENERATOR.exists():
        sys.exit(f"{GENERATOR} is not there: these figures come from crowds that the shared generator simulates.")
    spec = importlib.util.spec_from_file_location("crowd_generator", GENERATOR)
    assert spec is not None and spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    size, full, number = SIZES[name]
    drawn = getattr(generator, f"world_{name}")(np.random.default_rng([seed, number]), **{size: int(full * scale)})
    to.parent.mkdir(parents=True, exist_ok=True)
    half = to.with_suffix(f".{os.getpid()}.npz")
    np.savez(half, **drawn)
    half.rename(to)
