"""The reward model beside the people: its row, ceiling, label budget, and what was asked again because of it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotate import access, label_value, preferences, reasking, report_store, reward_models
from annotate.forms_staff import AskAgainForm
from annotate.models import Project, Role

SHOWN = 100


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, access.project_for_staff(request.user, slug), AskAgainForm())


@require_POST
@access.requires(*access.STAFF)
def reckon(request: HttpRequest, slug: str) -> HttpResponse:
    """Work the figures of the page out anew."""
    project = access.project_for_staff(request.user, slug)
    if not report_store.make(project, kind=label_value.KIND, build=label_value.build):
        messages.warning(request, "Somebody has just asked for these figures; they come in a moment.")
    return redirect("reward_models", slug=slug)


@require_POST
@access.requires(Role.REVIEWER, Role.ADMIN)
def ask_again(request: HttpRequest, slug: str) -> HttpResponse:
    """Give confident disagreements to annotators who have not seen them."""
    project = access.project_for_staff(request.user, slug)
    form, model = AskAgainForm(request.POST), reward_models.newest(project)
    if not form.is_valid():
        return _page(request, project, form, status=422)
    if model is None:
        messages.warning(request, "No reward model has scored anything here yet. Train or evaluate one first.")
        return redirect("reward_models", slug=slug)
    count = reasking.ask_again(model, by=request.user, **form.cleaned_data)
    places = form.cleaned_data["place_count"]
    messages.success(request, f"{count} comparisons are open to {places} more annotators each.")
    return redirect("reward_models", slug=slug)


def _page(request: HttpRequest, project: Project, form: AskAgainForm, *, status: int = 200) -> HttpResponse:
    stored = report_store.latest(project, kind=label_value.KIND)
    asked = reasking.asked(project)
    context = {
        "project": project,
        "model": reward_models.newest(project),
        "stored": stored,
        "value": label_value.read(stored.content) if stored and stored.content else None,
        "next_count": label_value.NEXT,
        "asked": asked[:SHOWN],
        "counts": reasking.counts(asked),
        "form": form,
        "may_ask": access.has_role(request.user, Role.REVIEWER, Role.ADMIN),
        "has_simulated": preferences.has_simulated(project),
    }
    return render(request, "staff/reward_models.html", context, status=status)
