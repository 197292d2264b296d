"""Agreement and alpha with their intervals: speed beside the krippendorff package."""

from collections.abc import Callable, Iterator

import krippendorff
import numpy as np

from annotate.quality.agreement import DECISIVE, answer_counts
from annotate.quality.alpha import krippendorff_alpha, ordinal, pair_alpha
from annotate.quality.ranking import pair_counts
from benchmarks.crowd_worlds import binary_votes, ratings, world
from benchmarks.measuring import Row, at_most, cost

PART = "measures"


def rows(seed: int) -> Iterator[Row]:
    ours, library = cost(alpha_of_votes, seed=seed), cost(alpha_of_votes_by_library, seed=seed)
    what = "pair alpha of 1,000,000 votes"
    yield Row(PART, what, ours.cpu_seconds, "krippendorff", library.cpu_seconds, at_most(0.05), "CPU s")
    ours, library = cost(alpha_of_grades, seed=seed), cost(alpha_of_grades_by_library, seed=seed)
    what = "ordinal alpha of 120,000 grades"
    yield Row(PART, what, ours.cpu_seconds, "krippendorff", library.cpu_seconds, at_most(0.02), "CPU s")


def alpha_of_votes(seed: int) -> Callable[[], object]:
    counts = pair_counts(binary_votes(world("b", seed=seed)))
    return lambda: pair_alpha(counts, ties=DECISIVE).value


def alpha_of_votes_by_library(seed: int) -> Callable[[], object]:
    votes = answer_counts(pair_counts(binary_votes(world("b", seed=seed))))[:, [0, 2]]
    doubled = np.vstack([votes, votes[:, ::-1]]).astype(np.int64)
    return lambda: float(krippendorff.alpha(value_counts=doubled, level_of_measurement="nominal"))


def alpha_of_grades(seed: int) -> Callable[[], object]:
    table = ratings(world("a", seed=seed))
    return lambda: krippendorff_alpha(table, metric=ordinal).value


def alpha_of_grades_by_library(seed: int) -> Callable[[], object]:
    table = ratings(world("a", seed=seed))
    counts = table.counts.astype(np.int64)
    return lambda: float(
        krippendorff.alpha(value_counts=counts, value_domain=table.values, level_of_measurement="ordinal")
    )
