"""The annotators of a project beside each other: sorted by any column, those most at risk first."""

from typing import NamedTuple

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, preferences, tiles
from annotate.consistency import report
from annotate.consistency.judged import Verdict
from annotate.consistency.ordering import Column, ordered
from annotate.consistency.people import Person, people

PER_PAGE = 50


class Row(NamedTuple):
    """A person, and what they were judged; None where the judgement does not know them yet."""

    person: Person
    verdict: Verdict | None


COLUMNS: dict[str, Column[Row]] = {
    "name": Column("Annotator", lambda row: row.person.pseudonym, is_number=False),
    "risk": Column("Verdict", lambda row: row.verdict and row.verdict.risk, is_number=False, starts_high=True),
    "rankings": Column("Rankings", lambda row: row.person.ranking_count, starts_high=True),
    "agreement": Column("Agreement with the others", lambda row: row.person.agreement, is_number=False),
    "first": Column("First shown", lambda row: row.person.first_shown_rate, starts_high=True),
    "ties": Column("Ties", lambda row: row.person.tie_rate, starts_high=True),
    "time": Column("Typical time", lambda row: row.person.typical_seconds),
}


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    shown = report.verdicts(project)
    verdicts = shown.content.verdicts if shown.content else {}
    rows = [Row(person, verdicts.get(person.annotator_id)) for person in people(project)]
    ordering = ordered(rows, COLUMNS, asked=request.GET.get("sort"), default="agreement")
    page = Paginator(ordering.rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "shown": shown,
        "model_row": report.model_row(project),
        "headings": ordering.headings,
        "page": page,
        "people": [(row, tiles.ruler(row.person.agreement)) for row in page],
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/annotators.html", context)
