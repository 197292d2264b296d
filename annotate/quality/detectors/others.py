"""What the others say of each completion, without the annotator's own vote, and how far each annotator goes along.

The others' consensus is the mean of their centred midranks, weighed by how much each of them tells: rho / (1 - rho²)
with rho the correlation with the others, shrunk to the crowd's. A few rounds settle both.
"""

from typing import NamedTuple

import numpy as np

from annotate.quality.arrays import Flags, Floats, Ints, sums
from annotate.quality.detectors.rows import Rows, by_author, by_ranking
from annotate.quality.significance import divided

ROUNDS = 6
LEAST_USUAL, SURE_Z = 0.15, 2.0  # the correlation of a crowd of clickers, who find each other, stays below 0.1
LEAST, MOST = 0.02, 0.95  # of rho in the weights: nobody is turned round, nobody decides alone
CONTRAST = 3.0
LEAST_VARIANCE = 0.1  # of one ranking's correlation: a crowd that never errs has not shown that it cannot
PRIOR_RANKINGS = 10.0  # pseudo-rankings of the crowd's correlation


class Others(NamedTuple):
    """`consensus` and `is_heard` by row (N,): others ranked that completion. The rest by annotator (A,).

    `correlation` is with the others' consensus, 0 for one who ties all, NaN where nobody else ranked; `shrunk` to the
    crowd's mean `usual`; `error` its standard error; `rankings` counts those that others ranked, too.
    `truth_per_correlation` turns a correlation with the others into one with the truth.
    """

    consensus: Floats
    is_heard: Flags
    correlation: Floats
    shrunk: Floats
    error: Floats
    rankings: Ints
    usual: float
    truth_per_correlation: float

    @property
    def agree_at_all(self) -> bool:
        """Whether the crowd agrees with itself beyond chance; else there is nothing to hold anybody against."""
        known = np.isfinite(self.correlation) & np.isfinite(self.error)
        if not known.any():
            return False
        mean = float(np.average(self.correlation[known], weights=self.rankings[known]))
        variance = float(np.average(self.error[known] ** 2 * self.rankings[known])) / float(self.rankings[known].sum())
        return self.usual > LEAST_USUAL and mean > SURE_Z * float(np.sqrt(variance))


class _Sums(NamedTuple):
    """Products of own worth and the others' consensus, by ranking (R,)."""

    both: Floats
    own: Floats
    others: Floats


def leave_one_out(rows: Rows, *, n_annotators: int) -> Others:
    """Each annotator against the others, by rounds of weighted means."""
    worth = rows.worth
    weight = np.ones(n_annotators)
    scale = np.nan
    for _ in range(ROUNDS):
        consensus, is_heard = _consensus(worth, weight, rows)
        found = _Sums(
            by_ranking(worth * consensus, rows),
            by_ranking(np.where(is_heard, worth**2, 0.0), rows),
            by_ranking(consensus**2, rows),
        )
        totals = _Sums(*(by_author(column, rows, n=n_annotators) for column in found))
        heard = by_author((by_ranking(is_heard.astype(np.float64), rows) > 0).astype(np.float64), rows, n=n_annotators)
        correlation = _correlation(totals)
        known = np.isfinite(correlation)
        usual = float(np.average(correlation[known], weights=(heard * weight)[known])) if known.any() else np.nan
        shrunk = (np.where(known, correlation, 0.0) * heard + PRIOR_RANKINGS * usual) / (heard + PRIOR_RANKINGS)
        scale = float(np.sqrt(max(_single(worth, weight, rows), 0.0))) / usual if usual > 0 else np.nan
        weight = _weights(shrunk, scale)
    return Others(
        consensus=consensus,
        is_heard=is_heard,
        correlation=correlation,
        shrunk=np.where(known, shrunk, np.nan),
        error=_error(found, totals, heard, rows),
        rankings=heard.astype(np.int64),
        usual=usual,
        truth_per_correlation=scale,
    )


def agreement_by_ranking(rows: Rows, others: Others, *, relation: Floats) -> Floats:
    """The share of a ranking's pairs on which it agrees with the others; ties count half. NaN where unheard. (R,)"""
    lean = np.sign(others.consensus[rows.i] - others.consensus[rows.j])
    heard = others.is_heard[rows.i] & others.is_heard[rows.j]
    ranking = rows.ranking[rows.i]
    credit = np.where(heard, (1 + relation * lean) / 2, 0.0)
    n = len(rows.author)
    return divided(sums(credit, by=ranking, n=n), sums(heard.astype(np.float64), by=ranking, n=n))


def _consensus(worth: Floats, weight: Floats, rows: Rows) -> tuple[Floats, Flags]:
    """The weighted mean of the others on each row, 0 where nobody else ranked it."""
    n = len(rows.completion_ids)
    own = weight[rows.annotator]
    said = own * worth
    others = sums(own, by=rows.completion, n=n)[rows.completion] - own
    total = sums(said, by=rows.completion, n=n)[rows.completion] - said
    is_heard = others > LEAST / 2
    consensus = np.divide(total, others, out=np.zeros(len(total)), where=is_heard)
    return consensus, is_heard


def _weights(shrunk: Floats, scale: float) -> Floats:
    """How much each annotator's word counts for the others.

    While the crowd as a whole seems to agree on nothing, as when one of three is contrary, those who agree more count
    more, which lets the majority be found.
    """
    if not np.isfinite(scale):
        return np.exp(CONTRAST * np.nan_to_num(shrunk))
    truth = (shrunk * scale).clip(LEAST, MOST)
    weight: Floats = truth / (1 - truth**2)
    return weight


def _correlation(totals: _Sums) -> Floats:
    """NaN where the others say nothing; 0 for one who ties all."""
    spread = np.sqrt(totals.own * totals.others)
    found = np.divide(totals.both, spread, out=np.zeros(len(spread)), where=spread > 0)
    return np.where(totals.others > 0, found, np.nan)


def _single(worth: Floats, weight: Floats, rows: Rows) -> float:
    """The mean correlation of two single annotators, weighed: the square of one's correlation with the truth."""
    n, own = len(rows.completion_ids), weight[rows.annotator]
    total, squares = sums(own * worth, by=rows.completion, n=n), sums((own * worth) ** 2, by=rows.completion, n=n)
    everyone, themselves = sums(own, by=rows.completion, n=n), sums(own**2, by=rows.completion, n=n)
    pairs = float((everyone**2 - themselves).sum())
    spread = float((own * worth**2).sum() / own.sum()) if len(own) else 0.0
    return float((total**2 - squares).sum()) / (pairs * spread) if pairs * spread > 0 else 0.0


def _error(found: _Sums, totals: _Sums, heard: Floats, rows: Rows) -> Floats:
    """Delta method over rankings, pooled over the crowd: a person's own few rankings tell it badly. (A,)"""
    n = len(totals.both)
    spread = np.sqrt(totals.own * totals.others)
    correlation = np.divide(totals.both, spread, out=np.zeros(n), where=spread > 0)
    ratio = np.sqrt(np.divide(totals.others, totals.own, out=np.ones(n), where=totals.own > 0))
    who = np.maximum(rows.author, 0)
    inverse = np.divide(1.0, ratio, out=np.ones(n), where=ratio > 0)
    off = found.both - correlation[who] / 2 * (found.own * ratio[who] + found.others * inverse[who])
    variance = divided(by_author(off**2, rows, n=n), spread**2) * heard
    usable = np.isfinite(variance) & (heard > 1)
    pooled = float(np.average(variance[usable], weights=heard[usable])) if usable.any() else np.nan
    pooled = max(pooled, LEAST_VARIANCE)
    error: Floats = np.sqrt(divided(np.full(n, pooled), heard))
    return error
