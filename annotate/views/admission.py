"""Onboarding for staff: who may work, what comes before the work, the consent text, and each annotator's standing."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from annotate import access, memberships, projects
from annotate.forms_onboarding import ConsentForm, DecideForm, OnboardingForm, PauseMemberForm
from annotate.models import Comparison, Membership, Project, Role, Use

PER_PAGE = 25


@require_http_methods(["GET", "POST"])
@access.requires(*access.STAFF)
def show(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    if request.method == "GET":
        return _page(request, project)
    access.only(request.user, Role.ADMIN)
    form = OnboardingForm(request.POST, instance=project)
    if not form.is_valid():
        return _page(request, Project.objects.get(pk=project.pk), form=form, status=422)
    projects.change_onboarding(project, **form.cleaned_data)
    messages.success(request, "Saved.")
    return redirect("onboarding", slug=slug)


@require_http_methods(["GET", "POST"])
@access.requires(Role.ADMIN)
def publish_consent(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_staff(request.user, slug)
    latest = project.consents.order_by("-number").first()
    form = ConsentForm(request.POST or None, initial={"text": latest.text if latest else ""})
    if form.is_valid():
        version = projects.publish_consent(project, text=form.cleaned_data["text"], by=request.user)
        messages.success(request, f"Version {version.number} of the consent text is in force.")
        return redirect("onboarding", slug=slug)
    context = {"project": project, "form": form, "versions": project.consents.select_related("published_by")}
    return render(request, "staff/consent_edit.html", context, status=422 if request.method == "POST" else 200)


@require_POST
@access.requires(Role.REVIEWER, Role.ADMIN)
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    member = access.membership_for_staff(request.user, pk)
    form = PauseMemberForm(request.POST, prefix=f"p{pk}")
    if not form.is_valid():
        return _page(request, member.project, refused={pk: {"pause": form}}, status=422)
    memberships.pause(member, **form.cleaned_data, by=request.user)
    messages.success(request, f"{member.annotator.pseudonym} gets no more work here, and reads your message.")
    return redirect("onboarding", slug=member.project.slug)


@require_POST
@access.requires(Role.REVIEWER, Role.ADMIN)
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    member = access.membership_for_staff(request.user, pk)
    memberships.resume(member, by=request.user)
    messages.success(request, f"{member.annotator.pseudonym} gets work again.")
    return redirect("onboarding", slug=member.project.slug)


@require_POST
@access.requires(Role.REVIEWER, Role.ADMIN)
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    member = access.membership_for_staff(request.user, pk)
    form = DecideForm(request.POST, prefix=f"d{pk}")
    if not form.is_valid():
        return _page(request, member.project, refused={pk: {"decide": form}}, status=422)
    outcome = Membership.Qualification(form.cleaned_data["outcome"])
    memberships.decide_qualification(member, outcome=outcome, note=form.cleaned_data["note"])
    messages.success(request, f"{member.annotator.pseudonym}: qualification «{outcome.label}».")
    return redirect("onboarding", slug=member.project.slug)


def _page(
    request: HttpRequest,
    project: Project,
    *,
    form: OnboardingForm | None = None,
    refused: dict[int, dict[str, object]] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Show the page; `refused` holds the forms that were sent with faults, by membership."""
    found = project.memberships.select_related("annotator", "guideline", "consent").order_by("pk")
    found = found.prefetch_related("interventions__by")
    members = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    known = Comparison.objects.filter(project=project, key__is_retired=False)
    context = {
        "project": project,
        "form": form or OnboardingForm(instance=project),
        "members": members,
        "rows": [_row(member, (refused or {}).get(member.pk, {})) for member in members],
        "training_count": known.filter(use=Use.TRAINING).count(),
        "qualification_count": known.filter(use=Use.QUALIFICATION).count(),
        "consent": projects.current_consent(project),
        "guidelines": projects.current_guidelines(project),
        "may_decide": access.has_role(request.user, Role.REVIEWER, Role.ADMIN),
    }
    return render(request, "staff/onboarding.html", context, status=status)


def _row(member: Membership, refused: dict[str, object]) -> tuple[Membership, object, object]:
    pause_form = refused.get("pause") or PauseMemberForm(prefix=f"p{member.pk}")
    return member, pause_form, refused.get("decide") or DecideForm(prefix=f"d{member.pk}")
