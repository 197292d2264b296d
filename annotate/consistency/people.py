"""Every annotator of a project with their figures, from the sums that are kept on write: exact at any moment."""

from dataclasses import dataclass

import numpy as np

from annotate import statistics
from annotate.models import Annotator, Project
from annotate.quality.contribution import LOG_SCALE, WeekSums
from annotate.quality.estimate import Estimate, undefined
from annotate.quality.intervals import wilson
from annotate.quality.minimum import ANNOTATOR_PAIRS, ANNOTATOR_PROMPTS, POSITION

CHANCE, WEAK, STRONG_PULL = 0.5, 0.6, 0.1
"""The whole interval must lie this far from one half before a remark speaks of position."""


@dataclass(frozen=True)
class Person:
    """One annotator in one project; `first_shown_rate` and `tie_rate` have intervals that are rather too wide.

    n of `agreement` counts pairs compared with the others, of the two rates pairs, of `typical_seconds` rankings.
    """

    annotator_id: int
    pseudonym: str
    origin: str
    is_paused: bool
    ranking_count: int
    agreement: Estimate
    first_shown_rate: Estimate
    tie_rate: Estimate
    typical_seconds: Estimate

    @property
    def remarks(self) -> list[str]:
        """What stands out, as a reason to look at their rankings; it never decides anything."""
        agreed, first = self.agreement, self.first_shown_rate
        is_weak = agreed.value is not None and agreed.value < WEAK
        found = {
            "contrary to the others": _is_below(agreed, CHANCE),
            "not told apart from coin tosses": is_weak
            and not _is_below(agreed, CHANCE)
            and not _is_above(agreed, CHANCE),
            "chooses what is shown first": _is_above(first, CHANCE + STRONG_PULL),
            "chooses what is shown last": _is_below(first, CHANCE - STRONG_PULL),
        }
        return [remark for remark, is_so in found.items() if is_so]


def people(project: Project) -> list[Person]:
    """Return everybody who ranked in a project, in two queries."""
    sums = {found.key[0]: found.sums for found in statistics.slices(project, "annotator")}
    annotators = Annotator.objects.in_bulk(list(sums))
    return [_person(annotators[pk], theirs) for pk, theirs in sums.items()]


def person(annotator: Annotator, project: Project) -> Person | None:
    """Return one annotator's figures in a project; None before their first ranking there."""
    slices = statistics.slices(project, "annotator")
    return next((_person(annotator, found.sums) for found in slices if found.key == (annotator.pk,)), None)


def agreement(sums: WeekSums) -> Estimate:
    """Return how far an annotator agrees with the others, as reliability.annotator_reliability does."""
    n, clusters = sums.compared, sums.compared_rankings
    for minimum, count in ((ANNOTATOR_PROMPTS, clusters), (ANNOTATOR_PAIRS, n)):
        if not minimum.is_shown(count):
            return minimum.of_estimate(Estimate(0.0, n=count))
    share = sums.credit_quarters / (4 * n)
    spread = sums.credit_squares / 16 - share * sums.credit_products / 2 + share**2 * sums.compared_squares
    variance = spread * clusters / ((clusters - 1) * n * n)
    effective = min(max(share * (1 - share) / variance, clusters), n) if variance > 0 else clusters
    return Estimate(share, n=n).within(*wilson(share * effective, effective))


def first_shown_rate(sums: WeekSums) -> Estimate:
    """Return how often the completion shown first was chosen; the interval takes the choices of a ranking as one."""
    if not POSITION.is_shown(sums.rankings) or not sums.choices:
        return undefined(f"Not enough data: {sums.choices} choices with a known order.", n=sums.choices)
    return _rate(sums.first_chosen, sums.choices, sums.rankings)


def tie_rate(sums: WeekSums) -> Estimate:
    """Return the share of pairs that were tied; the interval takes the pairs of a ranking as one."""
    if not sums.pairs:
        return undefined("They have ranked nothing yet.", n=0)
    return _rate(sums.ties, sums.pairs, sums.rankings)


def typical_seconds(sums: WeekSums) -> Estimate:
    """Return the geometric mean of the seconds a ranking took."""
    if not sums.timed:
        return undefined("No ranking says how long it took.", n=0)
    return Estimate(float(np.exp(sums.log_seconds / LOG_SCALE / sums.timed)), n=sums.timed)


def _person(annotator: Annotator, sums: WeekSums) -> Person:
    return Person(
        annotator_id=annotator.pk,
        pseudonym=annotator.pseudonym,
        origin=annotator.origin,
        is_paused=annotator.is_paused,
        ranking_count=sums.rankings,
        agreement=agreement(sums),
        first_shown_rate=first_shown_rate(sums),
        tie_rate=tie_rate(sums),
        typical_seconds=typical_seconds(sums),
    )


def _rate(count: int, n: int, clusters: int) -> Estimate:
    share, effective = count / n, min(n, clusters)
    return Estimate(share, n=n).within(*wilson(share * effective, effective))


def _is_below(estimate: Estimate, bound: float) -> bool:
    return estimate.high is not None and estimate.high < bound


def _is_above(estimate: Estimate, bound: float) -> bool:
    return estimate.low is not None and estimate.low > bound
