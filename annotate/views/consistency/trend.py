"""Agreement over time, with the days on which guidelines came into force."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, preferences
from annotate.consistency import curves, report, trend
from annotate.quality.reading import PREFERENCES


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    shown = report.figures(project)
    weeks = shown.content.weeks if shown.content else []
    marks = trend.guideline_marks(project)
    context = {
        "project": project,
        "shown": shown,
        "weeks": weeks[::-1],
        "curve": curves.curve([(week.monday, week.agreement) for week in weeks], events=marks, usual=PREFERENCES.usual),
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/trend.html", context)
