"""An annotator's round: reserve, answer, submit or skip, next. Every refusal shows what they had said.

One address for every task: the form that the project's task asks for is shown at it and taken by it.
"""

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotate import (
    access,
    answers,
    assignments,
    drafts,
    evidence,
    feedback,
    presentation,
    questions,
    rankings,
    rendering,
    sections,
    turns,
    worklist,
)
from annotate.forms import AnswerForm, DemonstrationForm, PairwiseForm, RankingForm, SkipForm
from annotate.models import Annotator, Assignment, Project, Role, Task
from annotate.views import demonstrate, onboarding

State = Assignment.State
AnyForm = AnswerForm | DemonstrationForm
NOTHING_SAID = SkipForm()
"""The same for everybody, so that it is rendered once."""


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
    if request.method == "POST":
        return _submit(request, access.assignment_to_answer(request.user, pk))
    assignment = access.assignment_for(request.user, pk)
    if not _can_be_submitted(assignment):
        return closed(request, assignment)
    return form_page(request, assignment, form_for(assignment, initial=_begun(request, assignment)))


@require_POST
@access.requires(Role.ANNOTATOR)
def skip(request: HttpRequest, pk: int) -> HttpResponse:
    assignment = access.assignment_for(request.user, pk)
    if assignment.state == State.SKIPPED:
        return next_page(request, assignment)
    if assignment.state == State.SUBMITTED or not _can_be_submitted(assignment):
        return closed(request, assignment, status=409)
    form = SkipForm(request.POST)
    if not form.is_valid():
        return form_page(request, assignment, form_for(assignment), skip_form=form, status=422)
    try:
        assignments.skip(assignment, reason=form.reason)
    except assignments.NotReserved:
        return closed(request, assignment, status=409)
    messages.info(request, _("Skipped. You will not see it again."))
    return next_page(request, assignment)


def form_for(
    assignment: Assignment, sent: QueryDict | None = None, *, initial: dict[str, object] | None = None
) -> AnyForm:
    """Return the form that the project's task asks for, with what was sent or what is filled in beforehand."""
    labels, project = presentation.labels(assignment), assignment.project
    if project.task == Task.DEMONSTRATION:
        return DemonstrationForm(sent, labels=labels, initial=initial)
    form = PairwiseForm if project.task == Task.PAIRWISE else RankingForm
    asked, texts = questions.parse(project.questions), presentation.texts(assignment)
    return form(sent, labels=labels, texts=texts, asked=asked, initial=initial)


def form_page(
    request: HttpRequest,
    assignment: Assignment,
    form: AnyForm,
    *,
    template: str = "annotate/rank.html",
    skip_form: SkipForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Show the work: the prompt, the completions, and the form with what is chosen in it."""
    guide = sections.anchored(rendering.guidelines(assignment.guideline.text)) if assignment.guideline else ""
    context = _what_is_shown(assignment) | {
        "form": form,
        "guide": guide,
        "anchors": sections.anchors(guide),
        "skip_form": skip_form or NOTHING_SAID,
        "draft_key": presentation.draft_key(assignment),
        "draft": None if form.is_bound else drafts.of(assignment),
        "done_count": worklist.done_count(assignment.annotator, assignment.project),
        "is_late": assignment.state == State.EXPIRED,
    }
    if isinstance(form, DemonstrationForm):
        return render(request, "annotate/demonstrate.html", context | demonstrate.context(assignment), status=status)
    shown = presentation.completions(assignment, form.texts)
    cards = {
        "cards": list(zip(shown, form.cards, strict=True)),
        "labels": "".join(form.labels.values()),
        "layout": "columns" if len(shown) == 2 else "stacked",
        "changeable": rankings.last_changeable(assignment.annotator),
    }
    return render(request, template, context | cards, status=status)


def saved(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    """Say what is stored, read back from the database, and go on."""
    about = f"saved {presentation.draft_key(assignment)}"
    messages.success(request, _("Saved: {words}").format(words=_stored_words(assignment)), extra_tags=about)
    if feedback.is_shown(assignment):
        return redirect("feedback", pk=assignment.pk)
    return next_page(request, assignment)


def closed(
    request: HttpRequest,
    assignment: Assignment,
    *,
    form: AnyForm | None = None,
    because: tuple[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Say why nothing can be sent here any more; show what is stored and what was just sent."""
    assignment.refresh_from_db(fields=["state", "skip_reason"])
    if assignment.project.task == Task.DEMONSTRATION:
        shown = demonstrate.closed_context(assignment, form)
    else:
        shown = _closed_ranking(assignment, form)
    title, why = because or _why_closed(assignment, is_done=bool(shown["stored"]))
    context = _what_is_shown(assignment) | shown
    context |= {"title": title, "why": why, "completions": presentation.completions(assignment)}
    context["may_change"] = because is None and shown.get("may_change", False)
    return render(request, "annotate/closed.html", context, status=status)


def _begun(request: HttpRequest, assignment: Assignment) -> dict[str, object] | None:
    """Return what a demonstration begins with: its author's text, or the completion they chose to edit."""
    if assignment.project.task != Task.DEMONSTRATION:
        return None
    return demonstrate.initial(assignment, begin_from=request.GET.get("from", ""))


def _submit(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    form = form_for(assignment, request.POST)
    if not form.is_valid():
        return form_page(request, assignment, form, status=422)
    try:
        _store(request, assignment, form)
    except (assignments.NotReserved, rankings.SubmissionConflict, rankings.TooLate, IntegrityError):
        return closed(request, assignment, form=form, status=409)
    return saved(request, assignment)


def _store(request: HttpRequest, assignment: Assignment, form: AnyForm) -> None:
    if isinstance(form, DemonstrationForm):
        demonstrate.store(assignment, form, active=request.POST.get(evidence.ACTIVE_FIELD, ""))
        return
    answer = evidence.added(form.answer, request.POST, labels=form.labels, since=assignment.reserved_at)
    rankings.submit(assignment, answer, submission=form.cleaned_data["submission"])


def _stored_words(assignment: Assignment) -> str:
    if assignment.project.task == Task.DEMONSTRATION:
        return demonstrate.stored_words(assignment)
    return presentation.read_back(answers.of(presentation.said_before(assignment)), assignment=assignment)


def next_page(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    """Go straight to the next comparison, or to the step or page that says why there is none."""
    project = assignment.project
    if not project.is_active:
        return redirect("home")
    turn = turns.next_turn(assignment.annotator, project)
    if turn.assignment:
        return onboarding.to_comparison(request, turn)
    return onboarding.to_step(request, turn, project) or redirect("rank_next", slug=project.slug)


def _can_be_submitted(assignment: Assignment) -> bool:
    """Say whether an answer would be taken now; a demonstration may also be changed for a while after it was sent."""
    if assignment.state == State.SUBMITTED and assignment.project.task == Task.DEMONSTRATION:
        return demonstrate.may_change(assignment)
    return assignments.may_submit(assignment)


def _closed_ranking(assignment: Assignment, form: AnswerForm | None) -> dict[str, object]:
    stored, asked = presentation.said_before(assignment), questions.parse(assignment.project.questions)
    said = answers.of(stored) if stored else None
    return {
        "stored": stored,
        "stored_at": stored and stored.submitted_at,
        "may_change": stored is not None and rankings.may_revise(stored),
        "stored_words": said and presentation.read_back(said, assignment=assignment),
        "stored_details": presentation.details(said, assignment=assignment, asked=asked) if said else [],
        "sent_words": form and presentation.read_back(form.answer, assignment=assignment),
        "sent_reason": form and form.answer.reason,
        "sent_details": presentation.details(form.answer, assignment=assignment, asked=asked) if form else [],
    }


def _what_is_shown(assignment: Assignment) -> dict[str, object]:
    prompt_messages = rendering.messages(assignment.comparison.prompt.messages)
    return {"assignment": assignment, "project": assignment.project, "prompt_messages": prompt_messages}


def _why_closed(assignment: Assignment, *, is_done: bool) -> tuple[str, str]:
    if is_done and assignment.project.task == Task.DEMONSTRATION:
        return _("You wrote this one"), _("It is saved as it stands here, and can no longer be changed on this page.")
    if is_done:
        return _("You ranked this comparison"), _("It is saved as it stands here.")
    if assignment.state == State.SKIPPED:
        return _("You skipped this comparison"), _("Someone else ranks it. It will not be shown to you again.")
    return (
        _("Your time for this comparison ran out"),
        _("It was handed on before you submitted, so nothing was saved here. It may still be offered to you again."),
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
