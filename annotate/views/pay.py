"""What people's work is paid: a project's report and its lines as a file, one person's pieces, a person's own pay."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate import access, projects
from annotate.crowd import ledger, pay, pieces
from annotate.forms_crowd import DecisionForm, PayForm
from annotate.models import Annotator, Project, Role

PER_PAGE = 50


@require_http_methods(["GET", "POST"])
@access.requires(Role.ADMIN)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    is_first = not project.pay_rates.exists()
    form = PayForm(request.POST or None, instance=project, initial={"covers_past": is_first})
    if form.is_valid() and _is_set(form, project, request):
        messages.success(request, "The pay per hour is saved.")
        return redirect("pay", slug=slug)
    stored = Project.objects.get(pk=project.pk)  # the form has written on the other one
    context = {"project": stored, "report": pay.report(stored), "form": form, "cap_seconds": pay.WALL_CAP_SECONDS}
    context["rates"] = stored.pay_rates.select_related("set_by").order_by("-pk")
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


@require_GET
@never_cache
@access.requires(Role.ADMIN)
def person(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    return _person(request, project, access.annotator_for_staff(request.user, pk))


@require_POST
@access.requires(Role.ADMIN)
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Withhold the pay of one submission, or pay it after all."""
    place = access.submission_for_staff(request.user, pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _person(request, place.project, place.annotator, refused=form, refused_pk=pk)
    try:
        ledger.decide(place, **form.cleaned_data, by=request.user)
    except ledger.CannotDecide as refusal:
        messages.warning(request, f"Nothing was changed: {refusal}")
    else:
        messages.success(request, "Decided. The annotator reads it under «My pay».")
    page = reverse("pay_person", args=[place.project.slug, place.annotator_id])
    return redirect(f"{page}?page={_page_of(request)}#piece-{pk}")


@require_GET
@never_cache
@access.requires(Role.ANNOTATOR)
def mine(request: HttpRequest) -> HttpResponse:
    """Their own record: what their work comes to, and every decision about it."""
    annotator = access.annotator_of(request.user)
    worked_on = Project.objects.filter(memberships__annotator=annotator).order_by("name")
    lines = [(project, line) for project in worked_on if (line := pay.line_of(annotator, project))]
    decided = list(ledger.decided_for(annotator))
    by_project = [
        (project, pieces.of([one for one in decided if one.project_id == project.pk])) for project, _ in lines
    ]
    context = {"lines": lines, "decided": [(project, found) for project, found in by_project if found]}
    return render(request, "annotate/pay.html", context)


def _is_set(form: PayForm, project: Project, request: HttpRequest) -> bool:
    try:
        projects.set_pay(project, **form.cleaned_data, by=request.user)
    except projects.BadPay as refusal:
        form.add_error(refusal.field, str(refusal))
        return False
    return True


def _person(
    request: HttpRequest,
    project: Project,
    annotator: Annotator,
    *,
    refused: DecisionForm | None = None,
    refused_pk: int = 0,
) -> HttpResponse:
    page = Paginator(pieces.submitted(annotator, project), PER_PAGE).get_page(_page_of(request))
    rows = [
        (piece, refused if refused and piece.assignment.pk == refused_pk else _form_of(piece))
        for piece in pieces.of(list(page))
    ]
    context = {"project": project, "annotator": annotator, "page": page, "rows": rows, "refused_pk": refused_pk}
    context["line"] = pay.line_of(annotator, project)
    return render(request, "staff/pay_person.html", context, status=422 if refused else 200)


def _form_of(piece: pieces.Piece) -> DecisionForm:
    """Return the form that turns a submission's pay round."""
    return DecisionForm(initial={"is_paid": "no" if piece.is_paid else "yes"}, auto_id=f"id_{piece.assignment.pk}_%s")


def _page_of(request: HttpRequest) -> str:
    asked = request.GET.get("page", "1")
    return asked if asked.isdecimal() else "1"
