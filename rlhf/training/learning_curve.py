"""How held-out accuracy grows with the preferences: the reward model is first trained on nested subsets of prompts.

Each subset holds the next smaller one, and all are measured on the same held-out pairs. What the points say of the next
comparisons is annotate.quality.budget's to work out.
"""

import hashlib
from typing import Any

from rlhf.training.data import TokenisedPair
from rlhf.training.watching import Watcher, check_finite


class QuietWatcher(Watcher):
    """Watches a training that is no part of the run's own curves: cancel, time and NaN, but no metrics."""

    def report(self, step: int, values: dict[str, float], *, of: int) -> None:
        check_finite(step, values)


def subsets(pairs: list[TokenisedPair], *, halvings: int, least: int = 1) -> list[list[TokenisedPair]]:
    """Return the pairs of 1/2^halvings, …, 1/4, 1/2 of the prompts; a hash of a prompt's id decides its place.

    A subset of fewer than `least` prompts is left out.
    """
    names = {pair.record.prompt_id for pair in pairs}
    order = sorted(names, key=lambda name: hashlib.sha256(f"subset {name}".encode()).digest())
    sizes = [len(order) >> halving for halving in range(halvings, 0, -1)]
    chosen = [set(order[:size]) for size in sizes if size >= least]
    return [[pair for pair in pairs if pair.record.prompt_id in prompts] for prompts in chosen]


def point(pairs: list[TokenisedPair], found: dict[str, Any]) -> dict[str, float]:
    """Return a point of the curve: on how much it was trained, and what `scoring.pair_accuracy` found."""
    prompts = len({pair.record.prompt_id for pair in pairs})
    return {"n_prompts": prompts, "n_pairs": len(pairs), "accuracy": found["accuracy"], "n_held_out": found["n"]}
