"""Exports: what there is, how it counts, and the file itself, streamed. Exactly annotate.exports, as on the page."""

from dataclasses import asdict

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from annotate import access, exports, redaction
from annotate.api import serializers as shapes
from annotate.api.base import Door, Query
from annotate.api.staff import ENGINEERS
from annotate.models import Project

WHAT = OpenApiParameter("what", OpenApiTypes.STR, OpenApiParameter.PATH, enum=list(exports.WHATS))


class ExportOut(serializers.Serializer):
    """Something to export; `forms` are the files that it can be had as."""

    name = serializers.CharField()
    label = serializers.CharField()
    help = serializers.CharField()
    forms = serializers.ListField(child=serializers.CharField())


class CountsOut(serializers.Serializer):
    """How rankings became rows: rankings → pairs − ties − excluded = rows."""

    ranking_count = serializers.IntegerField()
    pair_count = serializers.IntegerField(allow_null=True, help_text="null: the rows are not pairs.")
    tie_count = serializers.IntegerField()
    said_count = serializers.IntegerField(help_text="Rankings in the rows.")
    row_count = serializers.IntegerField()
    excluded = serializers.DictField(child=serializers.IntegerField(), help_text="Counts by reason.")
    is_reconciled = serializers.BooleanField()
    sentence = serializers.CharField()


class FormQuery(Query):
    form = serializers.ChoiceField(choices=list(exports.FORMS), default="jsonl")
    reasons = serializers.ChoiceField(choices=list(redaction.REASONS), default="none")


class _Export(Door):
    roles = {"GET": ENGINEERS}

    @property
    def project(self) -> Project:
        return access.project_for_staff(self.request.user, self.kwargs["slug"])

    @property
    def what(self) -> str:
        """The export that the address names; 404 where there is none of that name."""
        if self.kwargs["what"] not in exports.WHATS:
            raise NotFound(f"There is no such export; there are {', '.join(exports.WHATS)}.")
        return self.kwargs["what"]


class Exports(_Export):
    @extend_schema(responses=ExportOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """List what can be exported, and as which files."""
        access.project_for_staff(request.user, slug)
        there = [asdict(one) | {"name": name} for name, one in exports.WHATS.items()]
        return Response(ExportOut(there, many=True).data)


class ExportCounts(_Export):
    @extend_schema(parameters=[WHAT], responses={200: CountsOut, 404: shapes.Errors})
    def get(self, request: Request, slug: str, what: str) -> Response:
        """Count an export without writing it."""
        return Response(CountsOut(exports.count(self.project, self.what)).data)


class ExportFile(_Export):
    query_class = FormQuery

    @extend_schema(
        parameters=[WHAT, FormQuery],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 400: shapes.Errors, 404: shapes.Errors},
    )
    def get(self, request: Request, slug: str, what: str) -> StreamingHttpResponse:
        """Stream an export as a file."""
        form = self.asked["form"]
        if form not in exports.WHATS[self.what].forms:
            said = f"{what} can be had as {', '.join(exports.WHATS[what].forms)}; got {form}."
            raise serializers.ValidationError({"form": said})
        how = {"form": form, "reasons": self.asked["reasons"]}
        exports.put_on_record(self.project, what, **how)
        made = exports.export(self.project, what, **how)
        response = StreamingHttpResponse(made.chunks, content_type="application/octet-stream")
        response["Content-Disposition"] = content_disposition_header(True, made.file_name)
        return response
