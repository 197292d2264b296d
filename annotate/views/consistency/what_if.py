"""What if some rankings were left out: before anybody is excluded, the figures without them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, preferences
from annotate.consistency import report, what_if
from annotate.forms_consistency import WhatIfForm


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    form = WhatIfForm(request.GET or None, project=project)
    shown = report.ballots(project) if form.is_bound and form.is_valid() else None
    context = {
        "project": project,
        "form": form,
        "shown": shown,
        "outcome": what_if.outcome(shown.content, form.conditions) if shown and shown.content else None,
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/what_if.html", context, status=422 if form.errors else 200)
