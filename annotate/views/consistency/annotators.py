"""The annotators of a project beside each other: sorted by any column, the least agreement first."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, preferences, reports, tiles
from annotate.consistency.ordering import Column, ordered
from annotate.reports import AnnotatorRow

PER_PAGE = 50
COLUMNS: dict[str, Column[AnnotatorRow]] = {
    "name": Column("Annotator", lambda row: row.pseudonym, is_number=False),
    "rankings": Column("Rankings", lambda row: row.reliability.rankings, starts_high=True),
    "agreement": Column("Agreement with the others", lambda row: row.reliability.agreement),
    "first": Column("First shown", lambda row: row.reliability.first_shown_rate, starts_high=True),
    "ties": Column("Ties", lambda row: row.reliability.tie_rate, starts_high=True),
    "time": Column("Median time", lambda row: row.median_seconds),
}


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    ordering = ordered(
        reports.consistency(project).annotators, COLUMNS, asked=request.GET.get("sort"), default="agreement"
    )
    page = Paginator(ordering.rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "headings": ordering.headings,
        "page": page,
        "people": [(row, tiles.ruler(row.reliability.agreement)) for row in page],
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/annotators.html", context)
