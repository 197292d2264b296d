"""An annotator's round: reserve, rank, submit or skip, next. Every refusal shows what they had ranked."""

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate import access, assignments, feedback, presentation, rankings, rendering, turns, worklist
from annotate.answers import Answer
from annotate.forms import RankingForm, SkipForm
from annotate.models import Annotator, Assignment, Project, Role
from annotate.views import onboarding

State = Assignment.State
LETTERS_BEFORE_G = 7
"""With fewer completions than this none is called G, and the key G is free for the guidelines."""


@require_GET
@never_cache
@access.requires(Role.ANNOTATOR)
def rank_next(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_annotator(slug)
    annotator = access.annotator_of(request.user)
    turn = turns.next_turn(annotator, project)
    if turn.assignment:
        return onboarding.to_comparison(request, turn)
    return onboarding.to_step(request, turn, project) or _nothing_left(request, annotator, project)


@require_http_methods(["GET", "POST"])
@never_cache
@access.requires(Role.ANNOTATOR)
def rank(request: HttpRequest, pk: int) -> HttpResponse:
    assignment = access.assignment_for(request.user, pk)
    if request.method == "POST":
        return _submit(request, assignment)
    if assignments.may_submit(assignment):
        return _form_page(request, assignment, RankingForm(labels=presentation.labels(assignment)))
    return _closed(request, assignment)


@require_POST
@access.requires(Role.ANNOTATOR)
def skip(request: HttpRequest, pk: int) -> HttpResponse:
    assignment = access.assignment_for(request.user, pk)
    if assignment.state == State.SKIPPED:
        return _next(request, assignment)
    if not assignments.may_submit(assignment):
        return _closed(request, assignment, status=409)
    form = SkipForm(request.POST)
    if not form.is_valid():
        ranking_form = RankingForm(labels=presentation.labels(assignment))
        return _form_page(request, assignment, ranking_form, skip_form=form, status=422)
    try:
        assignments.skip(assignment, reason=form.reason)
    except assignments.NotReserved:
        return _closed(request, assignment, status=409)
    messages.info(request, "Skipped. You will not see that comparison again.")
    return _next(request, assignment)


def _submit(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    form = RankingForm(request.POST, labels=presentation.labels(assignment))
    if not form.is_valid():
        return _form_page(request, assignment, form, status=422)
    try:
        answer = Answer(form.tiers, reason=form.cleaned_data["reason"])
        rankings.submit(assignment, answer, submission=form.cleaned_data["submission"])
    except (assignments.NotReserved, rankings.SubmissionConflict, IntegrityError):
        return _closed(request, assignment, form=form, status=409)
    return _saved(request, assignment)


def _saved(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    """Say what is stored, read back from the database, and go on."""
    stored = presentation.said_before(assignment)
    words = presentation.in_words(stored.tiers, assignment=assignment)
    messages.success(request, f"Saved: {words}", extra_tags=f"saved {presentation.draft_key(assignment)}")
    if feedback.is_shown(assignment):
        return redirect("feedback", pk=assignment.pk)
    return _next(request, assignment)


def _next(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    """Go straight to the next comparison, or to the step or page that says why there is none."""
    project = assignment.project
    if not project.is_active:
        return redirect("home")
    turn = turns.next_turn(assignment.annotator, project)
    if turn.assignment:
        return onboarding.to_comparison(request, turn)
    return onboarding.to_step(request, turn, project) or redirect("rank_next", slug=project.slug)


def _form_page(
    request: HttpRequest,
    assignment: Assignment,
    form: RankingForm,
    *,
    skip_form: SkipForm | None = None,
    status: int = 200,
) -> HttpResponse:
    shown = presentation.completions(assignment)
    context = _what_is_shown(assignment) | {
        "cards": list(zip(shown, form.rank_fields, strict=True)),
        "form": form,
        "skip_form": skip_form or SkipForm(),
        "draft_key": presentation.draft_key(assignment),
        "done_count": worklist.done_count(assignment.annotator, assignment.project),
        "is_late": assignment.state == State.EXPIRED,
        "layout": "columns" if len(shown) == 2 else "stacked",
        "guidelines_key": "G" if len(shown) < LETTERS_BEFORE_G else "Shift G",
    }
    return render(request, "annotate/rank.html", context, status=status)


def _closed(
    request: HttpRequest, assignment: Assignment, *, form: RankingForm | None = None, status: int = 200
) -> HttpResponse:
    """Say why nothing can be sent here any more; show what is stored and what was just sent."""
    assignment.refresh_from_db(fields=["state", "skip_reason"])
    stored = presentation.said_before(assignment)
    title, why = _why_closed(assignment, is_ranked=stored is not None)
    context = _what_is_shown(assignment) | {
        "title": title,
        "why": why,
        "stored": stored,
        "stored_words": stored and presentation.in_words(stored.tiers, assignment=assignment),
        "sent_words": form and presentation.in_words(form.tiers, assignment=assignment),
        "sent_reason": form and form.cleaned_data["reason"],
        "completions": presentation.completions(assignment),
    }
    return render(request, "annotate/closed.html", context, status=status)


def _what_is_shown(assignment: Assignment) -> dict[str, object]:
    prompt_messages = rendering.messages(assignment.comparison.prompt.messages)
    return {"assignment": assignment, "project": assignment.project, "prompt_messages": prompt_messages}


def _why_closed(assignment: Assignment, *, is_ranked: bool) -> tuple[str, str]:
    if is_ranked:
        return "You ranked this comparison", "It is saved as it stands here, and can no longer be changed on this page."
    if assignment.state == State.SKIPPED:
        return "You skipped this comparison", "Someone else ranks it. It will not be shown to you again."
    return (
        "Your time for this comparison ran out",
        "It was handed on before you submitted, so nothing was saved here. It may still be offered to you again.",
    )


def _nothing_left(request: HttpRequest, annotator: Annotator, project: Project) -> HttpResponse:
    context = {
        "annotator": annotator,
        "project": project,
        "done_count": worklist.done_count(annotator, project),
        "waiting": worklist.waiting(annotator, project),
    }
    return render(request, "annotate/nothing_left.html", context)
