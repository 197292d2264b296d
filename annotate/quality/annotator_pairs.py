"""Which two annotators agree more, or less, than the quality of both explains.

Two annotators meet where both ranked the same comparison. What to expect of them comes from the table itself: if a is
right with probability (1 + J_a) / 2, two of them agree on (1 + J_a J_b) / 2 of their pairs (a tie half agreeing with a
choice), and the J fit all meetings at once. The spread of z is that between meetings, so the pairs of one ranking do
not count as independent.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from annotate.quality.arrays import Flags, Floats, Ints, Signs, pairs_within, tally
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.minimum import ANNOTATOR_PAIR
from annotate.quality.ranking import MISSING, PairVotes, relation_table

MOST_MEETINGS = 20_000_000
ROUNDS = 12
ROUNDING = 1e-9  # a spread below this is none: everybody does as expected, and z is 0
PSEUDO_MEETINGS = 5.0  # with which each J is drawn to that of the crowd


class AnnotatorPairs(NamedTuple):
    """One row for each two annotators who met, `first` < `second` codes; agreement with ties as half, 0..1.

    `shared`: comparisons that both ranked; `compared`: pairs of completions that both judged; `expected`: agreement
    that the quality of both explains; `z`: (agreement - expected) over its standard error. `reason` is set, and there
    are no rows, where there would be too many.
    """

    first: Ints
    second: Ints
    shared: Ints
    compared: Ints
    agreement: Floats
    expected: Floats
    z: Floats
    reason: str = ""

    @property
    def is_shown(self) -> Flags:
        """Whether they share enough (five) to show a figure."""
        return self.shared >= ANNOTATOR_PAIR.shown

    def estimate(self, row: int) -> Estimate:
        """The agreement of one row, or «not enough data»; n counts what they share."""
        return ANNOTATOR_PAIR.of_estimate(Estimate(float(self.agreement[row]), n=int(self.shared[row])))

    def between(self, one: int, other: int) -> Estimate:
        """The agreement of two annotators by their codes."""
        row = np.flatnonzero((self.first == min(one, other)) & (self.second == max(one, other)))
        if len(row) == 0:
            return undefined(self.reason or "They judged nothing in common.", n=0)
        return self.estimate(int(row[0]))


def annotator_pairs(votes: PairVotes) -> AnnotatorPairs:
    """Agreement of all annotators who met; who ranked fewer than five comparisons cannot share five and is left out."""
    meetings = _meetings(votes)
    if meetings is None:
        reason = f"Too many annotators on the same comparisons: over {MOST_MEETINGS:,} meetings of two."
        nobody, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
        return AnnotatorPairs(nobody, nobody, nobody, nobody, nothing, nothing, nothing, reason)
    met = _by_pair(meetings)
    del meetings  # a third of the memory that the rest needs
    first, second = np.divmod(met.key, max(len(votes.annotator_ids), 1))
    mean = met.share / met.shared
    expected = _expected(first, second, met.shared, mean, n_annotators=len(votes.annotator_ids))
    residual = (met.share_squared + met.shared * expected * (expected - 2 * mean)).sum() / max(met.shared.sum(), 1)
    z = (mean - expected) * np.sqrt(met.shared / (residual if residual > ROUNDING else np.inf))
    agreement = 1 - met.distance / (2 * met.compared)
    return AnnotatorPairs(first, second, met.shared, met.compared.astype(np.int64), agreement, expected, z)


def matrix(pairs: AnnotatorPairs, column: Floats, *, n_annotators: int) -> Floats:
    """A column of `pairs` as a symmetric matrix, NaN where it is not shown. (A, A)"""
    square = np.full((n_annotators, n_annotators), np.nan)
    shown = pairs.is_shown
    square[pairs.first[shown], pairs.second[shown]] = column[shown]
    square[pairs.second[shown], pairs.first[shown]] = column[shown]
    return square


class _Meetings(NamedTuple):
    """Two rankings of one comparison, each packed into a number, sorted (numbers sort faster than their places do).

    From the highest bits: whose (first * A + second), how many pairs both judged, how far they differ on those: 2 for
    opposite choices, 1 for a tie against a choice. The last two have `bits` each.
    """

    packed: Ints
    bits: int


def _meetings(votes: PairVotes) -> _Meetings | None:
    """All meetings of annotators with enough comparisons to share enough; None where there are too many."""
    relations, annotator, size = _rankings(votes)
    if (size * (size - 1) // 2).sum() > MOST_MEETINGS:
        return None
    one, other = pairs_within((np.cumsum(size) - size)[size > 0], n_rows=len(annotator))
    here, there = annotator[one], annotator[other]
    packed = np.minimum(here, there).astype(np.int64)
    packed *= len(votes.annotator_ids)
    packed += np.maximum(here, there)
    ours, theirs = relations[one], relations[other]
    both = (ours != MISSING) & (theirs != MISSING)
    bits = (2 * relations.shape[1]).bit_length()
    compared = both.sum(axis=1, dtype=np.int16)
    for column in (compared, (np.abs(ours - theirs) * both).sum(axis=1, dtype=np.int16)):
        packed <<= bits
        packed |= column
    met = packed if compared.all() else packed[compared > 0]
    met.sort()
    return _Meetings(met, bits)


class _Met(NamedTuple):
    """Sums over the meetings of each two annotators; `share` is how far two rankings agree, 0..1."""

    key: Ints
    shared: Ints
    compared: Floats
    distance: Floats
    share: Floats
    share_squared: Floats


def _by_pair(meetings: _Meetings) -> _Met:
    """Equal meetings are counted first: there are fewer kinds of them."""
    kinds = np.flatnonzero(np.diff(meetings.packed, prepend=-1))
    times, packed = np.diff(np.append(kinds, len(meetings.packed))), meetings.packed[kinds]
    mask = (1 << meetings.bits) - 1
    key, compared, distance = packed >> 2 * meetings.bits, (packed >> meetings.bits) & mask, packed & mask
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    share = 1 - distance / (2 * compared)
    return _Met(
        key=key[starts],
        shared=_added_up(times, starts).astype(np.int64),
        compared=_added_up(times * compared, starts),
        distance=_added_up(times * distance, starts),
        share=_added_up(times * share, starts),
        share_squared=_added_up(times * share**2, starts),
    )


def _added_up(column: Ints | Floats, starts: Ints) -> Floats:
    return np.add.reduceat(column.astype(np.float64), starts) if len(starts) else np.zeros(0)


def _rankings(votes: PairVotes) -> tuple[Signs, npt.NDArray[np.int32], Ints]:
    """Relations and annotator of each ranking, comparison by comparison, and how many each comparison has.

    Without the rankings of annotators who have too few to share enough with anybody.
    """
    n_rankings, nowhere = len(votes.ranking_ids), len(votes.units.comparison_ids)
    comparison, annotator = np.full(n_rankings, nowhere), np.zeros(n_rankings, dtype=np.int32)
    comparison[votes.ranking], annotator[votes.ranking] = votes.comparison, votes.annotator
    made = tally(annotator[comparison < nowhere].astype(np.int64), n=len(votes.annotator_ids) + 1)
    comparison[made[annotator] < ANNOTATOR_PAIR.shown] = nowhere
    size = tally(comparison, n=nowhere + 1)[:-1]
    order = np.argsort(comparison, kind="stable")[: int(size.sum())]
    return relation_table(votes)[order], annotator[order], size


def _expected(first: Ints, second: Ints, shared: Ints, agreement: Floats, *, n_annotators: int) -> Floats:
    """(1 + J_a J_b) / 2 with the J that fit 2 agreement - 1 = J_a J_b best, by damped alternating least squares."""
    if len(first) == 0:
        return np.zeros(0)
    ends = np.searchsorted(first, np.arange(n_annotators + 1))  # rows of the upper triangle
    shape = (n_annotators, n_annotators)
    excess = shared * (2 * agreement - 1)
    weights, excesses = (csr_matrix((cells, second, ends), shape) for cells in (shared.astype(np.float64), excess))
    crowd = float(np.sqrt(max(excess.sum() / shared.sum(), 0.01)))
    drawn = PSEUDO_MEETINGS * crowd**2
    quality = np.full(n_annotators, crowd)
    for _ in range(ROUNDS):
        agreed, met = (
            table @ values + table.T @ values for table, values in ((excesses, quality), (weights, quality**2))
        )
        quality = np.clip((quality + (agreed + drawn * crowd) / (met + drawn)) / 2, -1.0, 1.0)
    expected: Floats = (1 + quality[first] * quality[second]) / 2
    return expected
