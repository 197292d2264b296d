"""Agreement, alpha and their intervals: speed beside krippendorff and pandas, how often intervals hold the truth."""

import os
import time
from collections.abc import Callable, Iterator

import krippendorff
import numpy as np
import pandas as pd

from annotate.quality.agreement import DECISIVE, HALF_CREDIT, answer_counts
from annotate.quality.alpha import krippendorff_alpha, ordinal, pair_alpha
from annotate.quality.annotator_pairs import annotator_pairs
from annotate.quality.evidence import Answers, counts_of, graded_answers
from annotate.quality.intervals import both_intervals
from annotate.quality.measures import agreement_with, alpha_with, krippendorff_with
from annotate.quality.ranking import PairCounts, pair_counts
from benchmarks import coverage
from benchmarks.crowd_worlds import binary_votes, ranking_votes, ratings, world
from benchmarks.measuring import Goal, Row, at_least, at_most, between, cost

PART = "measures"
LIBRARY_REPLICATES = 20
"""Timed of the library and multiplied up to 1,000: it has no bootstrap of its own."""
SURE = ", both intervals, 1,000 replicates"
ORDINAL = krippendorff_with(ordinal, name="ordinal")


def rows(seed: int) -> Iterator[Row]:
    yield from _beside("pair alpha of 1,000,000 votes", of_votes, of_votes_by_library, None, seed)
    yield from _beside("ordinal alpha of 120,000 grades", of_grades, of_grades_by_library, None, seed)
    yield from _beside("pair alpha, 1,000,000 votes" + SURE, sure_votes, sure_votes_by_library, at_most(3.0), seed)
    yield from _beside("pair alpha, 10,000 prompts" + SURE, sure_rankings, sure_rankings_by_library, at_most(0.5), seed)
    yield from _beside("ordinal alpha, 10,000 prompts" + SURE, sure_grades, sure_grades_by_library, at_most(0.5), seed)
    ours, theirs = cost(all_pairs, seed=seed), cost(all_pairs_by_pandas, seed=seed)
    what = "all annotator pairs, 1,000,000 votes"
    yield Row(PART, what, ours.cpu_seconds, "pandas self-join", theirs.cpu_seconds, at_most(0.4), "CPU s")
    yield Row(PART, what, ours.megabytes, "pandas self-join", theirs.megabytes, at_most(80), "MB")
    yield from _coverages(seed)


def _beside(what: str, ours, library, goal: Goal | None, seed: int) -> Iterator[Row]:
    """Speed, and how far our value is from the library's."""
    mine, theirs = cost(ours, seed=seed), cost(library, seed=seed)
    yield Row(PART, what, mine.cpu_seconds, "krippendorff", theirs.result["seconds"], goal, "CPU s")
    apart = abs(mine.result - theirs.result["value"])
    yield Row(PART, f"{what.removesuffix(SURE)}: |ours - library|", apart, "", None, at_most(1e-9), "")


def _coverages(seed: int) -> Iterator[Row]:
    crowd = {"seed": seed, "prompts": 1_500, "annotators": 60}
    scale = min(float(os.environ.get("CROWD_SCALE", "1")), 1.0)
    pairs = [agreement_with(HALF_CREDIT), alpha_with(HALF_CREDIT)]
    for measures, graded in ((pairs, False), ([ORDINAL], True)):
        same = coverage.same_crowd(measures, projects=int(960 * scale), graded=graded, **crowd)
        new = coverage.new_crowd(measures, projects=int(400 * scale), graded=graded, **crowd)
        for measure, of_same, of_new in zip(measures, same, new, strict=True):
            name = measure.name.split(",")[0] + (" of grades" if graded else "")
            yield Row(PART, f"{name}: same-crowd interval holds", of_same.share, "", None, between(0.93, 0.97), "")
            yield Row(PART, f"{name}: new-crowd interval holds", of_new.share, "", None, at_least(0.90), "")


def of_votes(seed: int) -> Callable[[], object]:
    counts = _million(seed)
    return lambda: pair_alpha(counts, ties=DECISIVE).value


def of_votes_by_library(seed: int) -> Callable[[], object]:
    return _library(_doubled(_million(seed), [0, 2]), np.arange(2.0), "nominal")


def of_grades(seed: int) -> Callable[[], object]:
    table = ratings(world("a", seed=seed))
    return lambda: krippendorff_alpha(table, metric=ordinal).value


def of_grades_by_library(seed: int) -> Callable[[], object]:
    return _library(*ratings(world("a", seed=seed)), "ordinal")


def sure_votes(seed: int) -> Callable[[], object]:
    votes = binary_votes(world("b", seed=seed))
    return lambda: both_intervals(votes, measure=alpha_with(DECISIVE), seed=seed).new_annotators.value


def sure_votes_by_library(seed: int) -> Callable[[], object]:
    return _library_bootstrap(_doubled(_million(seed), [0, 2]), np.arange(2.0), "nominal", seed=seed)


def sure_rankings(seed: int) -> Callable[[], object]:
    votes = ranking_votes(world("a", seed=seed))
    return lambda: both_intervals(votes, measure=alpha_with(HALF_CREDIT), seed=seed).new_annotators.value


def sure_rankings_by_library(seed: int) -> Callable[[], object]:
    """Half credit is nominal alpha with distances 0, 1/2, 1: the package takes such a metric as a function."""
    counts = _doubled(pair_counts(ranking_votes(world("a", seed=seed))), [0, 1, 2])

    def half(v1, v2, i1, i2, n_v, dtype=np.float64):
        return np.abs(v1 - v2).astype(dtype)

    return _library_bootstrap(counts, np.array([1.0, 0.5, 0.0]), half, seed=seed)


def sure_grades(seed: int) -> Callable[[], object]:
    answers = _grades(seed)
    return lambda: both_intervals(answers, measure=ORDINAL, seed=seed).new_annotators.value


def sure_grades_by_library(seed: int) -> Callable[[], object]:
    answers = _grades(seed)
    return _library_bootstrap(counts_of(answers), answers.values, "ordinal", seed=seed)


def all_pairs(seed: int) -> Callable[[], object]:
    votes = binary_votes(world("b", seed=seed))
    return lambda: len(annotator_pairs(votes).first)


def all_pairs_by_pandas(seed: int) -> Callable[[], object]:
    votes = binary_votes(world("b", seed=seed))
    table = pd.DataFrame({"unit": votes.unit, "annotator": votes.annotator, "relation": votes.relation})

    def join() -> int:
        both = table.merge(table, on="unit")
        both = both[both.annotator_x < both.annotator_y]
        agrees = both.relation_x == both.relation_y
        return len(agrees.groupby([both.annotator_x, both.annotator_y]).agg(["mean", "size"]))

    return join


def _million(seed: int) -> PairCounts:
    return pair_counts(binary_votes(world("b", seed=seed)))


def _doubled(counts: PairCounts, columns: list[int]) -> np.ndarray:
    """Every pair twice, once with the signs flipped: the package knows no symmetrised alpha."""
    votes = answer_counts(counts)[:, columns]
    return np.vstack([votes, votes[:, ::-1]])


def _grades(seed: int) -> Answers:
    drawn = world("a", seed=seed)
    n, k = drawn["likert"].shape
    unit = drawn["prompt"].astype(np.int64)[:, np.newaxis] * k + np.arange(k)
    return graded_answers(
        unit=unit.ravel(),
        annotator=np.repeat(drawn["annotator"].astype(np.int64), k),
        value=drawn["likert"].ravel().astype(np.float64),
        prompt=np.repeat(drawn["prompt"].astype(np.int64), k),
        scale=np.arange(1.0, 6.0),
    )


def _library(counts: np.ndarray, values: np.ndarray, metric) -> Callable[[], object]:
    whole = counts.astype(np.int64)

    def once() -> dict[str, float]:
        start = time.process_time()
        value = krippendorff.alpha(value_counts=whole, value_domain=values, level_of_measurement=metric)
        return {"value": float(value), "seconds": time.process_time() - start}

    return once


def _library_bootstrap(counts: np.ndarray, values: np.ndarray, metric, *, seed: int) -> Callable[[], object]:
    """The time of 1,000 replicates, from some of them; units are resampled, not even prompts."""
    rng = np.random.default_rng(seed)
    whole = counts.astype(np.int64)

    def some() -> dict[str, float]:
        once = _library(whole, values, metric)()
        start = time.process_time()
        for _ in range(LIBRARY_REPLICATES):
            drawn = whole[rng.integers(0, len(whole), len(whole))]
            krippendorff.alpha(value_counts=drawn, value_domain=values, level_of_measurement=metric)
        return once | {"seconds": (time.process_time() - start) * 1_000 / LIBRARY_REPLICATES}

    return some
