"""What the consistency pages show of all votes, made in the background and kept as it was made last.

The figures and the judgement of the annotators are made from one reading of the rankings; annotate.label_value adds
what the labels are worth. A small project's are reckoned while the page waits, so they are never old. Reading is heavy,
so it is loaded when it is needed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import numpy as np
from django.utils.module_loading import import_string

from annotate import label_value as labels
from annotate import report_store, statistics
from annotate.consistency import effects, grading, ledgers, trend
from annotate.consistency.ballots import Ballots, read
from annotate.consistency.codec import Outdated, plain, revived
from annotate.consistency.effects import Effect
from annotate.consistency.grading import Gradings
from annotate.consistency.judged import Judgements, in_short
from annotate.consistency.systems import Board
from annotate.consistency.trend import Week
from annotate.label_value import LabelValue, ModelRow
from annotate.models import Annotator, Project, Prompt
from annotate.quality.agreement import DECISIVE, HALF_CREDIT, STRICT
from annotate.quality.estimate import Estimate
from annotate.quality.findings import Judgement
from annotate.quality.intervals import BothIntervals, agreement_with, alpha_with, both_intervals
from annotate.quality.minimum import PROJECT
from annotate.quality.work import Work
from annotate.report_store import Content, Stored
from annotate.reports import SEED
from annotate.win_rates import WinRate, win_rates_in

FIGURES, JUDGEMENT, VERDICTS, LEDGERS, WIN_RATES = "figures", "judgement", "verdicts", "ledgers", "win rates"
SYSTEMS, GRADINGS, BALLOTS = "systems", "gradings", "ballots"
KINDS = (FIGURES, JUDGEMENT, VERDICTS, LEDGERS, WIN_RATES, SYSTEMS, GRADINGS, BALLOTS, labels.KIND)
LIVE_RANKINGS = 300
"""Up to here a page reckons by itself instead of showing what was stored: beside a busy crowd 500 took 1.6 seconds."""
Reading = Callable[[], Work]
T = TypeVar("T")


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


@dataclass(frozen=True)
class Shown(Generic[T]):
    """A report for a page: None before it was made for the first time. `stored` is None where it was reckoned now."""

    content: T | None
    stored: Stored | None


def reading(project: Project) -> Reading:
    """Return what reads the project's rankings when it is first asked: a page that shows two reports reads once."""
    return cache(lambda: _work(project))


def figures(project: Project, *, reading: Reading | None = None) -> Shown[Figures]:
    """Return the figures as they were made last, or made now for a small project."""
    if _is_small(project):
        return Shown(_figures(project, _work(project, reading)), None)
    return _as_stored(project, FIGURES, Figures)


def ballots(project: Project) -> Shown[Ballots]:
    """Return the votes, of a large project those of a part of its prompts, as they were when the report was made."""
    if _is_small(project):
        return Shown(read(project), None)
    return _as_stored(project, BALLOTS, Ballots)


def judgements(project: Project) -> Shown[Judgements]:
    """Return the judgement as it was made last, or made now for a small project."""
    return _judgements(project, JUDGEMENT)


def verdicts(project: Project, *, reading: Reading | None = None) -> Shown[Judgements]:
    """Return the judgement without the findings of each annotator, which are most of it."""
    return _judgements(project, VERDICTS, reading)


def of_ledgers(project: Project) -> Shown[Judgements]:
    """Return the judgement with the findings that stand in the ledgers alone."""
    return _judgements(project, LEDGERS)


def _judgements(project: Project, kind: str, reading: Reading | None = None) -> Shown[Judgements]:
    if _is_small(project):
        return Shown(Judgements(plain(_judgement(project, _work(project, reading)))), None)
    stored = report_store.latest(project, kind=kind)
    return Shown(Judgements(stored.content) if stored and stored.content else None, stored)


def win_rates(project: Project, *, reading: Reading | None = None) -> Shown[list[Content]]:
    """Return the win rates of each two sources as they are stored, of which a page revives what it shows (WinRate)."""
    if _is_small(project):
        return Shown([plain(one) for one in _win_rates(project, _work(project, reading))["rows"]], None)
    stored = report_store.latest(project, kind=WIN_RATES)
    return Shown(stored.content["rows"] if stored and stored.content else None, stored)


def board(project: Project, *, reading: Reading | None = None) -> Shown[Board]:
    """Return the systems by strength as they were made last, or now for a small project."""
    if _is_small(project):
        return Shown(_board(project, _work(project, reading)), None)
    return _as_stored(project, SYSTEMS, Board)


def gradings(project: Project) -> Shown[Gradings]:
    """Return the agreement on ratings and flags as it was made last, or now for a small project."""
    if _is_small(project):
        return Shown(grading.gradings(project, _work(project)), None)
    return _as_stored(project, GRADINGS, Gradings)


def label_value(project: Project) -> Shown[LabelValue]:
    """Return the ceiling, the label budget and the reward model's row, as made last or now for a small project."""
    if _is_small(project):
        return Shown(labels.read(labels.build(project, {})), None)
    stored = report_store.latest(project, kind=labels.KIND)
    content = labels.read(stored.content) if stored and stored.content else None
    return Shown(content, stored)


def model_row(project: Project) -> ModelRow | None:
    """Return the newest reward model's row of that report, for a table of annotators."""
    if _is_small(project):
        return labels.model_row(project)
    content = label_value(project).content
    return content.row if content else None


def make(project: Project) -> None:
    """Make all reports and store them; what somebody else is just making is left to them."""
    work = cache(lambda: _work(project))
    judgement = cache(lambda: _judgement(project, work()))
    made: dict[str, Callable[[], object]] = {
        FIGURES: lambda: _figures(project, work()),
        JUDGEMENT: judgement,
        VERDICTS: lambda: in_short(judgement()),
        LEDGERS: lambda: in_short(judgement(), detectors=ledgers.TITLES),
        WIN_RATES: lambda: _win_rates(project, work()),
        SYSTEMS: lambda: _board(project, work()),
        GRADINGS: lambda: grading.gradings(project, work()),
    }
    for kind, build in made.items():
        report_store.make(project, kind=kind, build=_storing(build))
    report_store.make(project, kind=BALLOTS, build=_storing(lambda: read(project)))
    report_store.make(project, kind=labels.KIND, build=labels.build)


def is_stale(project: Project) -> bool:
    """Say whether there is more than the stored reports know."""
    return any(report_store.is_stale(project, kind=kind) for kind in KINDS)


def _is_small(project: Project) -> bool:
    """Whether a page reckons by itself; it stops counting where it does not."""
    counts = statistics.listing(project).values_list("ranking_count", flat=True)
    return sum(counts[: LIVE_RANKINGS + 1]) <= LIVE_RANKINGS


def _as_stored(project: Project, kind: str, of: type[T]) -> Shown[T]:
    """A report as it was made last, or as if it never was where an earlier program made it."""
    stored = report_store.latest(project, kind=kind)
    try:
        return Shown(revived(of, stored.content) if stored and stored.content else None, stored)
    except Outdated:
        return Shown(None, stored)


def _storing(build: Callable[[], object]) -> report_store.Make:
    def make_content(project: Project, parameters: Mapping[str, Any]) -> Content:
        return plain(build())

    return make_content


def _work(project: Project, reading: Reading | None = None) -> Work:
    return reading() if reading else import_string("annotate.judging.work_of")(project)


def _judgement(project: Project, work: Work) -> Judgement:
    names = dict(Annotator.objects.filter(pk__in=work.votes.annotator_ids.tolist()).values_list("pk", "pseudonym"))
    return import_string("annotate.quality.judgement.judge")(work, names=names)


def _win_rates(project: Project, work: Work) -> dict[str, list[WinRate]]:
    return {"rows": win_rates_in(work.votes, project=project)}


def _board(project: Project, work: Work) -> Board:
    return import_string("annotate.consistency.leaderboard.board")(work.votes, project=project)


def _figures(project: Project, work: Work) -> Figures:
    votes = work.votes
    stored = dict(Prompt.objects.filter(project=project).values_list("pk", "category").iterator(chunk_size=5000))
    category = [stored[pk] for pk in votes.units.prompt_ids.tolist()]
    decisive = both_intervals(votes, measure=agreement_with(DECISIVE), seed=SEED)
    return Figures(
        decisive=decisive,
        half_credit=both_intervals(votes, measure=agreement_with(HALF_CREDIT), seed=SEED),
        strict=both_intervals(votes, measure=agreement_with(STRICT), seed=SEED),
        alpha=both_intervals(votes, measure=alpha_with(HALF_CREDIT), seed=SEED),
        per_100_words=_per_100_words(work),
        weeks=trend.weeks(votes, work.at),
        categories=effects.categories(votes, category, project=decisive.same_annotators),
        guidelines=effects.guidelines(votes, work.guideline, category),
    )


def _per_100_words(work: Work) -> Estimate:
    """The median over rankings of seconds per 100 words that stood on the page."""
    known = np.isfinite(work.seconds) & (work.seconds > 0) & (work.words > 0)
    paces = 100 * work.seconds[known] / work.words[known]
    if len(paces) < PROJECT.shown:
        return Estimate(None, n=len(paces), reason=f"Not enough data: {len(paces)} rankings with a known time.")
    return Estimate(float(np.median(paces)), n=len(paces))
