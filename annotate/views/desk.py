"""The reviewer's desk: rule blind, then see the rankings; or send a comparison back for more of them."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate import access, assignments, desk, objections, rankings, verdicts
from annotate.forms_onboarding import MoreVotesForm
from annotate.forms_staff import RulingForm
from annotate.models import Comparison, Project, Role
from annotate.quality.tiers import sentence


@require_GET
@access.requires(*access.STAFF)
def index(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    found = desk.of(project, sort=_sort(request))
    cases = desk.cases(found)
    context = {
        "project": project,
        "desk": found,
        "cases": cases,
        "has_simulated": any(case.listed.has_simulated for case in cases),
        "objection_count": objections.open_count(project),
        "may_rule": _may_rule(request),
    }
    return render(request, "staff/desk.html", context)


@require_GET
@access.requires(Role.REVIEWER, Role.ADMIN)
def to_next(request: HttpRequest, slug: str) -> HttpResponse:
    """Go to the next disputed comparison after the one named by `after` in the order `sort`, or back to the desk."""
    project = access.project_for_staff(request.user, slug)
    after = request.GET.get("after", "")
    return _next(request, project, after=int(after) if after.isdecimal() and len(after) < 19 else None)


@require_http_methods(["GET", "POST"])
@access.requires(Role.REVIEWER, Role.ADMIN)
def rule(request: HttpRequest, pk: int) -> HttpResponse:
    comparison = access.comparison_to_rule(request.user, pk)
    labels = verdicts.labels_of(comparison.completions.values_list("pk", flat=True))
    form = RulingForm(request.POST or None, completions=list(comparison.completions.order_by("pk")), labels=labels)
    if request.method == "GET":
        return _page(request, comparison, form)
    if not form.is_valid():
        return _page(request, comparison, form, status=422)
    ruling = rankings.adjudicate(
        comparison, reviewer=request.user, tiers=form.tiers, reason=form.cleaned_data["reason"]
    )
    messages.success(request, f"Ruled on {comparison.external_id}: {sentence(ruling.tiers, labels=labels)}")
    if request.POST.get("then") == "next":
        return _next(request, comparison.project, after=pk)
    shown = urlencode({"rankings": "shown", "sort": _sort(request)})
    return redirect(f"{reverse('desk_comparison', args=[pk])}?{shown}")


@require_POST
@access.requires(Role.REVIEWER, Role.ADMIN)
def more_votes(request: HttpRequest, pk: int) -> HttpResponse:
    comparison = access.comparison_for_staff(request.user, pk)
    form = MoreVotesForm(request.POST)
    if not form.is_valid():
        return _page(request, comparison, None, more_form=form, status=422)
    opened = assignments.open_more(comparison, form.cleaned_data["count"])
    if not opened:
        refusal = f"Nothing was opened: only work gets places, and at most {assignments.MAX_OVERLAP}."
        return _page(request, comparison, None, refusal=refusal, status=409)
    plural = "" if opened == 1 else "s"
    messages.success(request, f"{comparison.external_id} waits for {opened} more ranking{plural}; it comes back then.")
    return _next(request, comparison.project, after=pk)


def _next(request: HttpRequest, project: Project, *, after: int | None) -> HttpResponse:
    sort = _sort(request)
    following = desk.next_after(desk.of(project, sort=sort).ready, after)
    order = "" if sort == desk.AGREEMENT else f"?{urlencode({'sort': sort})}"
    if following is None:
        messages.info(request, "No other disputed comparison is ready for a ruling.")
        return redirect(f"{reverse('desk', args=[project.slug])}{order}")
    return redirect(f"{reverse('desk_comparison', args=[following])}{order}")


def _sort(request: HttpRequest) -> str:
    """The order of the desk that the address asks for; the usual one where nobody knows it."""
    asked = request.GET.get("sort", "")
    return asked if asked in desk.SORTS else desk.AGREEMENT


def _page(
    request: HttpRequest,
    comparison: Comparison,
    form: RulingForm | None,
    *,
    more_form: MoreVotesForm | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    verdict = verdicts.verdict(comparison)
    completions = [one.completion for one in verdict.completions]
    context = {
        "comparison": comparison,
        "project": comparison.project,
        "verdict": verdict,
        "form": form or RulingForm(completions=completions, labels=verdict.labels),
        "more_form": more_form or MoreVotesForm(),
        "refusal": refusal,
        "is_blind": request.GET.get("rankings") != "shown",
        "sort": _sort(request),
    }
    return render(request, "staff/desk_comparison.html", context, status=status)


def _may_rule(request: HttpRequest) -> bool:
    return access.has_role(request.user, Role.REVIEWER, Role.ADMIN)
