"""Runs for scripts: the same verbs as the pages (create, cancel, resume), and what a run measured."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import STAFF
from annotate.api.base import Door, PageQuery, Query, Strict, Whole
from annotate.api.errors import Conflict
from annotate.api.serializers import Errors
from annotate.models import Project
from rlhf import access, preflight, runs
from rlhf.api_inputs import List
from rlhf.contract import config as configs
from rlhf.contract import profiles
from rlhf.contract.config import ConfigError
from rlhf.models import Checkpoint, Corpus, Metric, Run, Snapshot
from rlhf.preflight import RunOrder

MAX_ID = 2**63 - 1
MAX_KEY_CHARS = 100
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    description="Chosen by the sender: the same again returns the run that it started, not a second one.",
)


class RunOut(serializers.ModelSerializer):
    project = serializers.CharField(source="project.slug")
    state = serializers.ChoiceField(choices=Run.State.choices)

    class Meta:
        model = Run
        fields = [
            "id",
            "project",
            "stage",
            "state",
            "config",
            "snapshot",
            "corpus",
            "base",
            "reward_model",
            "baseline",
            "watcher",
            "profile",
            "queue",
            "created_at",
            "started_at",
            "finished_at",
            "failure_reason",
            "failure_message",
        ]


class RunIn(Strict):
    """A run to start; `config` takes the fields of the stage, and those left out their defaults."""

    stage = serializers.ChoiceField(choices=Run.Stage.choices)
    snapshot = Whole(min_value=1, allow_null=True, default=None)
    corpus = Whole(min_value=1, allow_null=True, default=None)
    base = Whole(min_value=1, allow_null=True, default=None)
    reward_model = Whole(min_value=1, allow_null=True, default=None)
    baseline = Whole(min_value=1, allow_null=True, default=None)
    watcher = Whole(min_value=1, allow_null=True, default=None)
    profile = serializers.CharField(max_length=20, default=profiles.ONE)
    queue = serializers.CharField(max_length=40, allow_blank=True, default="")
    config = serializers.DictField(default=dict)


class MetricsOut(serializers.Serializer):
    """What a run measured, a step a row."""

    state = serializers.ChoiceField(choices=Run.State.choices)
    steps = serializers.ListField(child=serializers.IntegerField())
    metrics = serializers.ListField(child=serializers.DictField(child=serializers.FloatField()))


class After(Query):
    """Metrics of later steps only."""

    after = serializers.IntegerField(min_value=-1, max_value=MAX_ID, default=-1)


class RunQuery(PageQuery):
    stage = serializers.ChoiceField(choices=Run.Stage.choices, required=False)
    state = serializers.ChoiceField(choices=Run.State.choices, required=False)


class Runs(List):
    serializer_class = RunOut
    query_class = RunQuery

    def get_queryset(self) -> QuerySet[Run]:
        wanted = {name: self.asked[name] for name in ("stage", "state") if name in self.asked}
        return Run.objects.filter(project=self.project, **wanted).select_related("project")

    @extend_schema(parameters=[RunQuery])
    def get(self, request: Request, slug: str) -> Response:
        """List a project's runs."""
        return self.list(request)

    @extend_schema(
        request=RunIn, responses={200: RunOut, 201: RunOut, 400: Errors, 409: Errors}, parameters=[IDEMPOTENCY_KEY]
    )
    def post(self, request: Request, slug: str) -> Response:
        """Queue a run; a worker takes it. The same order is not queued twice; the same key returns the same run."""
        order = _order(self.project, self.read(RunIn))
        try:
            run = runs.create(order, by=request.user, key=_key(request))
        except preflight.Refused as refusal:
            raise ValidationError(refusal.problems) from refusal
        except runs.AlreadyActive as refusal:
            raise Conflict(str(refusal)) from refusal
        except runs.AskedBefore as before:
            if not before.is_same:
                raise Conflict(str(before)) from before
            return Response(RunOut(before.run).data)
        return Response(RunOut(run).data, status=status.HTTP_201_CREATED)


class RunDetail(Door):
    roles = {"GET": STAFF}

    @extend_schema(responses=RunOut)
    def get(self, request: Request, pk: int) -> Response:
        """Show a run."""
        return Response(RunOut(access.run_for_staff(request.user, pk)).data)


class RunCancel(Door):
    roles = {"POST": access.ENGINEERS}

    @extend_schema(request=None, responses={202: RunOut, 409: Errors})
    def post(self, request: Request, pk: int) -> Response:
        """Cancel a queued run, or ask a running one to stop."""
        try:
            runs.request_cancel(access.run_for_staff(request.user, pk))
        except runs.AlreadyOver as problem:
            raise Conflict(f"Run {pk} had ended already; nothing was cancelled.") from problem
        return Response(RunOut(access.run_for_staff(request.user, pk)).data, status=status.HTTP_202_ACCEPTED)


class RunResume(Door):
    roles = {"POST": access.ENGINEERS}

    @extend_schema(request=None, responses={202: RunOut, 409: Errors})
    def post(self, request: Request, pk: int) -> Response:
        """Queue a run that failed or was cancelled once more; it goes on from the newest state that it saved."""
        try:
            runs.resume(access.run_for_staff(request.user, pk))
        except runs.CannotResume as problem:
            raise Conflict(str(problem)) from problem
        return Response(RunOut(access.run_for_staff(request.user, pk)).data, status=status.HTTP_202_ACCEPTED)


class RunMetrics(Door):
    """Also under /training/runs/<id>/metrics/, for the curves of the run's page."""

    roles = {"GET": STAFF}
    query_class = After

    @extend_schema(parameters=[After], responses=MetricsOut)
    def get(self, request: Request, pk: int) -> Response:
        """Return what a run measured after a step."""
        run = access.run_for_staff(request.user, pk)
        rows = Metric.objects.filter(run=run, step__gt=self.asked["after"]).order_by("step")
        found = list(rows.values_list("step", "values"))
        return Response(
            {"state": run.state, "steps": [step for step, _ in found], "metrics": [values for _, values in found]}
        )


def _key(request: Request) -> str:
    """Return the header Idempotency-Key, or "". Raises ValidationError."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > MAX_KEY_CHARS or not key.isascii() or not key.isprintable():
        raise ValidationError({"Idempotency-Key": f"expected at most {MAX_KEY_CHARS} printable ASCII characters."})
    return key


def _order(project: Project, wanted: dict[str, Any]) -> RunOrder:
    """Return what a body asks for. Raises ValidationError by field."""
    stage = wanted["stage"]
    try:
        config = configs.parse(stage, wanted["config"])
    except ConfigError as problem:
        raise ValidationError({"config": problem.errors}) from problem
    chosen = {name: _checkpoint(wanted[name], name) for name in ("base", "reward_model", "baseline", "watcher")}
    for name, table in (("snapshot", Snapshot), ("corpus", Corpus)):
        chosen[name] = table.objects.filter(project=project, pk=wanted[name]).first()
        if wanted[name] and chosen[name] is None:
            raise ValidationError({name: f"There is no {name} {wanted[name]} in this project."})
    return RunOrder(project, stage, config, **chosen, profile=wanted["profile"], queue=wanted["queue"])


def _checkpoint(pk: int | None, name: str) -> Checkpoint | None:
    found = Checkpoint.objects.filter(pk=pk).first() if pk else None
    if pk and found is None:
        raise ValidationError({name: f"There is no checkpoint {pk}."})
    return found
