"""What runs read, for scripts: snapshots and the orders to freeze one, corpora, checkpoints."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.access import STAFF, project_for_staff
from annotate.api.base import CursorPages, Door, PageQuery, Query, Strict
from annotate.api.errors import Conflict
from annotate.api.serializers import Errors
from annotate.models import Project
from annotate.preferences import POST, VOTES
from rlhf import access, freezing, snapshots
from rlhf.models import Checkpoint, Corpus, Freezing, Snapshot


class SnapshotOut(serializers.ModelSerializer):
    """A snapshot; while it `is_held_back` nothing may learn from its preferences (see `findings`)."""

    findings = serializers.ListField(child=serializers.DictField(), read_only=True)
    is_held_back = serializers.BooleanField(read_only=True)

    class Meta:
        model = Snapshot
        fields = [
            "id",
            "sha256",
            "filters",
            "counts",
            "has_simulated",
            "findings",
            "is_held_back",
            "signed_at",
            "created_at",
        ]


class FreezingOut(serializers.ModelSerializer):
    """An order to freeze a large project: waiting, working, done (with its snapshot) or failed (with the reason)."""

    state = serializers.CharField(read_only=True)

    class Meta:
        model = Freezing
        fields = [
            "id",
            "state",
            "doing",
            "test_rate",
            "label",
            "snapshot",
            "failure",
            "asked_at",
            "begun_at",
            "heartbeat_at",
            "ended_at",
        ]


class SnapshotIn(Strict):
    """What to hold out."""

    test_rate = serializers.FloatField(min_value=0.05, max_value=0.95, default=snapshots.TEST_RATE)
    label = serializers.ChoiceField([VOTES, POST], default=VOTES)


class CorpusOut(serializers.ModelSerializer):
    class Meta:
        model = Corpus
        fields = ["id", "name", "sha256", "counts", "created_at"]


class CheckpointOut(serializers.ModelSerializer):
    class Meta:
        model = Checkpoint
        fields = [
            "id",
            "kind",
            "name",
            "run",
            "parent",
            "manifest_sha256",
            "size_bytes",
            "created_at",
            "weights_removed_at",
        ]


class List(Door, ListAPIView):
    """A project's rows by cursor."""

    pagination_class = CursorPages
    query_class: type[Query] = PageQuery
    roles = {"GET": STAFF, "POST": access.ENGINEERS}

    @property
    def project(self) -> Project:
        return project_for_staff(self.request.user, self.kwargs["slug"])


class Snapshots(List):
    serializer_class = SnapshotOut

    def get_queryset(self) -> QuerySet[Snapshot]:
        return Snapshot.objects.filter(project=self.project)

    @extend_schema(parameters=[PageQuery])
    def get(self, request: Request, slug: str) -> Response:
        """List a project's snapshots."""
        return self.list(request)

    @extend_schema(request=SnapshotIn, responses={201: SnapshotOut, 202: FreezingOut, 400: Errors, 409: Errors})
    def post(self, request: Request, slug: str) -> Response:
        """Freeze the project; one that has not changed returns the snapshot it has.

        A large project (more than 2,000 rankings) is frozen by a worker: the answer is then 202 with the order, which
        `freezings/` shows until it is done.
        """
        project = self.project
        wanted = self.read(SnapshotIn)
        try:
            snapshot = freezing.freeze(project, by=request.user, **wanted)
        except snapshots.NothingToFreeze as problem:
            raise Conflict(str(problem)) from problem
        if isinstance(snapshot, Freezing):
            return Response(FreezingOut(snapshot).data, status=status.HTTP_202_ACCEPTED)
        return Response(SnapshotOut(snapshot).data, status=status.HTTP_201_CREATED)


class Freezings(List):
    serializer_class = FreezingOut
    roles = {"GET": STAFF}

    def get_queryset(self) -> QuerySet[Freezing]:
        return Freezing.objects.filter(project=self.project)

    @extend_schema(parameters=[PageQuery])
    def get(self, request: Request, slug: str) -> Response:
        """List the orders to freeze a large project, the newest first."""
        return self.list(request)


class Corpora(List):
    serializer_class = CorpusOut
    roles = {"GET": STAFF}

    def get_queryset(self) -> QuerySet[Corpus]:
        return Corpus.objects.filter(project=self.project)

    @extend_schema(parameters=[PageQuery])
    def get(self, request: Request, slug: str) -> Response:
        """List a project's corpora of plain text."""
        return self.list(request)


class Checkpoints(List):
    serializer_class = CheckpointOut
    roles = {"GET": STAFF}

    def get_queryset(self) -> QuerySet[Checkpoint]:
        return Checkpoint.objects.filter(project=self.project) | Checkpoint.objects.filter(project=None)

    @extend_schema(parameters=[PageQuery])
    def get(self, request: Request, slug: str) -> Response:
        """List a project's checkpoints and the base models."""
        return self.list(request)
