"""Take a project's rankings, preferences and texts out of it: what there is, how it counts, and the file itself."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from annotate import access, exports, preferences
from annotate.forms_staff import ExportForm
from annotate.models import Project, Role


@require_GET
@access.requires(Role.ADMIN, Role.ML_ENGINEER)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    form = ExportForm(request.GET or None)
    if not form.is_valid():
        return _page(request, project, form, status=422 if form.is_bound else 200)
    given = form.cleaned_data
    return _page(request, project, form, counts=exports.count(project, given["what"], reasons=given["reasons"]))


@require_GET
@access.requires(Role.ADMIN, Role.ML_ENGINEER)
def download(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    form = ExportForm(request.GET)
    if not form.is_valid():
        return _page(request, project, form, status=422)
    what, how = form.cleaned_data["what"], {name: form.cleaned_data[name] for name in ("form", "reasons")}
    exports.put_on_record(project, what, **how)
    made = exports.export(project, what, **how)
    response = StreamingHttpResponse(made.chunks, content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(True, made.file_name)
    return response


def _page(
    request: HttpRequest, project: Project, form: ExportForm, *, counts: exports.Counts | None = None, status: int = 200
) -> HttpResponse:
    context = {"project": project, "form": form, "counts": counts, "whats": exports.WHATS.values()}
    context["has_simulated"] = preferences.has_simulated(project)
    return render(request, "staff/export.html", context, status=status)
