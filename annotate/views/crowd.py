"""A crowd worker's way in and out, and the staff's view of the crowd."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate import access, accounts, counted, projects
from annotate.crowd import entry, participations, prolific
from annotate.crowd import settings as crowds
from annotate.forms_crowd import CrowdForm
from annotate.models import Participation, Project, Role

Status = Participation.Status
PER_PAGE = 50
SESSION_SECONDS = 86_400
"""A stay at Prolific is always shorter than a day."""


@require_http_methods(["GET", "POST"])
@never_cache
def enter(request: HttpRequest, slug: str, provider: str) -> HttpResponse:
    """Show who comes in where, and only on the button make or open their account: robots and previews press none."""
    project = access.project_for_annotator(slug)
    crowd = crowds.parse(project.crowd)
    if not crowd.provider or crowd.provider != provider:
        raise Http404
    try:
        claimed = entry.claim(project, crowd, request.GET)
        if request.method == "GET":
            return render(request, "annotate/join_crowd.html", {"project": project, "crowd": crowd, "claimed": claimed})
        if crowd.asks_provider:
            entry.ask_provider(claimed)
        return _sign_in(request, participations.enter(project, crowd, claimed))
    except entry.Refused as refused:
        return render(request, "annotate/join_refused.html", {"why": str(refused)}, status=refused.status)


@require_http_methods(["GET", "POST"])
@never_cache
@access.requires(Role.ANNOTATOR)
def finished(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_object_or_404(Project, slug=slug)  # a closed project still owes its workers their code
    stay = participations.current(access.annotator_of(request.user), project)
    if stay is None:
        raise Http404
    if request.method == "GET":
        return _finished_page(request, stay)
    try:
        participations.finish(stay)
    except participations.NothingDone:
        return _finished_page(request, stay, is_refused=True, status=409)
    return redirect("crowd_finished", slug=slug)


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    crowd = crowds.parse(project.crowd)
    stays = project.participations.select_related("annotator").order_by("-pk")
    context = {
        "project": project,
        "crowd": crowd,
        "links": [
            (study, request.build_absolute_uri("/")[:-1] + entry.link(project, crowd, study))
            for study in _studies(crowd)
        ],
        "stays": Paginator(stays, PER_PAGE).get_page(request.GET.get("page")),
        "has_token": bool(settings.PROLIFIC_TOKEN),
        "failed": counted.failed_stays(project),
        "changes": project.policy_changes.filter(policy=projects.FAILED_STAYS).select_related("changed_by"),
    }
    return render(request, "staff/crowd.html", context)


@require_http_methods(["GET", "POST"])
@access.requires(Role.ADMIN)
def change(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    form = CrowdForm(request.POST or None, initial=CrowdForm.of(crowds.parse(project.crowd)))
    if form.is_valid():
        projects.set_crowd(project, crowds.to_json(form.cleaned_data["crowd"]), by=request.user)
        messages.success(request, "The provider is saved.")
        return redirect("crowd", slug=slug)
    context = {"project": project, "form": form}
    return render(request, "staff/crowd_settings.html", context, status=422 if form.is_bound else 200)


@require_POST
@access.requires(Role.ADMIN)
def sync(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    try:
        messages.success(request, participations.sync(project).sentence)
    except prolific.ProlificError as error:
        messages.error(request, str(error))
    return redirect("crowd", slug=slug)


@require_POST
@access.requires(Role.ADMIN)
def approve(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    stay = get_object_or_404(Participation, pk=pk, project=project, provider=crowds.PROLIFIC)
    try:
        participations.approve(stay)
        messages.success(request, f"{stay.annotator.pseudonym} is approved at Prolific.")
    except prolific.ProlificError as error:
        messages.error(request, str(error))
    return redirect("crowd", slug=slug)


def _sign_in(request: HttpRequest, stay: Participation) -> HttpResponse:
    login(request, stay.annotator.user, backend=accounts.BACKEND)  # which drops another account's session
    request.session.set_expiry(SESSION_SECONDS)
    request.session["crowd_project"] = stay.project.slug
    is_over = stay.status != Status.ACTIVE
    return redirect("crowd_finished" if is_over else "rank_next", slug=stay.project.slug)


def _finished_page(
    request: HttpRequest, stay: Participation, *, is_refused: bool = False, status: int = 200
) -> HttpResponse:
    crowd = crowds.parse(stay.project.crowd)
    has_failed = participations.has_failed(stay) if stay.status == Status.ACTIVE else stay.status == Status.SCREENED_OUT
    code = crowd.failed_code if has_failed else crowd.completion_code
    context = {
        "project": stay.project,
        "stay": stay,
        "is_over": stay.status != Status.ACTIVE,
        "is_gone": stay.status in participations.GONE,
        "gone_sentence": participations.GONE.get(stay.status, ""),
        "has_failed": has_failed,
        "done_count": participations.done_in(stay),
        "quota": crowd.quota,
        "is_refused": is_refused,
    }
    if context["is_over"] and not context["is_gone"] and code:
        ids = {"worker": stay.annotator.external_id, "study": stay.study_id, "session": stay.session_id}
        context |= {"code": code, "return_url": crowd.return_url(code=code, **ids)}
    return render(request, "annotate/finished.html", context, status=status)


def _studies(crowd: crowds.Crowd) -> tuple[str, ...]:
    return (crowd.studies if crowd.parameters.study else ("",)) if crowd.provider else ()
