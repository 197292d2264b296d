"""Bring plain text into a project. The role is looked at before a byte of the upload is read."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from annotate.access import project_for_staff, requires
from annotate.jsonlines import IntakeError
from annotate.models import Project
from annotate.uploads import DataDirUploadHandler
from rlhf import access, corpora
from rlhf.forms_corpus import CorpusForm

FORM_BYTES = 2**16  # what the request may hold beside the file


@csrf_exempt  # only here: the token is checked below, once the upload handler is in place
@require_http_methods(["GET", "POST"])
@requires(*access.ENGINEERS)
def new(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for_staff(request.user, slug)
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.IMPORT_MAX_BYTES + FORM_BYTES:
        return _page(request, project, CorpusForm(), is_too_large=True, status=413)
    request.upload_handlers = [DataDirUploadHandler(request)]
    return _checked(request, project)


@csrf_protect
def _checked(request: HttpRequest, project: Project) -> HttpResponse:
    form = CorpusForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        return _page(request, project, form, status=422 if form.is_bound else 200)
    upload = form.cleaned_data.pop("file")
    try:
        made = corpora.bring_in(
            upload.path, project=project, by=request.user, file_name=upload.name, **form.cleaned_data
        )
    except IntakeError as refusal:
        more_count = refusal.error_count - len(refusal.errors)
        return _page(request, project, form, refusal=refusal, more_count=more_count, status=422)
    held_out = made.counts["documents_test"]
    messages.success(request, f"{made.name} is kept: {made.counts['documents']} documents, {held_out} held out.")
    return redirect("training", slug=project.slug)


def _page(request: HttpRequest, project: Project, form: CorpusForm, *, status: int, **more: object) -> HttpResponse:
    context = {"project": project, "form": form, "max_bytes": settings.IMPORT_MAX_BYTES, **more}
    return render(request, "training/corpus_new.html", context, status=status)
