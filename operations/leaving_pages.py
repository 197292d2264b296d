"""Pages of leaving: an annotator takes their consent back; an admin does it for them, or erases who they are."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotate import access
from annotate.models import Annotator, Role
from operations import leaving
from rlhf import recall


class EraseForm(forms.Form):
    """The pseudonym, typed: what it does cannot be undone."""

    pseudonym = forms.CharField(max_length=60, label="Their pseudonym", help_text="Type it: this cannot be undone.")

    def __init__(self, *args: object, annotator: Annotator, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.annotator = annotator

    def clean_pseudonym(self) -> str:
        typed = self.cleaned_data["pseudonym"]
        if typed != self.annotator.pseudonym:
            raise forms.ValidationError(f"Expected {self.annotator.pseudonym}. Nothing was erased.")
        return typed


@require_GET
@never_cache
@access.requires(Role.ADMIN)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    annotator = access.annotator_for_staff(request.user, pk)
    return _show(request, annotator, EraseForm(annotator=annotator))


@require_POST
@access.requires(Role.ADMIN)
def take_back(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """Take an annotator's consent back in one project."""
    annotator, project = access.annotator_for_staff(request.user, pk), access.project_for_staff(request.user, slug)
    touched = leaving.take_back_consent(annotator, project)
    if touched is None:
        messages.warning(request, "Nothing was changed: their consent was taken back before.")
    else:
        made = f"{len(touched.snapshots)} snapshots, {len(touched.runs)} runs and {len(touched.checkpoints)} models"
        messages.success(request, f"Taken back in {project.name}. {made} may rest on them: see below.")
    return redirect("leaving", pk=pk)


@require_POST
@access.requires(Role.ADMIN)
def erase(request: HttpRequest, pk: int) -> HttpResponse:
    """Erase who an annotator is."""
    annotator = access.annotator_for_staff(request.user, pk)
    if annotator.user is None:
        raise Http404
    form = EraseForm(request.POST, annotator=annotator)
    if form.is_valid():
        try:
            gone = leaving.erase(annotator.user)
        except leaving.MayNotLeave as refusal:
            form.add_error(None, str(refusal))
        else:
            what = ", ".join(f"{count} {kind}" for kind, count in gone.items())
            messages.success(request, f"Erased: {what}. What they said stays under the pseudonym.")
            return redirect("annotator", pk=pk)
    return _show(request, annotator, form, status=422)


@require_POST
@access.requires(Role.ANNOTATOR)
def take_back_mine(request: HttpRequest, slug: str) -> HttpResponse:
    """An annotator takes their own consent back; the box that says so must be ticked."""
    project, annotator = access.project_for_annotator(slug), access.annotator_of(request.user)
    if request.POST.get("is_sure") != "on":
        messages.warning(request, _("Nothing was changed: tick the box to take your consent back."))
        return redirect("consent", slug=slug)
    if leaving.take_back_consent(annotator, project) is not None:
        messages.success(request, _("You took your consent back. What you did is kept out of what models learn from."))
    return redirect("home")


def _show(request: HttpRequest, annotator: Annotator, form: EraseForm, *, status: int = 200) -> HttpResponse:
    members = annotator.memberships.select_related("project").order_by("project__name")
    context = {
        "annotator": annotator,
        "members": [(member, recall.touched(annotator, member.project)) for member in members],
        "form": form,
    }
    return render(request, "staff/leaving.html", context, status=status)
