"""One annotator for staff: their figures, their last rankings, and the button that pauses them."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotate import access, people, reports, tiles, verdicts
from annotate.forms_staff import PauseForm
from annotate.models import Origin, Role

LAST_RANKINGS = 25
ORIGINS = {
    Origin.PERSON: "A person with an account here.",
    Origin.IMPORTED: "Ranked elsewhere; the rankings were imported.",
    Origin.SIMULATED: "Not a person: a program made these rankings.",
}


@require_GET
@access.requires(*access.STAFF)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    annotator = access.annotator_for_staff(request.user, pk)
    context = {
        "annotator": annotator,
        "origin_sentence": ORIGINS[Origin(annotator.origin)],
        "figures": [
            (project, row, tiles.ruler(row.reliability.agreement)) for project, row in reports.annotator(annotator)
        ],
        "last_rankings": verdicts.last_rankings(annotator, limit=LAST_RANKINGS),
        "pause_form": PauseForm(initial={"is_paused": "no" if annotator.is_paused else "yes"}),
    }
    return render(request, "staff/annotator.html", context)


@require_POST
@access.requires(Role.ADMIN)
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    annotator = access.annotator_for_staff(request.user, pk)
    form = PauseForm(request.POST)
    if not form.is_valid():
        raise BadRequest("is_paused: expected yes or no.")
    is_paused = form.cleaned_data["is_paused"]
    people.set_paused(annotator, is_paused=is_paused)
    state = "is paused: no new work; what they ranked stays" if is_paused else "gets work again"
    messages.success(request, f"{annotator.pseudonym} {state}.")
    return redirect("annotator", pk=pk)
