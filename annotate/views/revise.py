"""An annotator changes what they submitted, within the project's grace time. Every version stays on record."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from annotate import access, answers, evidence, presentation, rankings
from annotate.answers import Answer
from annotate.forms import AnswerForm, initial_of
from annotate.models import Assignment, Ranking, Role
from annotate.views import rank

TOO_LATE = (
    gettext_lazy("It can no longer be changed"),
    gettext_lazy("The time in which you may change this ranking is over. It is saved as it stands here."),
)
CHANGED_ELSEWHERE = (
    gettext_lazy("It was changed meanwhile"),
    gettext_lazy(
        "You changed this ranking in another tab or window. What stands here is saved; what you sent just now is not."
    ),
)


@require_http_methods(["GET", "POST"])
@never_cache
@access.requires(Role.ANNOTATOR)
def revise(request: HttpRequest, pk: int) -> HttpResponse:
    assignment = access.assignment_for(request.user, pk)
    stored = _current(assignment)
    if stored is None:
        return redirect("rank", pk=pk) if request.method == "GET" else rank.closed(request, assignment, status=409)
    if request.method == "POST":
        return _change(request, assignment, stored)
    if not rankings.may_revise(stored):
        return rank.closed(request, assignment, because=TOO_LATE)
    labels, texts = presentation.labels(assignment), presentation.texts(assignment)
    initial = initial_of(answers.of(stored), labels=labels, texts=texts)
    form = rank.form_for(assignment, initial=initial)
    return rank.form_page(request, assignment, form, template="annotate/revise.html")


def _change(request: HttpRequest, assignment: Assignment, stored: Ranking) -> HttpResponse:
    form = rank.form_for(assignment, request.POST)
    if not form.is_valid():
        return rank.form_page(request, assignment, form, template="annotate/revise.html", status=422)
    try:
        rankings.revise(stored, _answer(request, form, stored), submission=form.cleaned_data["submission"])
    except rankings.TooLate:
        return rank.closed(request, assignment, form=form, because=TOO_LATE, status=409)
    except rankings.SubmissionConflict:
        return rank.closed(request, assignment, form=form, because=CHANGED_ELSEWHERE, status=409)
    return _saved(request, assignment)


def _answer(request: HttpRequest, form: AnswerForm, stored: Ranking) -> Answer:
    """Return what was sent now, with the work on the earlier version counted in."""
    earlier = answers.of(stored)
    return evidence.added_again(
        form.answer, request.POST, labels=form.labels, earlier=earlier, since=stored.submitted_at
    )


def _saved(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    """Say what is stored now, read back from the database, and go on with the work."""
    words = presentation.read_back(answers.of(_current(assignment)), assignment=assignment)
    messages.success(
        request,
        _("Changed: {words}").format(words=words),
        extra_tags=f"saved {presentation.draft_key(assignment)}-change",
    )
    return rank.next_page(request, assignment)


def _current(assignment: Assignment) -> Ranking | None:
    current = Ranking.objects.filter(assignment=assignment, superseded_at__isnull=True)
    return current.select_related("assignment__project").first()
