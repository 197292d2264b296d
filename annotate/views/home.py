"""Where people land: annotators on their projects, staff on theirs."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from annotate import access, projects, worklist
from annotate.models import Role


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    if access.has_role(request.user, Role.ANNOTATOR):
        annotator = access.annotator_of(request.user)
        return render(request, "annotate/home.html", {"annotator": annotator, "works": worklist.of(annotator)})
    if access.has_role(request.user, *access.STAFF):
        return redirect("projects")
    return render(request, "annotate/no_role.html")


@require_GET
@access.requires(Role.ANNOTATOR, *access.STAFF)
def guidelines(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_annotator(slug)
    context = {"project": project, "guideline": projects.current_guidelines(project)}
    return render(request, "annotate/guidelines.html", context)
