"""Annotators against annotators: the heat map, and the comparisons that two of them share."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, preferences
from annotate.consistency import heat, meetings, people, report
from annotate.consistency.ordering import ordered

PEOPLE_PER_PAGE = 20
PER_PAGE = 50


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    found = people.people(project)
    ordering = ordered(found, heat.COLUMNS, asked=request.GET.get("sort"), default="-rankings")
    page = Paginator(ordering.rows, PEOPLE_PER_PAGE).get_page(request.GET.get("page"))
    model_row = report.model_row(project)
    context = {
        "project": project,
        "model_row": model_row,
        "model_cells": heat.model_cells(model_row, page.object_list),
        "headings": ordering.headings,
        "page": page,
        "rings": heat.rings(report.verdicts(project).content),
        "rows": heat.rows(project, page.object_list),
        "legend": heat.LEGEND,
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/pairs.html", context)


@require_GET
@access.requires(*access.STAFF)
def pair(request: HttpRequest, slug: str, first: int, second: int) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    one, other = (access.annotator_for_staff(request.user, pk) for pk in (first, second))
    page = Paginator(meetings.shared_ids(project, one, other), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "first": one,
        "second": other,
        "page": page,
        "meetings": meetings.meetings(page.object_list, one, other),
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/pair.html", context)
