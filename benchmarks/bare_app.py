"""The yardstick of annotate_load: a Django app that keeps the promises of overlap on Concord's tables, and no others.

Login, session, CSRF, a page with the prompt and the completions, a place taken once, a ranking stored once. What
leases, gold, drafts, languages, Markdown, statistics and audit cost in Concord is the ratio of the two in one run.
Served as `benchmarks.bare_app:application`.
"""

import os
from uuid import UUID, uuid4

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

settings.ROOT_URLCONF = __name__
settings.MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from django.contrib.auth import authenticate, login
from django.contrib.auth.decorators import login_required
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect
from django.template import RequestContext, Template
from django.urls import path
from django.utils import timezone

from annotate.models import Assignment, Project, Ranking

State = Assignment.State
LOGIN = Template("<form method=post>{% csrf_token %}<input name=username><input name=password type=password></form>")
RANK = Template(
    """<!doctype html><title>Rank</title><p>{{ place.comparison.prompt.messages.0.content }}</p><form method=post>
{% csrf_token %}<input type=hidden name=submission value="{{ submission }}">{% for completion in completions %}
<article><p>{{ completion.text|linebreaks }}</p><select name="rank-{{ completion.pk }}">{% for n in ranks %}
<option>{{ n }}</option>{% endfor %}</select></article>{% endfor %}<button>Submit</button></form>"""
)


def log_in(request: HttpRequest) -> HttpResponse:
    """Show the form or sign in."""
    if request.method == "GET":
        return HttpResponse(LOGIN.render(RequestContext(request)))
    user = authenticate(request, username=request.POST["username"], password=request.POST["password"])
    if user is None:
        return HttpResponseBadRequest()
    login(request, user)
    return redirect("/")


@login_required
def rank_next(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the first open place whose comparison the annotator has not had, and go to it."""
    annotator, project = request.user.annotator, get_object_or_404(Project, slug=slug)
    with transaction.atomic():
        seen = Assignment.objects.filter(annotator=annotator, comparison=OuterRef("comparison"))
        free = Assignment.objects.filter(~Exists(seen), project=project, cohort="", state=State.OPEN)
        if connection.features.has_select_for_update_skip_locked:
            free = free.select_for_update(skip_locked=True, of=("self",))
        place = free.order_by("position", "comparison_id", "slot").first()
        if place is None:
            raise Http404
        now = timezone.now()
        place.state, place.annotator, place.reserved_at, place.expires_at = State.RESERVED, annotator, now, now
        place.order = list(place.comparison.completions.values_list("pk", flat=True))
        place.save()
    return redirect(f"/rank/{place.pk}/")


@login_required
def rank(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the comparison, or store its ranking and go to the next."""
    mine = Assignment.objects.select_related("comparison__prompt", "project")
    place = get_object_or_404(mine, pk=pk, annotator__user=request.user)
    completions = list(place.comparison.completions.all())
    if request.method == "GET":
        shown = {"place": place, "completions": completions, "submission": uuid4(), "ranks": range(1, 10)}
        return HttpResponse(RANK.render(RequestContext(request, shown)))
    ranks = {one.pk: int(request.POST[f"rank-{one.pk}"]) for one in completions}
    with transaction.atomic():
        held = Assignment.objects.filter(pk=pk, state=State.RESERVED)
        if held.update(state=State.SUBMITTED, closed_at=timezone.now()) != 1:
            raise Http404
        Ranking.objects.create(
            assignment=place,
            comparison=place.comparison,
            annotator_id=place.annotator_id,
            submission=UUID(request.POST["submission"]),
            tiers=[[one for one in ranks if ranks[one] == n] for n in sorted(set(ranks.values()))],
            submitted_at=timezone.now(),
        )
    return rank_next(request, place.project.slug)


urlpatterns = [
    path("login/", log_in),
    path("projects/<slug:slug>/rank/", rank_next),
    path("rank/<int:pk>/", rank),
]
