"""Ideal outputs to prompts: authors send and change them, staff list them. Written by annotate.demonstrations."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotate import access, demonstrations, evidence, presentation
from annotate.api import serializers as shapes
from annotate.api.base import Door, PageQuery, Strict, Text
from annotate.api.staff import List
from annotate.api.work import ANNOTATORS, STORED, id_under, shown
from annotate.models import Assignment, Demonstration


class DemonstrationIn(Strict):
    """An ideal output. `submission` is a UUID of the client's; sending the same text again is harmless."""

    submission = serializers.UUIDField()
    text = Text(max_length=demonstrations.MAX_TEXT_CHARS)
    edited_from = Text(max_length=1, allow_null=True, default=None, help_text="The letter of what it was begun from.")
    active_seconds = serializers.FloatField(min_value=0, max_value=shapes.DAY_SECONDS, allow_null=True, default=None)


class DemonstrationOut(serializers.ModelSerializer):
    """An ideal output for staff; its author stands there under a pseudonym, null where it was imported."""

    prompt = serializers.CharField(source="prompt.external_id")
    author = serializers.CharField(source="author.pseudonym", default=None, allow_null=True)
    edited_from = serializers.IntegerField(source="edited_from_id", allow_null=True)

    class Meta:
        model = Demonstration
        fields = [
            "id",
            "prompt",
            "text",
            "author",
            "edited_from",
            "submission",
            "seconds",
            "active_seconds",
            "created_at",
            "superseded_at",
        ]


class Demonstrate(Door):
    roles = {"POST": ANNOTATORS}

    @extend_schema(request=DemonstrationIn, responses=STORED)
    def post(self, request: Request, pk: int) -> Response:
        """Submit the ideal output, or replace one's own within the project's grace time; the old text stays."""
        place = access.assignment_for(request.user, pk)
        said = self.read(DemonstrationIn)
        is_known = Demonstration.objects.filter(submission=said["submission"]).exists()
        _store(place, said)
        place.refresh_from_db(fields=["state"])
        return Response(shown(place), status=status.HTTP_200_OK if is_known else status.HTTP_201_CREATED)


class DemonstrationQuery(PageQuery):
    prompt = serializers.CharField(max_length=120, required=False, help_text="Its id in the import.")
    is_current = serializers.BooleanField(default=True, help_text="false: replaced ones, too.")


class Demonstrations(List):
    serializer_class = DemonstrationOut
    query_class = DemonstrationQuery

    def get_queryset(self) -> QuerySet[Demonstration]:
        found = Demonstration.objects.filter(prompt__project=self.project).select_related("prompt", "author")
        if self.asked["is_current"]:
            found = found.filter(superseded_at__isnull=True)
        return found.filter(prompt__external_id=self.asked["prompt"]) if "prompt" in self.asked else found

    @extend_schema(parameters=[DemonstrationQuery])
    def get(self, request: Request, slug: str) -> Response:
        """List a project's ideal outputs."""
        return self.list(request)


def _store(place: Assignment, said: dict[str, Any]) -> None:
    ids = {label: pk for pk, label in presentation.labels(place).items()}
    begun_from = said["edited_from"] and id_under(ids, said["edited_from"], "edited_from")
    sent = {"edited_from": begun_from, "submission": said["submission"]}
    written = demonstrations.current(place)
    if written and written.assignment_id == place.pk and written.submission != said["submission"]:
        seconds = _no_longer_than_since(written.created_at, said)
        demonstrations.revise(written, said["text"], **sent, more_active_seconds=seconds)
    else:
        seconds = _no_longer_than_since(place.reserved_at, said)
        demonstrations.submit(place, said["text"], **sent, active_seconds=seconds)


def _no_longer_than_since(moment: datetime | None, said: dict[str, Any]) -> float | None:
    wall_seconds = (timezone.now() - moment).total_seconds() if moment else None
    return evidence.active_seconds(str(said["active_seconds"]), wall_seconds=wall_seconds)
