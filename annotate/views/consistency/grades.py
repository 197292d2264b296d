"""Ratings, aspects and flags: how far annotators agree on what they say of single completions."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, preferences, statistics
from annotate.consistency import report


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    context = {
        "project": project,
        "shown": report.gradings(project),
        "is_ranked": bool(statistics.status_counts(project)),
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/grades.html", context)
