"""Agreement week by week: a week's figure rests on the rankings of that week alone."""

from dataclasses import dataclass
from datetime import UTC, date

import numpy as np

from annotate.models import Project
from annotate.quality.agreement import DECISIVE, HALF_CREDIT
from annotate.quality.arrays import Flags, Floats
from annotate.quality.estimate import Estimate
from annotate.quality.intervals import BothIntervals, agreement_with, alpha_with
from annotate.quality.ranking import PairVotes
from annotate.quality.slices import by_slice, iso_weeks
from annotate.reports import SEED

DAY_SECONDS = 86_400


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
    week = iso_weeks(np.floor(at / DAY_SECONDS).astype(np.int64))[votes.ranking]
    agreement, alpha = (
        by_slice(votes, label=week, measure=measure, seed=SEED)
        for measure in (agreement_with(DECISIVE), alpha_with(HALF_CREDIT))
    )
    figures = zip(agreement, alpha, strict=True)
    return [_week(votes, week == one.label, one.label, one.figure, other.figure) for one, other in figures]


def guideline_marks(project: Project) -> list[tuple[date, str]]:
    """Return when each version of the guidelines came into force."""
    versions = project.guidelines.order_by("number").values_list("published_at", "number")
    return [(moment.astimezone(UTC).date(), f"guidelines v{number}") for moment, number in versions]


def _week(votes: PairVotes, is_in: Flags, label: int, agreement: BothIntervals, alpha: BothIntervals) -> Week:
    return Week(
        monday=date.fromisocalendar(label // 100, label % 100, 1),
        ranking_count=len(np.unique(votes.ranking[is_in])),
        annotator_count=len(np.unique(votes.annotator[is_in])),
        agreement=agreement.same_annotators,
        alpha=alpha.same_annotators,
        tie_rate=float((votes.relation[is_in] == 0).mean()),
    )
