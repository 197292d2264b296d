"""Slices of the answers and what changed between two of them: weeks, guideline versions, categories, anything.

A slice is a mask over answers. All slices share the codes of prompts, so the bootstrap gives a prompt the same weight
in each and a difference is paired: what both sides share cancels. A difference whose interval holds 0 is «no evidence
of change», with the smallest change that would have been seen (2.8 standard errors: power 80 % at 5 %).
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from scipy.special import betaincinv, ndtri

from annotate.quality.arrays import Flags, Floats, Ints, coded, tally
from annotate.quality.estimate import Estimate
from annotate.quality.evidence import Answers, Evidence, Measure, answers_of, counts_of, evidence, only
from annotate.quality.intervals import LEVEL, BothIntervals, interval_for_new_annotators, intervals_of
from annotate.quality.minimum import CELL, PROJECT, Minimum
from annotate.quality.ranking import PairVotes
from annotate.quality.resampling import resampling

SEEN = 2.8
MOST_PRIOR = 10_000.0


class Slice(NamedTuple):
    """The figure of the answers with one label; n counts prompts with a second opinion within the slice."""

    label: int
    figure: BothIntervals


class Change(NamedTuple):
    """From one slice to another: both figures, `change` = after - before with both intervals, its standard error for
    the same annotators, and the smallest change that would have been seen (None where there is no interval)."""

    before: Estimate
    after: Estimate
    change: BothIntervals
    standard_error: float | None
    would_have_seen: float | None

    @property
    def is_evidence(self) -> bool:
        """Whether the interval for the same annotators leaves 0 out."""
        found = self.change.same_annotators
        return found.low is not None and found.high is not None and not found.low <= 0 <= found.high

    @property
    def sentence(self) -> str:
        """What may be said of it.

        >>> Change(Estimate(0.70, n=90), Estimate(0.71, n=80),
        ...        BothIntervals(*[Estimate(0.01, n=80, low=-0.02, high=0.04)] * 2), 0.015, 0.042).sentence
        'No evidence of change (+0.01, from -0.02 to +0.04); a change of 0.042 would have been seen.'
        """
        found = self.change.same_annotators
        if found.value is None or self.would_have_seen is None:
            return found.reason
        size = f"{found.value:+.2g}, from {found.low:+.2g} to {found.high:+.2g}"
        if self.is_evidence:
            return f"A change of {size}."
        return f"No evidence of change ({size}); a change of {self.would_have_seen:.2g} would have been seen."


def figures(found: Sequence[Evidence], *, seed: int, minimum: Minimum = PROJECT) -> list[BothIntervals]:
    """Both intervals of several measures or slices of the same prompts, all with the same bootstrap weights."""
    if not found:
        return []
    prompts = np.arange(len(found[0].prompts))
    by = resampling(len(prompts), seed=seed)
    return [intervals_of(each, prompts=prompts, by=by, minimum=minimum) for each in found]


def by_slice(answers: PairVotes | Answers, *, label: Ints, measure: Measure, seed: int) -> list[Slice]:
    """The measure within each label (N,) >= 0 of the answers, by label; from 30 prompts a slice. -1: in no slice."""
    rows = answers_of(answers) if isinstance(answers, PairVotes) else answers
    labels = np.unique(label[label >= 0])
    found = [evidence(only(rows, label == one), measure) for one in labels]
    shown = figures(found, seed=seed, minimum=CELL)
    return [Slice(int(one), figure) for one, figure in zip(labels, shown, strict=True)]


def change(
    answers: PairVotes | Answers,
    *,
    before: Flags,
    after: Flags,
    measure: Measure,
    seed: int,
    category: Ints | None = None,
) -> Change:
    """What changed from the answers of one mask (N,) to those of the other, by the paired bootstrap over prompts.

    With `category` (P,), the code of each prompt's category, both sides are weighed to the same mix of categories, that
    of both together; categories that only one side has drop out. For the same annotators see `of_both`.
    """
    rows = answers_of(answers) if isinstance(answers, PairVotes) else answers
    one, other = only(rows, before), only(rows, after)
    weights = _same_mix(one, other, category) if category is not None else (None, None)
    found = evidence(one, measure, weight=weights[0]), evidence(other, measure, weight=weights[1])
    by, prompts = resampling(rows.n_prompts, seed=seed), np.arange(rows.n_prompts)
    sides = [intervals_of(each, prompts=prompts, by=by, minimum=CELL).same_annotators for each in found]
    if (missing := next((side for side in sides if side.value is None), None)) is not None:
        return Change(sides[0], sides[1], BothIntervals(missing, missing), None, None)
    difference = found[1].of(by.sums(found[1].prompts)) - found[0].of(by.sums(found[0].prompts))
    difference = difference[np.isfinite(difference)]
    error = float(difference.std())
    low, high = np.quantile(difference, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    n = min(side.n for side in sides)
    same = Estimate(found[1].value - found[0].value, n=n, low=float(low), high=float(high))
    without = _change_without(found[0], found[1])
    span = found[0].highest - found[0].lowest
    new = interval_for_new_annotators(same, without, prompt_variance=error**2, within=(-span, span))
    return Change(sides[0], sides[1], BothIntervals(same, new), error, SEEN * error)


def of_both(answers: PairVotes | Answers, *, before: Flags, after: Flags) -> tuple[Flags, Flags]:
    """Both masks (N,) without the annotators who answered on one side only."""
    n_annotators = answers.n_annotators if isinstance(answers, Answers) else len(answers.annotator_ids)
    sides = [tally(answers.annotator[mask], n=n_annotators) > 0 for mask in (before, after)]
    is_common = (sides[0] & sides[1])[answers.annotator]
    return before & is_common, after & is_common


def iso_weeks(day: Ints) -> Ints:
    """The ISO week of days since 1970-01-01 as year * 100 + week; -1 for -1 (unknown).

    >>> iso_weeks(np.array([20820, -1]))  # 2027-01-02 lies in the last week of 2026
    array([202653,     -1])
    """
    days = coded(day)
    epoch = date(1970, 1, 1).toordinal()
    calendar = [date.fromordinal(epoch + one).isocalendar() if one >= 0 else None for one in days.ids.tolist()]
    weeks = np.array([-1 if week is None else week.year * 100 + week.week for week in calendar], dtype=np.int64)
    return weeks[days.codes] if len(weeks) else days.codes


def shrunk(shares: Sequence[Estimate], *, project: Estimate) -> list[Estimate]:
    """Shares of slices (0..1) drawn to the project's by a beta prior as wide as the slices differ beyond chance.

    A slice counts for as many trials as its interval is worth; those without a value stay as they are. Method of
    moments for the beta-binomial (Kleinman 1973).
    """
    known = [share for share in shares if share.value is not None and share.low is not None and share.high is not None]
    if project.value is None or not 0 < project.value < 1 or len(known) < 2:
        return list(shares)
    variance = project.value * (1 - project.value)
    errors = np.array([_error_of(share) for share in known])
    spread = np.mean([(share.value - project.value) ** 2 for share in known if share.value is not None])
    between = max(float(spread - (errors**2).mean()), variance / (MOST_PRIOR + 1))
    prior = min(max(variance / between - 1, 0.0), MOST_PRIOR)
    return [_drawn(share, project.value, prior) if share in known else share for share in shares]


def _change_without(one: Evidence, other: Evidence) -> Floats:
    """The change without each annotator who was compared on either side."""
    compared = np.union1d(one.compared, other.compared)
    values = [np.where(np.isin(compared, side.compared), 0.0, side.value) for side in (one, other)]
    for value, side in zip(values, (one, other), strict=True):
        value[np.searchsorted(compared, side.compared)] = side.of(side.without)
    without: Floats = values[1] - values[0]
    return without


def _same_mix(one: Answers, other: Answers, category: Ints) -> tuple[Floats, Floats]:
    """Weights of prompts (P,) that give both sides the mix of categories of both together."""
    n = int(category.max(initial=-1)) + 1
    per_side = [tally(category[_judged(side)], n=n).astype(np.float64) for side in (one, other)]
    in_both = (per_side[0] > 0) & (per_side[1] > 0)
    target = np.where(in_both, per_side[0] + per_side[1], 0.0) / max(
        float((per_side[0] + per_side[1])[in_both].sum()), 1
    )
    first, second = (
        np.divide(target * side[in_both].sum(), side, out=np.zeros(n), where=in_both)[category] for side in per_side
    )
    return first, second


def _judged(answers: Answers) -> Ints:
    """Codes of the prompts with a unit that two annotators answered."""
    return np.unique(answers.prompt_of_unit[counts_of(answers).sum(axis=1) >= 2])


def _error_of(share: Estimate) -> float:
    return ((share.high or 0.0) - (share.low or 0.0)) / (2 * float(ndtri((1 + LEVEL) / 2)))


def _drawn(share: Estimate, centre: float, prior: float) -> Estimate:
    value, error = share.value or 0.0, _error_of(share)
    trials = value * (1 - value) / error**2 if error > 0 else float(share.n)
    yes, no = prior * centre + trials * value, prior * (1 - centre) + trials * (1 - value)
    low, high = (float(betaincinv(yes, no, tail)) for tail in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Estimate(yes / (yes + no), n=share.n, low=low, high=high)
