"""A snapshot: what is in it, on whom its labels rest, and the signature that lets findings pass."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotate.access import STAFF, has_role, requires
from annotate.models import Membership, Role
from rlhf import access, snapshots
from rlhf.forms import SignForm
from rlhf.models import Snapshot


@require_GET
@requires(*STAFF)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, access.snapshot_for_staff(request.user, pk), SignForm())


@require_POST
@requires(Role.ADMIN)
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    snapshot, form = access.snapshot_for_staff(request.user, pk), SignForm(request.POST)
    if not form.is_valid():
        return _page(request, snapshot, form, status=422)
    if snapshots.sign(snapshot, reason=form.cleaned_data["reason"], by=request.user):
        messages.success(request, f"Signed: stages may learn from {snapshot}.")
    else:
        messages.error(request, f"Nothing holds {snapshot} back: there is nothing to sign.")
    return redirect("snapshot", pk=pk)


def _page(request: HttpRequest, snapshot: Snapshot, form: SignForm, *, status: int = 200) -> HttpResponse:
    suspects = {one["annotator"] for one in snapshot.findings}
    context = {
        "project": snapshot.project,
        "snapshot": snapshot,
        "heading": f"Snapshot {snapshot.pk}",
        "reconciliation": snapshots.reconciliation(snapshot.counts),
        "suspects": suspects,
        "quarantined": set(
            Membership.objects.filter(project=snapshot.project, annotator__in=suspects)
            .exclude(quarantined_at=None)
            .values_list("annotator", flat=True)
        ),
        "sign_form": form,
        "may_sign": has_role(request.user, Role.ADMIN),
    }
    return render(request, "training/snapshot.html", context, status=status)
