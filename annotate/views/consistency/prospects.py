"""What these labels can still teach: the ceiling of a reward model's accuracy, and what more labels would buy."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate import access, label_value, preferences
from annotate.consistency import report


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    context = {
        "project": project,
        "shown": report.label_value(project),
        "next_count": label_value.NEXT,
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/prospects.html", context)
