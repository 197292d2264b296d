"""What the consistency pages show of all votes, made in the background and kept as it was made last.

Two reports, made from one reading of the rankings: the figures, and the judgement of the annotators. A small project's
are reckoned while the page waits, so they are never old. Reading is heavy, so it is loaded when it is needed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import numpy as np
from django.utils.module_loading import import_string

from annotate import report_store, statistics
from annotate.consistency import effects, trend
from annotate.consistency.codec import Outdated, plain, revived
from annotate.consistency.effects import Effect
from annotate.consistency.judged import Judgements
from annotate.consistency.trend import Week
from annotate.models import Project, Prompt
from annotate.quality.agreement import DECISIVE, HALF_CREDIT, STRICT
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Judgement
from annotate.quality.intervals import BothIntervals, agreement_with, alpha_with, both_intervals
from annotate.quality.minimum import PROJECT
from annotate.quality.work import Work
from annotate.report_store import Stored
from annotate.reports import SEED
from annotate.win_rates import WinRate, win_rates_in

FIGURES, JUDGEMENT = "figures", "judgement"
LIVE_RANKINGS = 500
"""Up to here a page reckons by itself instead of showing what was stored."""
T = TypeVar("T")


@dataclass(frozen=True)
class Ceiling:
    """quality.ceiling.LabelCeiling, as it is stored."""

    lower: Estimate
    upper: Estimate
    single_vote: Estimate
    majority_of_three: Estimate
    human: Estimate


@dataclass(frozen=True)
class Figures:
    """The figures of a project that need every vote."""

    decisive: BothIntervals
    half_credit: BothIntervals
    strict: BothIntervals
    alpha: BothIntervals
    per_100_words: Estimate
    weeks: list[Week]
    categories: list[Effect]
    guidelines: list[Effect]
    ceiling: Ceiling
    win_rates: list[WinRate]


@dataclass(frozen=True)
class Shown(Generic[T]):
    """A report for a page: None before it was made for the first time. `stored` is None where it was reckoned now."""

    content: T | None
    stored: Stored | None


def figures(project: Project) -> Shown[Figures]:
    """Return the figures as they were made last, or made now for a small project."""
    if _is_small(project):
        return Shown(_figures(project, _work(project)), None)
    stored = report_store.latest(project, kind=FIGURES)
    try:
        return Shown(revived(Figures, stored.content) if stored and stored.content else None, stored)
    except Outdated:
        return Shown(None, stored)


def judgements(project: Project) -> Shown[Judgements]:
    """Return the judgement as it was made last, or made now for a small project."""
    if _is_small(project):
        return Shown(Judgements(plain(_judgement(project, _work(project)))), None)
    stored = report_store.latest(project, kind=JUDGEMENT)
    return Shown(Judgements(stored.content) if stored and stored.content else None, stored)


def make(project: Project) -> None:
    """Make both reports and store them; what somebody else is just making is left to them."""
    work = cache(lambda: _work(project))
    for kind, build in ((FIGURES, _figures), (JUDGEMENT, _judgement)):
        report_store.make(project, kind=kind, build=_storing(build, work))


def is_stale(project: Project) -> bool:
    """Say whether there is more than the stored reports know."""
    return any(report_store.is_stale(project, kind=kind) for kind in (FIGURES, JUDGEMENT))


def _is_small(project: Project) -> bool:
    return statistics.counts(project).ranking_count <= LIVE_RANKINGS


def _storing(build: Callable[[Project, Work], object], work: Callable[[], Work]) -> report_store.Make:
    def make_content(project: Project, parameters: Mapping[str, Any]) -> report_store.Content:
        return plain(build(project, work()))

    return make_content


def _work(project: Project) -> Work:
    return import_string("annotate.judging.work_of")(project)


def _judgement(project: Project, work: Work) -> Judgement:
    return import_string("annotate.quality.judgement.judge")(work)


def _figures(project: Project, work: Work) -> Figures:
    votes = work.votes
    stored = dict(Prompt.objects.filter(project=project).values_list("pk", "category").iterator(chunk_size=5000))
    category = [stored[pk] for pk in votes.units.prompt_ids.tolist()]
    ceiling = import_string("annotate.quality.ceiling.label_ceiling")(votes, seed=SEED)
    return Figures(
        decisive=both_intervals(votes, measure=agreement_with(DECISIVE), seed=SEED),
        half_credit=both_intervals(votes, measure=agreement_with(HALF_CREDIT), seed=SEED),
        strict=both_intervals(votes, measure=agreement_with(STRICT), seed=SEED),
        alpha=both_intervals(votes, measure=alpha_with(HALF_CREDIT), seed=SEED),
        per_100_words=_per_100_words(work),
        weeks=trend.weeks(votes, work.at),
        categories=effects.categories(votes, category),
        guidelines=effects.guidelines(votes, work.guideline, category),
        ceiling=Ceiling(*(getattr(ceiling, name) for name in Ceiling.__dataclass_fields__)),
        win_rates=win_rates_in(votes, project=project),
    )


def _per_100_words(work: Work) -> Estimate:
    """The median over rankings of seconds per 100 words that stood on the page."""
    known = np.isfinite(work.seconds) & (work.seconds > 0) & (work.words > 0)
    paces = 100 * work.seconds[known] / work.words[known]
    if len(paces) < PROJECT.shown:
        return Estimate(None, n=len(paces), reason=f"Not enough data: {len(paces)} rankings with a known time.")
    return Estimate(float(np.median(paces)), n=len(paces))
