"""The live figures of a project from its sums: exact now, in milliseconds, whatever the project's size.

They have no intervals: those need every vote, and come with the report that is made in the background (report_store).
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from django.db.models import Count, Q, QuerySet, Sum

from annotate.models import AnnotatorPair, AnnotatorWeek, PairCell, Project, StatusCount, Tally
from annotate.quality.agreement import DECISIVE, HALF_CREDIT, STRICT
from annotate.quality.cells import Cells, cell_agreement, cell_alpha, cell_tie_rate
from annotate.quality.contribution import MetSums, WeekSums
from annotate.quality.estimate import Estimate
from annotate.verdicts import Status

STATUSES = list(Status)


@dataclass(frozen=True)
class Counts:
    """How much counts now in a project."""

    ranking_count: int
    annotator_count: int
    comparison_count: int
    by_status: dict[Status, int]  # in the order of lists


@dataclass(frozen=True)
class Figures:
    """Agreement now; n counts pairs with two votes, of `tie_rate` votes on pairs."""

    half_credit: Estimate
    decisive: Estimate
    strict: Estimate
    alpha: Estimate
    tie_rate: Estimate


@dataclass(frozen=True)
class Slice:
    """The sums of one annotator, week (its Monday) or guideline version, or of two or three of them at once."""

    key: tuple[object, ...]
    sums: WeekSums


def counts(project: Project) -> Counts:
    """Return how many rankings, annotators and comparisons count, and where the comparisons stand."""
    by_status = status_counts(project)
    made = AnnotatorWeek.objects.filter(project=project).aggregate(
        people=Count("annotator", distinct=True, filter=Q(rankings__gt=0)), made=Sum("rankings", default=0)
    )
    return Counts(made["made"], made["people"], sum(by_status.values()), by_status)


def status_counts(project: Project) -> dict[Status, int]:
    """Return how many comparisons stand where, in the order of lists; a status that none has is left out."""
    rows = StatusCount.objects.filter(project=project).values_list("status").annotate(n=Sum("comparisons"))
    return {STATUSES[status]: n for status, n in rows.filter(n__gt=0).order_by("status")}


def figures(project: Project, *, category: str | None = None) -> Figures:
    """Return the agreement of a project, or of one category of its prompts."""
    found = cells(project, category=category)
    return Figures(
        half_credit=cell_agreement(found, ties=HALF_CREDIT),
        decisive=cell_agreement(found, ties=DECISIVE),
        strict=cell_agreement(found, ties=STRICT),
        alpha=cell_alpha(found, ties=HALF_CREDIT),
        tie_rate=cell_tie_rate(found),
    )


def categories(project: Project) -> list[str]:
    """Return the categories of the prompts of which anything is ranked, by name; «without» is not among them."""
    rows = PairCell.objects.filter(project=project, pairs__gt=0).exclude(category="")
    return sorted(rows.values_list("category", flat=True).order_by().distinct())


def cells(project: Project, *, category: str | None = None) -> Cells:
    """Return how many pairs of completions have which votes."""
    rows = PairCell.objects.filter(project=project)
    if category is not None:
        rows = rows.filter(category=category)
    summed = rows.values_list("plus", "tie", "minus").annotate(n=Sum("pairs")).filter(n__gt=0).order_by()
    table = np.array(list(summed), dtype=np.float64).reshape(-1, 4)
    return Cells(table[:, :3], table[:, 3])


def slices(project: Project, *by: str) -> list[Slice]:
    """Return the sums by any of "annotator", "week" and "guideline", in the order of the keys.

    `slices(project, "annotator", "week")` are all annotators' weeks, `slices(project)` the project's total.
    """
    columns = ["annotator_id" if name == "annotator" else name for name in by]
    rows = AnnotatorWeek.objects.filter(project=project)
    totals = {f"n_{name}": Sum(name) for name in WeekSums._fields}
    summed = rows.order_by(*columns).values_list(*columns).annotate(**totals).filter(n_rankings__gt=0)
    return [Slice(row[: len(by)], WeekSums(*row[len(by) :])) for row in summed]


def met(project: Project, *, annotators: Collection[int] | None = None) -> dict[tuple[int, int], MetSums]:
    """Return what each two annotators (a < b) said of the same pairs; of some annotators, or of all."""
    rows = AnnotatorPair.objects.filter(project=project, comparisons__gt=0)
    if annotators is not None:
        rows = rows.filter(a__in=annotators, b__in=annotators)
    found = rows.order_by("a_id", "b_id").values_list("a_id", "b_id", *MetSums._fields)
    return {(a, b): MetSums(*sums) for a, b, *sums in found.iterator(chunk_size=5000)}


def listing(project: Project, *, status: Status | None = None) -> QuerySet[Tally]:
    """Return the tallies of a project in the order of lists: disputed first, the least agreement first. Slice it."""
    found = Tally.objects.filter(project=project)
    if status is not None:
        found = found.filter(status=STATUSES.index(status))
    return found.order_by("status", "agreement", "comparison_id")


def word_of(tally: Tally) -> Status:
    """Return a tally's status as the pages' word."""
    return STATUSES[tally.status]
