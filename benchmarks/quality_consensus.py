"""Consensus, leaderboard and adaptive overlap: speed beside crowd-kit and choix, accuracy against the simulated truth.

What is reachable differs from crowd to crowd, so the accuracy of an oracle that knows every parameter of world B stands
in the column of the library where there is none.
"""

from collections.abc import Callable, Iterator

import choix
import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene
from scipy.special import log_expit

from annotate.quality.consensus import fit
from annotate.quality.grades import grade_consensus
from annotate.quality.leaderboard import leaderboard
from annotate.quality.pair_design import pair_design
from annotate.quality.ranking import PairVotes
from benchmarks.adaptive_crowd import adaptive_overlap
from benchmarks.crowd_worlds import World, binary_votes, ranking_votes, world
from benchmarks.measuring import Row, at_least, at_most, cost

PART = "consensus"


def rows(seed: int) -> Iterator[Row]:
    library = cost(dawid_skene_by_library, seed=seed)
    for name, prepare in (("with systems", consensus_with_systems), ("without", consensus_without)):
        ours, what = cost(prepare, seed=seed), f"consensus of 1,000,000 votes, {name}"
        yield Row(PART, what, ours.cpu_seconds, "crowd-kit", library.cpu_seconds, at_most(1.0), "CPU s")
        yield Row(PART, what, ours.megabytes, "crowd-kit", library.megabytes, at_most(150), "MB")
    ours, library = cost(strengths, seed=seed), cost(strengths_by_library, seed=seed)
    what = "Bradley-Terry of 200 systems, 100 bootstraps"
    yield Row(PART, what, ours.cpu_seconds, "choix (point alone)", library.cpu_seconds, at_most(3.0), "CPU s")
    yield from labels_of_pairs(seed)
    yield from labels_of_rankings(seed)
    yield from grades(seed)
    adaptive = adaptive_overlap(seed=seed)
    yield Row(PART, "adaptive overlap: votes a pair", adaptive.mean_votes, "fixed", 5.0, at_most(3.0), "votes")
    what, fixed = "adaptive overlap: accuracy", adaptive.majority_of_five
    yield Row(PART, what, adaptive.accuracy, "majority of 5 fixed", fixed, at_least(fixed), "share")


def consensus_with_systems(seed: int) -> Callable[[], object]:
    drawn = world("b", seed=seed)
    votes, (i, j) = binary_votes(drawn), systems_of(drawn)
    return lambda: float(fit(votes, design=pair_design(i, j)).q_post.mean())


def consensus_without(seed: int) -> Callable[[], object]:
    votes = binary_votes(world("b", seed=seed))
    return lambda: float(fit(votes).q_post.mean())


def dawid_skene_by_library(seed: int) -> Callable[[], object]:
    table = library_table(binary_votes(world("b", seed=seed)))
    return lambda: int((DawidSkene().fit_predict(table) == 1).sum())


def strengths(seed: int) -> Callable[[], object]:
    drawn = world("b", seed=seed)
    votes, (i, j) = binary_votes(drawn), systems_of(drawn)
    return lambda: leaderboard(votes, i, j, seed=seed).strengths.gradient


def strengths_by_library(seed: int) -> Callable[[], object]:
    drawn = world("b", seed=seed)
    i, j = (column[drawn["task"]] for column in systems_of(drawn))
    won = drawn["i_wins"]
    pairs = np.column_stack([np.where(won, i, j), np.where(won, j, i)]).tolist()
    return lambda: float(choix.ilsr_pairwise(200, pairs).max())


def labels_of_pairs(seed: int) -> Iterator[Row]:
    """World B: the soft labels against the true margins."""
    drawn = world("b", seed=seed)
    votes, truth = binary_votes(drawn), drawn["d"] > 0
    library = DawidSkene().fit_predict(library_table(votes)).sort_index().to_numpy() == 1
    fitted, alone = fit(votes, design=pair_design(*systems_of(drawn)), seed=seed), fit(votes, seed=seed)
    best, best_alone = oracle(drawn, knows_systems=True), oracle(drawn, knows_systems=False)
    named = "accuracy, systems known"
    yield Row(PART, named, accuracy(fitted.q_post, truth), "oracle", accuracy(best, truth), at_least(0.898), "share")
    named = "accuracy, systems not known"
    yield Row(
        PART, named, accuracy(alone.q_post, truth), "oracle", accuracy(best_alone, truth), at_least(0.86), "share"
    )
    named = "accuracy, of the votes alone beside systems"
    yield Row(
        PART, named, accuracy(fitted.q_votes, truth), "crowd-kit", float((library == truth).mean()), None, "share"
    )
    for named, q, reference in (("systems known", fitted.q_post, best), ("not known", alone.q_post, best_alone)):
        goal = at_most(0.24) if named == "systems known" else None
        yield Row(PART, f"log-loss, {named}", log_loss(q, truth), "oracle", log_loss(reference, truth), goal, "nats")
        yield Row(PART, f"calibration error, {named}", calibration_error(q, truth), "", None, at_most(0.01), "ECE")


def labels_of_rankings(seed: int) -> Iterator[Row]:
    """World A: rankings of four with ties against the true utilities, pair by pair."""
    drawn = world("a", seed=seed)
    votes, u = ranking_votes(drawn), drawn["u"].ravel()
    truth = u[votes.units.i] > u[votes.units.j]
    library = DawidSkene().fit_predict(library_table(votes)).sort_index().to_numpy()
    systems = drawn["systems"].astype(np.int64).ravel()
    alone = fit(votes, seed=seed)
    known = fit(votes, design=pair_design(systems[votes.units.i], systems[votes.units.j]), seed=seed)
    by_library = float(np.where(library == 0, 0.5, (library == 1) == truth).mean())
    what = "rankings of four: pair accuracy"
    yield Row(PART, what, accuracy(alone.q_post, truth), "crowd-kit", by_library, at_least(0.834), "share")
    yield Row(PART, f"{what}, systems known", accuracy(known.q_post, truth), "crowd-kit", by_library, None, "share")
    error = calibration_error(alone.q_post, truth)
    yield Row(PART, "rankings of four: calibration error", error, "", None, at_most(0.01), "ECE")


def grades(seed: int) -> Iterator[Row]:
    """World A: the rounded consensus of grades against the true ones, beside the rounded mean."""
    drawn = world("a", seed=seed)
    k = drawn["likert"].shape[1]
    unit = (drawn["prompt"].astype(np.int64)[:, np.newaxis] * k + np.arange(k)).ravel()
    annotator, grade = np.repeat(drawn["annotator"].astype(np.int64), k), drawn["likert"].ravel().astype(np.float64)
    truth = drawn["true_likert"].ravel()
    ours = np.clip(np.round(grade_consensus(unit, annotator, grade).grade), 1, 5)
    mean = np.clip(np.round(np.bincount(unit, grade) / np.bincount(unit)), 1, 5)
    yield Row(
        PART, "grades: exact", float((ours == truth).mean()), "mean", float((mean == truth).mean()), None, "share"
    )
    off, by_mean = float(np.abs(ours - truth).mean()), float(np.abs(mean - truth).mean())
    yield Row(PART, "grades: mean distance", off, "mean", by_mean, None, "grades")


def systems_of(drawn: World) -> tuple[np.ndarray, np.ndarray]:
    return drawn["si"].astype(np.int64), drawn["sj"].astype(np.int64)


def library_table(votes: PairVotes) -> pd.DataFrame:
    return pd.DataFrame({"task": votes.unit, "worker": votes.annotator, "label": votes.relation})


def oracle(drawn: World, *, knows_systems: bool) -> np.ndarray:
    """P(i is better) by someone who knows every annotator of world B, summed over a grid of margins."""
    grid = np.linspace(-6, 6, 40)  # none is 0
    who, flipped = drawn["annotator"], drawn["left"] != drawn["si"][drawn["task"]]
    kind, n = drawn["kind"][who], len(drawn["d"])
    is_mute = np.isin(kind, [1, 2, 5])  # clickers, followers of a place, copiers
    spread = 0.7 if knows_systems else np.sqrt(2 * drawn["theta"].var() + 0.49)
    i, j = systems_of(drawn)
    expected = (drawn["theta"][i] - drawn["theta"][j]) * knows_systems
    logs = np.empty((n, len(grid)))
    for column, margin in enumerate(grid):
        toward = np.where(flipped, -margin, margin) / drawn["scale"][who] + drawn["bpos"][who]
        chose_left = drawn["left_wins"] != (kind == 4)
        told = np.where(is_mute, 0.0, log_expit(np.where(chose_left, toward, -toward)))
        logs[:, column] = np.bincount(drawn["task"], told, n) - (margin - expected) ** 2 / (2 * spread**2)
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    return odds[:, grid > 0].sum(axis=1) / odds.sum(axis=1)


def accuracy(q: np.ndarray, truth: np.ndarray) -> float:
    return float(np.where(q == 0.5, 0.5, (q > 0.5) == truth).mean())


def log_loss(q: np.ndarray, truth: np.ndarray) -> float:
    return -float(np.log(np.where(truth, q, 1 - q).clip(1e-12)).mean())


def calibration_error(q: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance of the share of right labels from their stated chance, in ten bins of that chance."""
    sure, right = np.maximum(q, 1 - q), (q > 0.5) == truth
    bins = np.minimum(((sure - 0.5) * 20).astype(int), 9)
    return float(np.abs(np.bincount(bins, sure - right, 10)).sum() / len(q))
