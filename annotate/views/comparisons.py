"""One comparison for staff: what it is, what each annotator said, and the ruling on it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotate import access, comparison_intake, gold, rankings, verdicts
from annotate.answers import BadAnswer
from annotate.consistency import completion_verdicts, report
from annotate.forms_staff import RulingForm, WithdrawForm
from annotate.models import Comparison, Role
from annotate.quality.tiers import sentence
from annotate.verdicts import Verdict


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    comparison = access.comparison_for_staff(request.user, pk)
    verdict = verdicts.verdict(comparison)
    return _page(request, comparison, verdict, _form(verdict), status=200)


@require_POST
@access.requires(Role.REVIEWER, Role.ADMIN)
def adjudicate(request: HttpRequest, pk: int) -> HttpResponse:
    comparison = access.comparison_to_rule(request.user, pk)
    verdict = verdicts.verdict(comparison)
    form = _form(verdict, request.POST)
    if not form.is_valid():
        return _page(request, comparison, verdict, form, status=422)
    ruling = rankings.adjudicate(
        comparison, reviewer=request.user, tiers=form.tiers, reason=form.cleaned_data["reason"]
    )
    messages.success(request, f"Ruled: {sentence(ruling.tiers, labels=verdict.labels)}")
    return redirect("comparison", pk=pk)


@require_POST
@access.requires(Role.REVIEWER, Role.ADMIN)
def make_gold(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a comparison gold by the ruling on it."""
    comparison = access.comparison_for_staff(request.user, pk)
    try:
        gold.set_key_from_ruling(comparison, by=request.user)
        messages.success(
            request, "It is gold now: mixed into the work at the project's rate, by the order of the ruling."
        )
    except (gold.NoRuling, BadAnswer) as refusal:
        messages.error(request, f"It was not made gold. {refusal}")
    return redirect("comparison", pk=pk)


@require_POST
@access.requires(Role.REVIEWER, Role.ADMIN)
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the prompt of a comparison back, or bring it back."""
    comparison = access.comparison_for_staff(request.user, pk)
    form = WithdrawForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("Say whether the prompt is to be withdrawn: yes or no.")
    if form.cleaned_data["is_withdrawn"]:
        comparison_intake.withdraw(comparison.prompt)
        messages.success(request, "The prompt is withdrawn: nobody gets it any more, and it makes no labels.")
    else:
        comparison_intake.restore(comparison.prompt)
        messages.success(request, "The prompt is back.")
    return redirect("comparison", pk=pk)


def _form(verdict: Verdict, said: object = None) -> RulingForm:
    return RulingForm(said, completions=[one.completion for one in verdict.completions], labels=verdict.labels)


def _page(
    request: HttpRequest, comparison: Comparison, verdict: Verdict, form: RulingForm, *, status: int
) -> HttpResponse:
    rankings_shown = [vote.ranking for vote in verdict.votes]
    found = report.gradings(comparison.project).content if any(one.details for one in rankings_shown) else None
    said = completion_verdicts.verdicts(rankings_shown, found) if found else {}
    context = {
        "comparison": comparison,
        "project": comparison.project,
        "completions": [(one, said.get(one.completion.pk)) for one in verdict.completions],
        "verdict": verdict,
        "form": form,
        "has_ruling": comparison.adjudications.filter(superseded_at__isnull=True).exists(),
        "may_rule": access.has_role(request.user, Role.REVIEWER, Role.ADMIN),
    }
    return render(request, "staff/comparison.html", context, status=status)
