"""The headline of a project's consistency: a few figures, how to read them, and what to do next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, reports, tiles


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    report = reports.consistency(project)
    context = {"project": project, "report": report, "tiles": tiles.tiles(report)}
    return render(request, "staff/consistency/overview.html", context)
