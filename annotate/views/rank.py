"""An annotator's round: reserve, rank, submit or skip, next. Every refusal shows what they had ranked."""

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate import access, assignments, drafts, evidence, presentation, rankings, rendering, worklist
from annotate.answers import Answer
from annotate.forms import RankingForm, SkipForm
from annotate.models import Annotator, Assignment, Project, Role

State = Assignment.State


@require_GET
@never_cache
@access.requires(Role.ANNOTATOR)
def rank_next(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for_annotator(slug)
    annotator = access.annotator_of(request.user)
    assignment = assignments.reserve_next(annotator, project)
    return redirect("rank", pk=assignment.pk) if assignment else _nothing_left(request, annotator, project)


@require_http_methods(["GET", "POST"])
@never_cache
@access.requires(Role.ANNOTATOR)
def rank(request: HttpRequest, pk: int) -> HttpResponse:
    assignment = access.assignment_for(request.user, pk)
    if request.method == "POST":
        return _submit(request, assignment)
    if _can_be_submitted(assignment):
        return form_page(request, assignment, RankingForm(labels=presentation.labels(assignment)))
    return closed(request, assignment)


@require_POST
@access.requires(Role.ANNOTATOR)
def skip(request: HttpRequest, pk: int) -> HttpResponse:
    assignment = access.assignment_for(request.user, pk)
    if assignment.state == State.SKIPPED:
        return next_one(assignment.project)
    if not _can_be_submitted(assignment):
        return closed(request, assignment, status=409)
    form = SkipForm(request.POST)
    if not form.is_valid():
        ranking_form = RankingForm(labels=presentation.labels(assignment))
        return form_page(request, assignment, ranking_form, skip_form=form, status=422)
    try:
        assignments.skip(assignment, reason=form.reason)
    except assignments.NotReserved:
        return closed(request, assignment, status=409)
    messages.info(request, "Skipped. You will not see that comparison again.")
    return next_one(assignment.project)


def _submit(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    form = RankingForm(request.POST, labels=presentation.labels(assignment))
    if not form.is_valid():
        return form_page(request, assignment, form, status=422)
    try:
        answer = Answer(form.tiers, reason=form.cleaned_data["reason"])
        answer = evidence.added(answer, request.POST, since=assignment.reserved_at)
        rankings.submit(assignment, answer, submission=form.cleaned_data["submission"])
    except (assignments.NotReserved, rankings.SubmissionConflict, IntegrityError):
        return closed(request, assignment, form=form, status=409)
    return saved(request, assignment)


def saved(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    """Say what is stored, read back from the database, and go on."""
    stored = presentation.said_before(assignment)
    words = presentation.in_words(stored.tiers, assignment=assignment)
    messages.success(request, f"Saved: {words}", extra_tags=f"saved {presentation.draft_key(assignment)}")
    return next_one(assignment.project)


def next_one(project: Project) -> HttpResponse:
    return redirect("rank_next", slug=project.slug) if project.is_active else redirect("home")


def _can_be_submitted(assignment: Assignment) -> bool:
    """Say whether a ranking would be taken now: reserved, or run out while the comparison has a free place."""
    if assignment.state != State.EXPIRED:
        return assignment.state == State.RESERVED
    taken = Assignment.objects.filter(comparison=assignment.comparison_id)
    is_taken_by_me = taken.filter(annotator=assignment.annotator_id, state__in=assignments.SEEN).exists()
    return not is_taken_by_me and taken.filter(state=State.OPEN).exists()


def form_page(
    request: HttpRequest,
    assignment: Assignment,
    form: RankingForm,
    *,
    template: str = "annotate/rank.html",
    skip_form: SkipForm | None = None,
    status: int = 200,
) -> HttpResponse:
    shown = presentation.completions(assignment)
    context = _what_is_shown(assignment) | {
        "cards": list(zip(shown, form.rank_fields, strict=True)),
        "form": form,
        "skip_form": skip_form or SkipForm(),
        "draft_key": presentation.draft_key(assignment),
        "draft": None if form.is_bound else drafts.of(assignment),
        "changeable": rankings.last_changeable(assignment.annotator),
        "done_count": worklist.done_count(assignment.annotator, assignment.project),
        "is_late": assignment.state == State.EXPIRED,
        "layout": "columns" if len(shown) == 2 else "stacked",
    }
    return render(request, template, context, status=status)


def closed(
    request: HttpRequest,
    assignment: Assignment,
    *,
    form: RankingForm | None = None,
    because: tuple[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Say why nothing can be sent here any more; show what is stored and what was just sent."""
    assignment.refresh_from_db(fields=["state", "skip_reason"])
    stored = presentation.said_before(assignment)
    title, why = because or _why_closed(assignment, is_ranked=stored is not None)
    context = _what_is_shown(assignment) | {
        "title": title,
        "why": why,
        "stored": stored,
        "may_change": because is None and stored is not None and rankings.may_revise(stored),
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
        return "You ranked this comparison", "It is saved as it stands here."
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
        "changeable": rankings.last_changeable(annotator),
        "done_count": worklist.done_count(annotator, project),
        "waiting": worklist.waiting(annotator, project),
    }
    return render(request, "annotate/nothing_left.html", context)
