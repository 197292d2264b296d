"""One annotator in one project: the verdict with its reason, the findings with their evidence, and what to do."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotate import access, memberships, names, tiles
from annotate.consistency import dossier, report
from annotate.forms_onboarding import PauseMemberForm, QuarantineForm
from annotate.models import Annotator, Project, Role


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    return _page(request, project, access.annotator_for_staff(request.user, pk))


@require_POST
@access.requires(Role.REVIEWER, Role.ADMIN)
def pause(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    annotator = access.annotator_for_staff(request.user, pk)
    form = PauseMemberForm(request.POST)
    if not form.is_valid():
        return _page(request, project, annotator, form=form, status=422)
    member = memberships.admit(annotator, project)
    memberships.pause(member, **form.cleaned_data, by=request.user)
    messages.success(request, f"{annotator.pseudonym} gets no more work here, and reads your message.")
    return redirect("consistency_annotator", slug=slug, pk=pk)


@require_POST
@access.requires(Role.REVIEWER, Role.ADMIN)
def resume(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    annotator = access.annotator_for_staff(request.user, pk)
    for member in project.memberships.filter(annotator=annotator):
        memberships.resume(member, by=request.user)
    messages.success(request, f"{annotator.pseudonym} gets work again.")
    return redirect("consistency_annotator", slug=slug, pk=pk)


@require_POST
@access.requires(Role.REVIEWER, Role.ADMIN)
def quarantine(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    annotator, form = access.annotator_for_staff(request.user, pk), QuarantineForm(request.POST, prefix="quarantine")
    if not form.is_valid():
        return _page(request, project, annotator, quarantine_form=form, status=422)
    memberships.quarantine(memberships.admit(annotator, project), **form.cleaned_data, by=request.user)
    messages.success(
        request, f"Nothing that {annotator.pseudonym} said here makes labels from now on. Freeze the project again."
    )
    return redirect("consistency_annotator", slug=slug, pk=pk)


@require_POST
@access.requires(Role.REVIEWER, Role.ADMIN)
def release(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    annotator = access.annotator_for_staff(request.user, pk)
    for member in project.memberships.filter(annotator=annotator):
        memberships.release(member, by=request.user)
    messages.success(request, f"What {annotator.pseudonym} said here makes labels again.")
    return redirect("consistency_annotator", slug=slug, pk=pk)


def _page(
    request: HttpRequest,
    project: Project,
    annotator: Annotator,
    *,
    form: PauseMemberForm | None = None,
    quarantine_form: QuarantineForm | None = None,
    status: int = 200,
) -> HttpResponse:
    shown = report.judgements(project)
    judged = shown.content.of(annotator.pk) if shown.content else None
    found = dossier.of(annotator, project, judged=judged)
    context = {
        "project": project,
        "annotator": annotator,
        "name_in_files": names.outside(project, annotator.pseudonym),
        "shown": shown,
        "dossier": found,
        "ruler": tiles.ruler(found.person.agreement) if found.person else None,
        "pause_form": form or PauseMemberForm(),
        "quarantine_form": quarantine_form or QuarantineForm(prefix="quarantine"),
        "may_decide": access.has_role(request.user, Role.REVIEWER, Role.ADMIN),
    }
    return render(request, "staff/consistency/annotator.html", context, status=status)
