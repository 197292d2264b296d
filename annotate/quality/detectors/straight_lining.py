"""D5: the same answer again and again, whatever stands on the page.

A pattern is a ranking in terms of places: «as displayed», «the second first», «all tied». Of an annotator's rankings
the share with their own most frequent pattern is set against how often the crowd uses its most frequent one; the
p-value is a binomial tail, raised by the number of patterns in use (Bonferroni): the pattern was picked afterwards.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import bdtrc

from annotate.quality.arrays import Flags, Floats, Ints, coded, sums, tally
from annotate.quality.detectors.crowd import Crowd, percent, too_few
from annotate.quality.detectors.rows import Rows, by_author
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Detector, Finding, Severity
from annotate.quality.intervals import wilson
from annotate.quality.minimum import HABIT
from annotate.quality.significance import benjamini_hochberg, divided, number

Q_BELOW = 0.01
NOTEWORTHY, GROSS = 0.25, 0.6  # of what the crowd leaves: (share - usual) / (1 - usual)
SEED = 20


class Habit(NamedTuple):
    """Each annotator's most frequent pattern (A,): its share, the rankings, and P(so often | like the crowd).

    `usual`: the crowd's share of its most frequent pattern. `is_habit` (R,) marks the rankings with the author's own.
    """

    share: Floats
    rankings: Ints
    p: Floats
    usual: float
    is_habit: Flags


def findings(crowd: Crowd) -> list[Finding]:
    """For each annotator the share of their most frequent pattern."""
    habit = habit_of(crowd)
    all_tied = _all_tied(crowd)
    q = benjamini_hochberg(habit.p)
    shown = np.where(habit.is_habit, 1.0, np.nan)
    return [_finding(crowd, habit, k, q[k], all_tied[k], shown) for k in range(crowd.n)]


def habit_of(crowd: Crowd) -> Habit:
    """Patterns of rankings with a known display."""
    pattern, is_counted = _patterns(crowd)
    n, author = crowd.n, crowd.rows.author
    made = np.flatnonzero(is_counted)
    cells = coded(author[made] * (int(pattern.max(initial=0)) + 1) + pattern[made])
    count = tally(cells.codes, n=len(cells.ids))
    owner = cells.ids // (int(pattern.max(initial=0)) + 1)
    rankings = tally(author[made], n=n)
    most = np.zeros(n, dtype=np.int64)
    np.maximum.at(most, owner, count)
    is_habit = np.zeros(len(author), dtype=np.bool_)
    is_habit[made] = (count == most[owner])[cells.codes]
    in_use = tally(pattern[made], n=int(pattern.max(initial=0)) + 1)
    usual = float(in_use.max(initial=0)) / max(len(made), 1)
    tail = bdtrc(np.maximum(most - 1, 0), np.maximum(rankings, 1), usual) * (in_use > 0).sum()
    share = divided(most.astype(np.float64), rankings)
    return Habit(share, rankings, np.where(rankings > 0, np.minimum(tail, 1.0), np.nan), usual, is_habit)


def _patterns(crowd: Crowd) -> tuple[Ints, Flags]:
    """A code for each ranking's pattern, and whether it has one. (R,)

    Each relation of two places has a random whole number; a pattern is their sum, so equal patterns have equal sums.
    """
    rows, relation = crowd.rows, crowd.work.votes.relation.astype(np.int64)
    size = rows.size[rows.ranking[rows.i]]
    i_slot, j_slot = (_slot(rows, end, size) for end in (rows.i, rows.j))
    first, second = np.minimum(i_slot, j_slot), np.maximum(i_slot, j_slot)
    toward_first = np.where(i_slot < j_slot, relation, -relation)
    relations = coded(((size * 64 + first) * 64 + second) * 3 + toward_first + 1)
    numbers = np.random.default_rng(SEED).integers(1, 2**44, size=len(relations.ids)).astype(np.float64)
    total = sums(numbers[relations.codes], by=rows.ranking[rows.i], n=len(rows.author))
    return coded(total.astype(np.int64)).codes, rows.is_placed


def _slot(rows: Rows, end: Ints, size: Ints) -> Ints:
    slot: Ints = np.round((size - 1) / 2 - rows.early[end]).astype(np.int64)
    return slot


def _all_tied(crowd: Crowd) -> Floats:
    """The share of each annotator's rankings that tie everything. (A,)"""
    tied = sums(np.abs(crowd.rows.worth), by=crowd.rows.ranking, n=len(crowd.rows.author)) == 0
    return divided(by_author(tied.astype(np.float64), crowd.rows, n=crowd.n), crowd.rankings)


def _finding(crowd: Crowd, habit: Habit, k: int, q: float, all_tied: float, shown: Floats) -> Finding:
    n = int(habit.rankings[k])
    if not HABIT.is_shown(n):
        return too_few(Detector.STRAIGHT_LINING, n, HABIT)
    share = float(habit.share[k])
    excess = (share - habit.usual) / (1 - habit.usual) if habit.usual < 1 else 0.0
    is_habit = q < Q_BELOW and excess > NOTEWORTHY
    severity = Severity.NONE
    if is_habit:
        severity = Severity.SERIOUS if HABIT.is_acted_upon(n) and excess > GROSS else Severity.REVIEW
    low, high = wilson(share * n, n)
    what = "tie everything" if all_tied > 0.5 else "give the same order of places"
    sentence = f"{percent(share)} of {n} rankings {what}; the crowd's most frequent answer has {percent(habit.usual)}."
    return Finding(
        Detector.STRAIGHT_LINING,
        Estimate(share, n=n, low=low, high=high),
        severity,
        sentence,
        z=number(_z(share, habit.usual, n)),
        q=number(q),
        evidence=crowd.evidence(k, shown) if is_habit else (),
    )


def _z(share: float, usual: float, n: int) -> float:
    return (share - usual) / np.sqrt(usual * (1 - usual) / n) if 0 < usual < 1 else np.nan
