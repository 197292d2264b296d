"""The headline of a project's consistency: a few figures, how to read them, and what to do next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, preferences, statistics
from annotate.consistency import headline, report


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    reading, counts = report.reading(project), statistics.counts(project)
    shown = report.figures(project, reading=reading)
    context = {
        "project": project,
        "shown": shown,
        "counts": counts,
        "tiles": headline.tiles(shown.content),
        "facts": headline.facts(statistics.figures(project), counts, shown.content),
        "steps": headline.next_steps(project, counts, report.verdicts(project, reading=reading).content),
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/overview.html", context)
