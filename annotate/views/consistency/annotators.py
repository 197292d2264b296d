"""The annotators of a project beside each other: sorted by any column, the least agreement first."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, preferences, tiles
from annotate.consistency.ordering import Column, ordered
from annotate.consistency.people import Person, people

PER_PAGE = 50
COLUMNS: dict[str, Column[Person]] = {
    "name": Column("Annotator", lambda one: one.pseudonym, is_number=False),
    "rankings": Column("Rankings", lambda one: one.ranking_count, starts_high=True),
    "agreement": Column("Agreement with the others", lambda one: one.agreement),
    "first": Column("First shown", lambda one: one.first_shown_rate, starts_high=True),
    "ties": Column("Ties", lambda one: one.tie_rate, starts_high=True),
    "time": Column("Typical time", lambda one: one.typical_seconds),
}


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    ordering = ordered(people(project), COLUMNS, asked=request.GET.get("sort"), default="agreement")
    page = Paginator(ordering.rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "headings": ordering.headings,
        "page": page,
        "people": [(row, tiles.ruler(row.agreement)) for row in page],
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/annotators.html", context)
