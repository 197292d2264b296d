"""What every view and serializer of the API shares: rights by role and method, known fields only, pages by cursor."""

import difflib
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from annotate import access
from annotate.models import Role

Json = dict[str, Any]
MAX_ID = 2**63 - 1
MAX_PAGE = 200
EVERYBODY = tuple(Role)


class Strict(serializers.Serializer):
    """A serializer that refuses fields it does not know."""

    def to_internal_value(self, data: Json) -> Json:
        if not isinstance(data, dict):
            raise ValidationError("Expected an object.")
        if unknown := [key for key in data if key not in self.fields]:
            raise ValidationError({key[:60]: _meant(key, list(self.fields)) for key in unknown})
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A whole number: 3, not "3", 3.0 or true."""

    def to_internal_value(self, data: object) -> int:
        if type(data) is not int:
            raise ValidationError("Expected a whole number.")
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A text, kept as it is: not a number, and its blanks stay."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            raise ValidationError("Expected text.")
        return super().to_internal_value(data)


class YesNo(serializers.BooleanField):
    """true or false, not "yes" or 1."""

    def to_internal_value(self, data: object) -> bool:
        if not isinstance(data, bool):
            raise ValidationError("Expected true or false.")
        return data


class Query(Strict):
    """The parameters in a URL; a view without any of its own takes none."""


class PageQuery(Query):
    """The parameters of a list."""

    cursor = serializers.IntegerField(
        min_value=0, max_value=MAX_ID, default=0, help_text="Where to go on: take it from `next`."
    )
    limit = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=50, help_text="Rows on a page.")


class ByRole(BasePermission):
    """Let in whoever has one of the view's `roles` for the method; a method without roles is nobody's."""

    def has_permission(self, request: Request, view: "Door") -> bool:
        if not request.user.is_authenticated:
            return False
        method = "GET" if request.method == "HEAD" else request.method
        if method == "OPTIONS" or not hasattr(view, method.lower()):
            return True  # answered with 405
        return access.has_role(request.user, *view.roles[method])


class Door(APIView):
    """A view of the API. `asked` holds the checked parameters of the URL; unknown or repeated ones are refused."""

    permission_classes = [ByRole]
    roles: dict[str, tuple[str, ...]] = {}
    query_class: type[Query] = Query

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        self.asked = _read_query(request, self.query_class)

    def read(self, serializer_class: type[Strict], **context: object) -> Json:
        """Return the body, checked by a serializer."""
        serializer = serializer_class(data=self.request.data, context=context)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


class CursorPages(BasePagination):
    """Pages in the order of ids, each beginning after the last id of the one before.

    What is inserted or deleted meanwhile neither repeats nor hides a row.
    """

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: Door) -> list[Any]:
        limit = view.asked["limit"]
        rows = list(queryset.order_by("pk").filter(pk__gt=view.asked["cursor"])[: limit + 1])
        here = request.build_absolute_uri()
        self.next_url = replace_query_param(here, "cursor", rows[limit - 1].pk) if len(rows) > limit else None
        return rows[:limit]

    def get_paginated_response(self, data: list[Json]) -> Response:
        return Response({"results": data, "next": self.next_url})

    def get_paginated_response_schema(self, schema: Json) -> Json:
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {"results": schema, "next": {"type": "string", "format": "uri", "nullable": True}},
        }


def _read_query(request: Request, query_class: type[Query]) -> Json:
    if twice := [name for name, values in request.query_params.lists() if len(values) > 1]:
        raise ValidationError({twice[0][:60]: "Stands twice in the address; once is expected."})
    query = query_class(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    return query.validated_data


def _meant(name: str, known: list[str]) -> str:
    if close := difflib.get_close_matches(name, known, n=1):
        return f"unknown field; did you mean {close[0]!r}?"
    return f"unknown field; known are {', '.join(known)}." if known else "unknown field; none is expected."
