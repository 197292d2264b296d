"""What pulls an annotator beside the quality that the others see: the place, the length, headers, lists, bold.

One regression for each annotator, of the worth of a completion on the others' consensus and the pulls, all centred
within the ranking. A slope is ranks gained for one unit more, the others' judgement being equal. Errors are clustered
by ranking, because the completions of one ranking move together.
"""

from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Flags, Floats, Ints, sums
from annotate.quality.detectors.others import Others
from annotate.quality.detectors.rows import Rows, by_author, by_ranking
from annotate.quality.significance import divided
from annotate.quality.work import Completions

RIDGE_RANKINGS = 1.0  # pseudo-rankings that say «no slope», so that a few rankings are no singular system
PULLS = ("early", "doubling", "headers", "lists", "bold")


class Slopes(NamedTuple):
    """For each annotator and pull of `PULLS` the slope, its error, and the rankings in which the pull varies. (A, 5)

    NaN where it never varies. `varies` (N, 5) are the pulls themselves, centred, 0 where unknown.
    """

    slope: Floats
    error: Floats
    rankings: Ints
    varies: Floats


def slopes(rows: Rows, others: Others, completions: Completions, *, n_annotators: int) -> Slopes:
    """Partial slopes on rankings whose completions others ranked, too."""
    heard = by_ranking((~others.is_heard).astype(np.float64), rows) == 0
    counted = heard[rows.ranking]
    pulls = pulls_of(rows, completions)
    seen = np.column_stack(
        [by_author((by_ranking(np.abs(pull), rows) > 0) & heard, rows, n=n_annotators) for pull in pulls.T]
    )
    weight, rest = _halved(rows, counted)
    columns = np.column_stack([others.consensus[rest], pulls[rest]]) * weight[:, np.newaxis]
    worth, rows = rows.worth[rest] * weight, rows._replace(ranking=rows.ranking[rest], annotator=rows.annotator[rest])
    normal, moment = _normal(columns, worth, rows, n_annotators)
    ridge = RIDGE_RANKINGS * np.diagonal(normal.sum(axis=0)) / max(int(heard.sum()), 1)
    inverse = np.linalg.inv(normal + np.diag(np.maximum(ridge, 1e-9)))
    slope = np.einsum("aij,aj->ai", inverse, moment)
    error = _errors(columns, worth, slope, inverse, rows, seen.max(axis=1, initial=0))
    is_seen = seen > 0
    return Slopes(
        slope=np.where(is_seen, slope[:, 1:], np.nan),
        error=np.where(is_seen, error[:, 1:], np.nan),
        rankings=seen.astype(np.int64),
        varies=pulls,
    )


def _halved(rows: Rows, counted: Flags) -> tuple[Floats, Ints]:
    """The rows that are needed and their weights: of two completions one row says what both say, so it counts twice."""
    is_second = np.zeros(len(rows.ranking), dtype=np.bool_)
    is_second[rows.j[rows.size[rows.ranking[rows.j]] == 2]] = True
    rest = np.flatnonzero(counted & ~is_second)
    return np.where(rows.size[rows.ranking[rest]] == 2, np.sqrt(2.0), 1.0), rest


def pulls_of(rows: Rows, completions: Completions) -> Floats:
    """Place (earlier is more), doublings of the words, headers, list lines, bold (logarithms), centred. (N, 5)"""
    style = np.zeros((len(rows.ranking), 4))
    if len(completions.ids):
        place = np.searchsorted(completions.ids, rows.completion_ids).clip(0, len(completions.ids) - 1)
        known = completions.ids[place] == rows.completion_ids
        words = np.log2(np.maximum(completions.words[place], 1.0))[:, np.newaxis]
        table = np.hstack([words, np.log1p(completions.marks[place])])
        complete = by_ranking((~known)[rows.completion].astype(np.float64), rows) == 0
        style = _centred(table[rows.completion] * complete[rows.ranking][:, np.newaxis], rows)
    return np.column_stack([rows.early, style])


def _centred(table: Floats, rows: Rows) -> Floats:
    size = np.maximum(rows.size, 1)
    means = np.column_stack([by_ranking(column, rows) / size for column in table.T])
    centred: Floats = table - means[rows.ranking]
    centred[np.abs(centred) < 1e-12] = 0.0
    return centred


def _normal(columns: Floats, worth: Floats, rows: Rows, n: int) -> tuple[Floats, Floats]:
    """The normal equations of each annotator. (A, 6, 6), (A, 6)"""
    width = columns.shape[1]
    normal = np.zeros((n, width, width))
    for one in range(width):
        for other in range(one, width):
            cell = sums(columns[:, one] * columns[:, other], by=rows.annotator, n=n)
            normal[:, one, other] = normal[:, other, one] = cell
    moment = np.column_stack([sums(column * worth, by=rows.annotator, n=n) for column in columns.T])
    return normal, moment.reshape(n, width)


def _errors(columns: Floats, worth: Floats, slope: Floats, inverse: Floats, rows: Rows, n_of: Floats) -> Floats:
    """The sandwich with rankings as clusters; at least half of what the pooled residuals say, as few rankings may by
    luck hardly differ. (A, 6)"""
    n, width = slope.shape
    residual = worth - (columns * slope[rows.annotator]).sum(axis=1)
    scores = np.column_stack([by_ranking(column * residual, rows) for column in columns.T])
    meat = np.zeros((n, width, width))
    for one in range(width):
        for other in range(one, width):
            meat[:, one, other] = meat[:, other, one] = by_author(scores[:, one] * scores[:, other], rows, n=n)
    small = np.sqrt(divided(n_of, np.maximum(n_of - width, 1.0)))
    robust = np.sqrt(np.maximum(np.einsum("aij,ajk,aki->ai", inverse, meat, inverse), 0.0)) * small[:, np.newaxis]
    degrees = max(int(np.maximum(rows.size - 1, 0).sum()), 1)
    plain = np.sqrt((residual**2).sum() / degrees * np.diagonal(inverse, axis1=1, axis2=2)) / 2
    error: Floats = np.fmax(robust, plain)
    return error
