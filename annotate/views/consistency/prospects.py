"""What these labels can still teach: the ceiling of a reward model's accuracy, and what more labels would buy."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.module_loading import import_string
from django.views.decorators.http import require_GET

from annotate import access, preferences
from annotate.consistency import ballots
from annotate.reports import SEED


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    read = ballots.read(project)
    context = {
        "project": project,
        "share": read.share,
        "ceiling": import_string("annotate.quality.ceiling.label_ceiling")(read.votes, seed=SEED)
        if len(read.annotator)
        else None,
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/consistency/prospects.html", context)
