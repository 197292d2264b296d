"""Where people land: annotators on their projects, staff on theirs."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from annotate import access, objections, worklist
from annotate.models import Role


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    if access.has_role(request.user, Role.ANNOTATOR):
        annotator = access.annotator_of(request.user)
        context = {"annotator": annotator, "works": worklist.of(annotator), "objections": objections.of(annotator)[:3]}
        return render(request, "annotate/home.html", context)
    if access.has_role(request.user, *access.STAFF):
        return redirect("projects")
    return render(request, "annotate/no_role.html")
