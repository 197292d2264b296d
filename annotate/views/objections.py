"""An annotator's objections and what became of them; the staff's list and answers."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate import access, feedback, objections
from annotate.crowd import ledger
from annotate.forms_onboarding import AnswerForm, ObjectionForm
from annotate.models import Assignment, Objection, Project, Role

Kind = Objection.Kind
SHOWN = 100


@require_http_methods(["GET", "POST"])
@never_cache
@access.requires(Role.ANNOTATOR)
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """Contest the known order where it was shown; report a bad comparison elsewhere."""
    assignment = access.assignment_for(request.user, pk)
    kind = Kind.CONTEST if feedback.is_shown(assignment) else Kind.BAD_ITEM
    return _object(request, assignment, kind, back=reverse("feedback" if kind == Kind.CONTEST else "rank", args=[pk]))


@require_http_methods(["GET", "POST"])
@never_cache
@access.requires(Role.ANNOTATOR)
def dispute(request: HttpRequest, pk: int) -> HttpResponse:
    """Dispute that pay was withheld for a submission."""
    assignment = access.assignment_for(request.user, pk)
    if not ledger.is_withheld(assignment):
        raise Http404
    return _object(request, assignment, Kind.PAY, back=reverse("my_pay"))


@require_GET
@never_cache
@access.requires(Role.ANNOTATOR)
def mine(request: HttpRequest) -> HttpResponse:
    found = objections.of(access.annotator_of(request.user))
    return render(request, "annotate/objections.html", {"objections": found})


@require_GET
@access.requires(*access.STAFF)
def index(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    return _list(request, project, status=200)


@require_POST
@access.requires(Role.REVIEWER, Role.ADMIN)
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    objection = access.objection_for_staff(request.user, pk)
    if objection.kind == Kind.PAY:
        access.only(request.user, Role.ADMIN)
    project, form = objection.comparison.project, AnswerForm(request.POST, prefix=f"o{pk}")
    if not form.is_valid():
        return _list(request, project, status=422, refused=form, refused_pk=pk)
    said = form.cleaned_data
    try:
        freed_count = objections.answer(
            objection,
            is_accepted=said["verdict"] == "accept",
            text=said["text"],
            by=request.user,
            retires_key=said["retires_key"],
        )
    except objections.AlreadyAnswered:
        messages.warning(request, "Nothing was changed: someone else has answered it already.")
        return redirect("objections", slug=project.slug)
    more = f" {freed_count} who failed by it may work now." if freed_count else ""
    messages.success(request, f"Answered.{more}")
    return redirect("objections", slug=project.slug)


def _object(request: HttpRequest, assignment: Assignment, kind: Kind, *, back: str) -> HttpResponse:
    """Show the form of an objection, or store what it says and go back."""
    form, status, refusal = ObjectionForm(request.POST or None), 200, ""
    if request.method == "POST":
        status = 422
    if form.is_valid():
        try:
            objections.raise_objection(assignment, kind=kind, text=form.cleaned_data["text"])
        except objections.AlreadyOpen:
            status, refusal = 409, _("You have reported this already; the staff have not answered yet.")
        except objections.NotWithheld:  # it was paid while they wrote
            raise Http404 from None
        else:
            messages.success(request, _("Reported. The staff's answer will stand under «My reports»."))
            return redirect(back)
    context = {"project": assignment.project, "form": form, "refusal": refusal, "kind": kind.value, "back": back}
    return render(request, "annotate/report.html", context, status=status)


def _list(
    request: HttpRequest, project: Project, *, status: int, refused: AnswerForm | None = None, refused_pk: int = 0
) -> HttpResponse:
    found = objections.in_project(project)
    rows = [
        (one, refused if refused and one.pk == refused_pk else AnswerForm(prefix=f"o{one.pk}"))
        for one in found.filter(state=Objection.State.OPEN).order_by("pk")[:SHOWN]
    ]
    context = {
        "project": project,
        "open_rows": [(one, form, objections.their_letters(one)) for one, form in rows],
        "answered": found.exclude(state=Objection.State.OPEN).order_by("-answered_at")[:SHOWN],
        "may_answer": access.has_role(request.user, Role.REVIEWER, Role.ADMIN),
        "may_decide_pay": access.has_role(request.user, Role.ADMIN),
    }
    return render(request, "staff/objections.html", context, status=status)
