"""Agreement week by week: a week's figure rests on the rankings of that week alone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from annotate.models import Project
from annotate.quality.agreement import DECISIVE
from annotate.quality.arrays import Floats, coded
from annotate.quality.estimate import Estimate
from annotate.quality.intervals import agreement_with, alpha_with, both_intervals
from annotate.quality.ranking import PairVotes, some_votes
from annotate.reports import SEED

WEEK_SECONDS = 7 * 86_400
MONDAY = 4 * 86_400
"""The first Monday of 1970 was the 5th of January; ISO weeks begin on Mondays."""


@dataclass(frozen=True)
class Week:
    """An ISO week by its Monday; the tie rate is of all pairs ranked in it."""

    monday: date
    ranking_count: int
    annotator_count: int
    agreement: Estimate
    alpha: Estimate
    tie_rate: float

    @property
    def name(self) -> str:
        """«2026-W48»."""
        year, week, _ = self.monday.isocalendar()
        return f"{year}-W{week:02}"


def weeks(votes: PairVotes, at: Floats) -> list[Week]:
    """Return the weeks in which anything was ranked; `at` is the time of each ranking in seconds since 1970. (R,)"""
    started = np.floor((at - MONDAY) / WEEK_SECONDS).astype(np.int64)
    found = coded(started[votes.ranking])
    return [_week(week, some_votes(votes, found.codes == k)) for k, week in enumerate(found.ids.tolist())]


def guideline_marks(project: Project) -> list[tuple[date, str]]:
    """Return when each version of the guidelines came into force."""
    versions = project.guidelines.order_by("number").values_list("published_at", "number")
    return [(moment.astimezone(UTC).date(), f"guidelines v{number}") for moment, number in versions]


def _week(number: int, votes: PairVotes) -> Week:
    monday = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=MONDAY + number * WEEK_SECONDS)).date()
    return Week(
        monday=monday,
        ranking_count=len(np.unique(votes.ranking)),
        annotator_count=len(np.unique(votes.annotator)),
        agreement=both_intervals(votes, measure=agreement_with(DECISIVE), seed=SEED).same_annotators,
        alpha=both_intervals(votes, measure=alpha_with(DECISIVE), seed=SEED).same_annotators,
        tie_rate=float((votes.relation == 0).mean()),
    )
