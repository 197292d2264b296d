"""One measure over two choices from the same votes, and the paired difference.

Both sides are resampled with the same weights by prompt, so what they share cancels: the interval of the difference is
far narrower than the two intervals laid side by side suggest. A change whose interval holds 0 is «no evidence of
change»; `detectable` is then the smallest change that would probably have been seen, 2.8 standard errors (the sum of
the normal quantiles for 95 % confidence and 80 % power, 1.96 + 0.84).
"""

from typing import NamedTuple

import numpy as np

from annotate.quality.alpha import NO_VARIATION
from annotate.quality.arrays import Flags, Floats
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.evidence import Evidence, Measure, answers_of, evidence
from annotate.quality.intervals import LEVEL
from annotate.quality.minimum import PROJECT
from annotate.quality.ranking import PairVotes, some_votes
from annotate.quality.resampling import bootstrap_sums

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


def change(votes: PairVotes, *, before: Flags, after: Flags, measure: Measure, seed: int) -> Change:
    """The measure over the votes of either choice (V,). The same arguments give the same numbers.

    Each side needs 30 prompts with two annotators; below that it says so, and there is no difference.
    """
    sides = [evidence(answers_of(some_votes(votes, kept)), measure) for kept in (before, after)]
    sums = bootstrap_sums(np.stack([side.prompts for side in sides], axis=1), seed=seed)  # (replicates, 2, V, V)
    one, other = (side.of(sums[:, k]) for k, side in enumerate(sides))
    return _change(_estimate(sides[0], one), _estimate(sides[1], other), other - one)


def _estimate(side: Evidence, replicates: Floats) -> Estimate:
    n, value = len(side.has_second_opinion), side.value
    if not PROJECT.is_shown(n):
        return PROJECT.of_estimate(Estimate(0.0, n=n))
    if np.isnan(value) or not side.varies:
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
