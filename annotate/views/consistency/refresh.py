"""Make the consistency report anew, in the background."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from annotate import access, tasks


@require_POST
@access.requires(*access.STAFF)
def refresh(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    tasks.make_report.delay_on_commit(project.pk)
    messages.info(request, "The report is being made anew: come back in a minute.")
    return redirect("consistency", slug=slug)
