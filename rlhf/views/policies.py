"""Choose a policy: figures of all, evaluations by a judge, blind comparisons by people."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotate.access import STAFF, has_role, project_for_staff, requires
from annotate.models import Project
from rlhf import access, policies
from rlhf.forms_policies import CompareForm, JudgeForm, newest_snapshot


@require_GET
@requires(*STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for_staff(request.user, slug)
    asked = JudgeForm(request.GET or None, project=project)
    judge = asked.cleaned_data["judge"] if asked.is_valid() else None
    return _page(request, project, policies.choice(project, judge=judge), CompareForm(project=project))


@require_POST
@requires(*access.ENGINEERS)
def evaluate(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for_staff(request.user, slug)
    asked, snapshot = JudgeForm(request.POST, project=project), newest_snapshot(project)
    if not asked.is_valid() or snapshot is None:
        messages.error(request, "An evaluation needs a reward model to judge and a snapshot with held-out prompts.")
        return redirect("policies", slug=slug)
    judge = asked.cleaned_data["judge"]
    _tell(request, "evaluation", *policies.evaluate_all(project, judge=judge, snapshot=snapshot, by=request.user))
    return redirect(f"{reverse('policies', args=[slug])}?judge={judge.pk}")


@require_POST
@requires(*access.ENGINEERS)
def compare(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for_staff(request.user, slug)
    form, snapshot, found = (
        CompareForm(request.POST, project=project),
        newest_snapshot(project),
        policies.choice(project),
    )
    if snapshot is None:
        form.add_error(None, "Freeze a snapshot first: its held-out prompts are what the models answer.")
    if not form.is_valid():
        return _page(request, project, found, form, status=422)
    wanted = {one.pk for one in form.cleaned_data["policies"]}
    chosen = [row for row in found.rows if row.checkpoint.pk in wanted]
    max_prompts = form.cleaned_data["max_prompts"]
    _tell(
        request,
        "comparison",
        *policies.compare(project, chosen, snapshot=snapshot, max_prompts=max_prompts, by=request.user),
    )
    return redirect("policies", slug=slug)


def _tell(request: HttpRequest, what: str, count: int, refused: list[str]) -> None:
    for one in refused:
        messages.warning(request, one)
    said = f"{count} run{'' if count == 1 else 's'} of {what} queued." if count else f"No {what} was queued."
    (messages.success if count else messages.info)(request, said)


def _page(
    request: HttpRequest, project: Project, found: policies.Choice, form: CompareForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "project": project,
        "choice": found,
        "judge_form": JudgeForm(project=project, initial={"judge": found.judge}),
        "compare_form": form,
        "may_act": has_role(request.user, *access.ENGINEERS),
    }
    return render(request, "training/policies.html", context, status=status)
