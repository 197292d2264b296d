"""The ceiling of reward-model accuracy beside the truth of simulated crowds: within 0.015 on every world and seed.

The truth of world B is exact: its annotators' curves and its pairs' margins are known, so P of every pair is. Of worlds
A and C it is the share of decisive votes that the true utilities foretell: nobody foretells more of them.
"""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import expit

from annotate.quality.ceiling import LabelCeiling, label_ceiling
from benchmarks.crowd_worlds import World, binary_votes, ranking_votes, world
from benchmarks.measuring import Row, between, cost

SEEDS_MORE = (1, 2)
TOLERANCE = 0.015
RANDOM, POSITION, ADVERSARY, COLLUDER = 1, 2, 4, 5  # kinds of the generator whose chances are not `expit`
GRID = np.linspace(-15, 15, 3001)


def rows(seed: int) -> Iterator[Row]:
    yield Row(
        "ceiling", "1M votes, with 1,000 bootstraps", cost(ceiling_of_b, seed=seed).cpu_seconds, "", None, None, "CPU s"
    )
    for one in (seed, *(seed + more for more in SEEDS_MORE)):
        drawn = world("b", seed=one)
        found, truth = label_ceiling(binary_votes(drawn), seed=one), truth_of_b(drawn)
        yield _row(f"C1, world B, seed {one}", found.single_vote.value, truth[0])
        yield _row(f"C3, world B, seed {one}", found.majority_of_three.value, truth[1])
        for name in ("a", "c"):
            drawn = world(name, seed=one)
            found = label_ceiling(ranking_votes(drawn), seed=one)
            yield _row(f"C1, world {name.upper()}, seed {one}", found.single_vote.value, foretold(drawn))


def ceiling_of_b(seed: int) -> Callable[[], LabelCeiling]:
    votes = binary_votes(world("b", seed=seed))
    return lambda: label_ceiling(votes, seed=seed)


def truth_of_b(drawn: World) -> tuple[float, float]:
    """E max(P, 1 - P) of one vote and of the majority of three, over the pairs of world B."""
    volume = np.bincount(drawn["annotator"], minlength=len(drawn["kind"]))
    odds = GRID[:, np.newaxis] / drawn["scale"]
    i_wins = (expit(odds + drawn["bpos"]) + expit(odds - drawn["bpos"])) / 2  # i is shown left half of the time
    i_wins[:, np.isin(drawn["kind"], (RANDOM, POSITION, COLLUDER))] = 0.5
    i_wins[:, drawn["kind"] == ADVERSARY] = 1 - i_wins[:, drawn["kind"] == ADVERSARY]
    p = np.interp(drawn["d"], GRID, i_wins @ volume / volume.sum())
    majority = p**2 * (3 - 2 * p)
    return float(np.maximum(p, 1 - p).mean()), float(np.maximum(majority, 1 - majority).mean())


def foretold(drawn: World) -> float:
    """The share of decisive votes on the pairs of world A or C that go with the true utilities."""
    i, j = np.triu_indices(drawn["rank"].shape[1], k=1)
    said = np.sign(drawn["rank"][:, j].astype(int) - drawn["rank"][:, i])
    utility = drawn["u"][drawn["prompt"]]
    is_better = np.sign(utility[:, i] - utility[:, j])
    return float((said == is_better)[said != 0].mean())


def _row(what: str, found: float | None, truth: float) -> Row:
    assert found is not None
    return Row("ceiling", what, found, "truth", truth, between(truth - TOLERANCE, truth + TOLERANCE), "accuracy")
