"""Import a file into a project. The role is looked at before a byte of the upload is read."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from annotate import access, intake, preview
from annotate.forms_staff import ImportForm
from annotate.models import Project, Role
from annotate.uploads import DataDirUploadHandler

FORM_BYTES = 2**16  # what the request may hold beside the file


@csrf_exempt  # only here: the token is checked below, once the upload handler is in place
@require_http_methods(["GET", "POST"])
@access.requires(Role.ADMIN, Role.ML_ENGINEER)
def import_file(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.IMPORT_MAX_BYTES + FORM_BYTES:
        return _page(request, project, ImportForm(kinds=_kinds(request)), is_too_large=True, status=413)
    request.upload_handlers = [DataDirUploadHandler(request)]
    return _checked_import(request, project)


@csrf_protect
def _checked_import(request: HttpRequest, project: Project) -> HttpResponse:
    form = ImportForm(request.POST or None, request.FILES or None, kinds=_kinds(request))
    if not form.is_valid():
        return _page(request, project, form, status=422 if form.is_bound else 200)
    upload = form.cleaned_data["file"]
    try:
        report = intake.import_file(upload.path, project=project, name=upload.name, by=request.user, **form.how)
    except intake.IntakeError as refusal:
        more_count = refusal.error_count - len(refusal.errors)
        return _page(request, project, form, refusal=refusal, more_count=more_count, status=422)
    if report.is_dry_run:
        return _page(request, project, form, report=report, rows=preview.rows(report), status=200)
    messages.success(request, report.sentence)
    return redirect("project", slug=project.slug)


def _page(request: HttpRequest, project: Project, form: ImportForm, *, status: int, **more: object) -> HttpResponse:
    kinds = [intake.KINDS[name] for name in _kinds(request)]
    context = {"project": project, "form": form, "kinds": kinds, "max_bytes": settings.IMPORT_MAX_BYTES, **more}
    return render(request, "staff/import.html", context, status=status)


def _kinds(request: HttpRequest) -> list[str]:
    """An ML engineer brings comparisons back from elsewhere; people's rankings are the admins' to import."""
    return list(intake.KINDS) if access.has_role(request.user, Role.ADMIN) else ["comparisons"]
