"""What people's work in a project comes to: the report, and its payment lines as a file."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from annotate import access, projects
from annotate.crowd import pay
from annotate.forms_crowd import PayForm
from annotate.models import Project, Role


@require_http_methods(["GET", "POST"])
@access.requires(Role.ADMIN)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    form = PayForm(request.POST or None, instance=project)
    if form.is_valid():
        projects.set_pay(project, **form.cleaned_data)
        messages.success(request, "The pay per hour is saved.")
        return redirect("pay", slug=slug)
    report = pay.report(Project.objects.get(pk=project.pk))  # the form has written on the other one
    context = {"project": project, "report": report, "form": form, "cap_seconds": pay.WALL_CAP_SECONDS}
    return render(request, "staff/pay.html", context, status=422 if form.is_bound else 200)


@require_GET
@access.requires(Role.ADMIN)
def export(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    name = f"pay-{project.slug}.csv"
    response = HttpResponse(
        content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
    pay.write_csv(pay.report(project), response)
    return response
