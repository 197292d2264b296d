"""What comes before an annotator's work: consent, guidelines, training with feedback, qualification."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from annotate import (
    access,
    feedback,
    memberships,
    presentation,
    projects,
    qualification,
    rendering,
    revisions,
    standing,
)
from annotate.forms_onboarding import AgreeForm, ChangesForm
from annotate.models import Project, Role
from annotate.standing import Step
from annotate.turns import Turn

PAGES = {Step.CONSENT: "consent", Step.GUIDELINES: "guidelines", Step.FAILED: "qualification"}
STOPS = {
    Step.NOT_ADMITTED: (
        gettext_lazy("You are not in this project"),
        gettext_lazy("Its annotators are invited. If you should be one of them, ask its staff for an invitation link."),
    ),
    Step.PAUSED: (
        gettext_lazy("Your work is paused"),
        gettext_lazy(
            "You get no new work here for now. What you did is kept. Ask the staff of this project why, and when you "
            "can go on."
        ),
    ),
    Step.QUOTA_DONE: (
        gettext_lazy("You have done your share"),
        gettext_lazy("You did as much as was set aside for you. Thank you: nothing is left for you to do here."),
    ),
}


def to_comparison(request: HttpRequest, turn: Turn) -> HttpResponse:
    """Go to the comparison that is reserved; in training and qualification, say what it is."""
    facts = turn.standing.facts
    if turn.standing.step == Step.TRAINING:
        messages.info(
            request,
            _("Training, {count} left: rank it as you would; then see the known order and why.").format(
                count=facts.training_left
            ),
        )
    if turn.standing.step == Step.QUALIFICATION:
        messages.info(
            request,
            _("Qualification, {count} left. The known orders are shown once all of them are ranked.").format(
                count=facts.qualification_left
            ),
        )
    return redirect("rank", pk=turn.assignment.pk)


def to_step(request: HttpRequest, turn: Turn, project: Project) -> HttpResponse | None:
    """Go to the page of the step that bars the way; None where nothing does."""
    step = turn.standing.step
    if turn.has_ended_qualification:
        return redirect("qualification", slug=project.slug)
    if step in PAGES:
        return redirect(PAGES[step], slug=project.slug)
    if step not in STOPS:
        return None
    title, why = STOPS[step]
    context = {"project": project, "title": title, "why": why, "standing": turn.standing}
    return render(request, "annotate/stopped.html", context, status=403 if step == Step.NOT_ADMITTED else 200)


@require_http_methods(["GET", "POST"])
@never_cache
@access.requires(Role.ANNOTATOR)
def consent(request: HttpRequest, slug: str) -> HttpResponse:
    project, annotator = access.project_for_annotator(slug), access.annotator_of(request.user)
    version = projects.current_consent(project)
    stands = standing.of(annotator, project)
    if version is None or not stands.facts.is_admitted:
        raise Http404
    status = 200
    if request.method == "POST":
        status = _refused(request, current=version.number)
        if status == 200:
            memberships.consent(annotator, version)
            return redirect("rank_next", slug=slug)
    context = {"project": project, "version": version, "standing": stands, "is_outdated": status == 409}
    return render(request, "annotate/consent.html", context, status=status)


@require_http_methods(["GET", "POST"])
@never_cache
@access.requires(Role.ANNOTATOR, *access.STAFF)
def guidelines(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_annotator(slug)
    version, status = projects.current_guidelines(project), 200
    stands = _standing(request, project)
    if request.method == "POST":
        annotator = access.annotator_of(request.user)
        status = _refused(request, current=version.number)
        if status == 200:
            memberships.acknowledge(annotator, version)
            return redirect("rank_next", slug=slug)
    read = stands.membership.guideline if stands and stands.membership else None
    context = {
        "project": project,
        "guideline": version,
        "must_read": bool(stands) and stands.facts.needs_guidelines,
        "read": read,
        "lines": revisions.lines(read.text, version.text) if read else [],
        "is_outdated": status == 409,
    }
    return render(request, "annotate/guidelines.html", context, status=status)


@require_GET
@access.requires(Role.ANNOTATOR, *access.STAFF)
def changes(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_annotator(slug)
    _standing(request, project)
    versions = {one.number: one for one in project.guidelines.order_by("number")}
    last = max(versions)
    asked = request.GET if request.GET else {"old": max(1, last - 1), "new": last}
    form = ChangesForm(asked, numbers=list(versions))
    context = {"project": project, "form": form, "versions": list(versions.values())[::-1], "lines": None}
    if not form.is_valid():
        return render(request, "annotate/changes.html", context, status=422)
    old, new = versions[form.cleaned_data["old"]], versions[form.cleaned_data["new"]]
    context |= {"old": old, "new": new, "lines": revisions.lines(old.text, new.text)}
    return render(request, "annotate/changes.html", context)


@require_GET
@never_cache
@access.requires(Role.ANNOTATOR)
def qualification_result(request: HttpRequest, slug: str) -> HttpResponse:
    project, annotator = access.project_for_annotator(slug), access.annotator_of(request.user)
    stands = standing.of(annotator, project)
    if not stands.has_result:
        raise Http404
    found = qualification.rankings_of(annotator, project)
    answers = [(one.assignment, feedback.of_ranking(one, one.assignment)) for one in found]
    context = {"project": project, "standing": stands, "member": stands.membership, "answers": answers}
    context["note"] = qualification.note_of(stands.membership)
    return render(request, "annotate/qualification.html", context)


@require_GET
@never_cache
@access.requires(Role.ANNOTATOR)
def show_feedback(request: HttpRequest, pk: int) -> HttpResponse:
    assignment = access.assignment_for(request.user, pk)
    shown = feedback.of(assignment)
    if shown is None:
        raise Http404
    context = {
        "assignment": assignment,
        "project": assignment.project,
        "feedback": shown,
        "prompt_messages": rendering.messages(assignment.comparison.prompt.messages),
        "completions": presentation.completions(assignment),
        "objections": assignment.objections.order_by("pk"),
    }
    return render(request, "annotate/feedback.html", context)


def _standing(request: HttpRequest, project: Project) -> standing.Standing | None:
    """Return where an annotator stands, None for staff; a project that is not theirs does not exist for them."""
    if not access.has_role(request.user, Role.ANNOTATOR):
        return None
    stands = standing.of(access.annotator_of(request.user), project)
    if not stands.facts.is_admitted and not access.has_role(request.user, *access.STAFF):
        raise Http404
    return stands


def _refused(request: HttpRequest, *, current: int) -> int:
    """Return 200 if the form names the current version, 409 if another, 422 if none."""
    form = AgreeForm(request.POST)
    if not form.is_valid():
        return 422
    return 200 if form.cleaned_data["version"] == current else 409
