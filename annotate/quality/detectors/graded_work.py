"""The grades of all scales together, by ranking: how they differ from the others' grades, and which are all one."""

from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Flags, Floats, Ints, coded, sums, tally
from annotate.quality.significance import divided
from annotate.quality.work import Work


class Sheets(NamedTuple):
    """A sheet is what one ranking gave on one scale, two grades or more. (S,) each; `ranking` is a code."""

    ranking: Ints
    author: Ints
    is_flat: Flags


class Given(NamedTuple):
    """Every grade of the counted rankings, sorted by ranking. (N,) each; `thing` codes completion and scale together,
    `ranking` and `author` are codes of `PairVotes`."""

    thing: Ints
    scale: Ints
    ranking: Ints
    author: Ints
    value: Floats


def given(work: Work) -> Given:
    """All grades of rankings that are among the votes."""
    parts = [np.stack([*scale[:4], np.full(len(scale.value), code)]) for code, scale in enumerate(work.scales.values())]
    table = np.concatenate(parts, axis=1) if parts else np.empty((5, 0), dtype=np.int64)
    value = np.concatenate([scale.value for scale in work.scales.values()] or [np.empty(0)])
    completion, annotator, _, ranking, scale = table
    votes = work.votes
    place = np.searchsorted(votes.ranking_ids, ranking)
    known = np.append(votes.ranking_ids, -1)[place] == ranking
    order = np.flatnonzero(known)[np.lexsort((completion[known], scale[known], ranking[known]))]
    width = len(work.scales)
    return Given(
        thing=coded(completion[order] * max(width, 1) + scale[order]).codes,
        scale=scale[order],
        ranking=place[order],
        author=np.searchsorted(votes.annotator_ids, annotator[order]).astype(np.int64),
        value=value[order],
    )


def grade_residuals(work: Work) -> Floats:
    """How much higher each ranking grades than the others do the same completions, the mean; NaN without any. (R,)"""
    grades, n = given(work), len(work.votes.ranking_ids)
    n_things = int(grades.thing.max(initial=-1)) + 1
    total, count = sums(grades.value, by=grades.thing, n=n_things), tally(grades.thing, n=n_things)
    others = divided(total[grades.thing] - grades.value, count[grades.thing] - 1)
    shared = np.isfinite(others)
    residual, ranking = (grades.value - others)[shared], grades.ranking[shared]
    return divided(sums(residual, by=ranking, n=n), tally(ranking, n=n))


def sheets(grades: Given) -> Sheets:
    """The sheets of two grades and more, and whether all of one are the same."""
    if not len(grades.value):
        none = np.empty(0, dtype=np.int64)
        return Sheets(none, none, np.empty(0, dtype=np.bool_))
    begins = np.append(True, (np.diff(grades.ranking) != 0) | (np.diff(grades.scale) != 0))
    starts = np.flatnonzero(begins)
    low, high = np.minimum.reduceat(grades.value, starts), np.maximum.reduceat(grades.value, starts)
    several = np.diff(np.append(starts, len(begins))) >= 2
    return Sheets(grades.ranking[starts][several], grades.author[starts][several], (low == high)[several])
