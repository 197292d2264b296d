"""The pipeline of a project: stages with their cost, checkpoints with their lineage."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotate.access import STAFF, project_for_staff, requires
from rlhf import pipeline


@require_GET
@requires(*STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for_staff(request.user, slug)
    context = {"project": project, "stages": pipeline.stages(project), "steps": pipeline.lineage(project)}
    return render(request, "training/pipeline.html", context)
