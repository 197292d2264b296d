"""Position and length: how far the crowd, and each annotator, chooses by where an answer stands and how long it is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, preferences
from annotate.consistency import ledgers, report


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    shown = report.of_ledgers(project)
    context = {
        "project": project,
        "shown": shown,
        "ledgers": ledgers.ledgers(project, shown.content, asked=request.GET) if shown.content else [],
        "crowd": shown.content.crowd if shown.content else [],
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/ledgers.html", context)
