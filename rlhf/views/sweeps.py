"""A sweep: its runs side by side, and their end."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotate.access import STAFF, has_role, requires
from rlhf import access, sweeps


@require_GET
@requires(*STAFF)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    sweep = access.sweep_for_staff(request.user, pk)
    context = {
        "project": sweep.project,
        "sweep": sweep,
        "report": sweeps.report(sweep),
        "may_act": has_role(request.user, *access.ENGINEERS),
    }
    return render(request, "training/sweep.html", context)


@require_POST
@requires(*access.ENGINEERS)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    sweep = access.sweep_for_staff(request.user, pk)
    count = sweeps.cancel(sweep)
    messages.success(request, f"{count} runs of the sweep are cancelled or asked to stop.")
    return redirect("sweep", pk=pk)
