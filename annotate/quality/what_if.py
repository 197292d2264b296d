"""One measure over two choices from the same votes, and the paired difference.

Both sides are resampled with the same weights by prompt, so what they share cancels: the interval of the difference is
far narrower than the two intervals laid side by side suggest. A change whose interval holds 0 is «no evidence of
change»; `detectable` is then the smallest change that would probably have been seen, 2.8 standard errors (the sum of
the normal quantiles for 95 % confidence and 80 % power, 1.96 + 0.84).
"""

from typing import NamedTuple

import numpy as np

from annotate.quality import minimum
from annotate.quality.agreement import TieTreatment
from annotate.quality.alpha import NO_VARIATION, cluster_coincidences
from annotate.quality.arrays import Flags, Floats, tally
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.intervals import LEVEL, PairMeasure, bootstrap_sums
from annotate.quality.ranking import PairVotes

DETECTABLE = 2.8


class Change(NamedTuple):
    """The measure on either side and after - before; `detectable` is None where there is no difference to tell.

    n counts prompts with a second opinion; intervals hold 95 % for new prompts and the same annotators.
    """

    before: Estimate
    after: Estimate
    difference: Estimate
    detectable: float | None

    @property
    def is_evident(self) -> bool:
        """Whether the whole interval of the difference lies on one side of 0."""
        low, high = self.difference.low, self.difference.high
        return low is not None and high is not None and (low > 0 or high < 0)


def change(votes: PairVotes, *, before: Flags, after: Flags, measure: PairMeasure, seed: int) -> Change:
    """The measure over the votes of either choice (V,). The same arguments give the same numbers.

    Each side needs 30 prompts with two annotators; below that it says so, and there is no difference.
    """
    sides = np.stack([_by_prompt(votes, ties=measure.ties, kept=kept) for kept in (before, after)], axis=1)
    values = measure.of(sides.sum(axis=0))  # (2,)
    prompts = (sides.sum(axis=(2, 3)) > 0).sum(axis=0)  # (2,)
    replicates = measure.of(bootstrap_sums(sides, seed=seed))  # (replicates, 2)
    one, other = (_side(float(values[k]), int(prompts[k]), replicates[:, k]) for k in (0, 1))
    return _change(one, other, replicates[:, 1] - replicates[:, 0])


def _by_prompt(votes: PairVotes, *, ties: TieTreatment, kept: Flags) -> Floats:
    """Coincidence matrices of the kept votes on each prompt. (P, V, V)"""
    n_units = len(votes.units.i)
    answers = [tally(votes.unit[kept & (votes.relation == sign)], n=n_units) for sign in (1, 0, -1)]
    counts = np.column_stack(answers).astype(np.float64)[:, ties.answers]
    return cluster_coincidences(counts, cluster=votes.units.prompt, n_clusters=len(votes.units.prompt_ids))


def _side(value: float, n: int, replicates: Floats) -> Estimate:
    if not minimum.PROJECT.is_shown(n):
        return minimum.PROJECT.of_estimate(Estimate(0.0, n=n))
    if np.isnan(value):
        return undefined(NO_VARIATION, n=n)
    return Estimate(value, n=n).within(*_middle(replicates))


def _change(before: Estimate, after: Estimate, replicates: Floats) -> Change:
    if before.value is None or after.value is None:
        lacking = before if before.value is None else after
        return Change(before, after, undefined(lacking.reason, n=lacking.n), None)
    low, high = _middle(replicates)
    difference = Estimate(after.value - before.value, n=after.n, low=low, high=high)
    return Change(before, after, difference, DETECTABLE * float(np.nanstd(replicates)))


def _middle(replicates: Floats) -> tuple[float, float]:
    low, high = np.nanquantile(replicates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
