"""The OpenAPI schema, and a page that reads it out. An account meets only what its roles may use.

The page is ours and not Swagger UI: that is 1.5 MB of script, and our pages work without any and pass axe.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request
from rest_framework.response import Response

from annotate import access
from annotate.api.base import EVERYBODY, Door

Json = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """A parameter of the address or a field of a body."""

    name: str
    kind: str
    is_required: bool
    about: str


@dataclass(frozen=True)
class Operation:
    """What one method on one address does."""

    method: str
    path: str
    about: str
    parameters: list[Parameter]
    fields: list[Parameter]
    statuses: list[str]


class Schema(Door):
    """GET: the OpenAPI 3 schema of what the account may use."""

    roles = {"GET": EVERYBODY}
    schema = None  # it does not describe itself

    def get(self, request: Request) -> Response:
        return Response(_schema(request))


@require_GET
@access.requires(*EVERYBODY)
def show(request: HttpRequest) -> HttpResponse:
    schema_view = Schema()
    asked = schema_view.initialize_request(request)
    return render(request, "api/reference.html", {"operations": list(_operations(_schema(asked)))})


def _schema(request: Request) -> Json:
    return SchemaGenerator().get_schema(request=request, public=False)


def _operations(schema: Json) -> Iterator[Operation]:
    for path, methods in schema["paths"].items():
        for method, one in methods.items():
            yield Operation(
                method=method.upper(),
                path=path,
                about=one.get("description", ""),
                parameters=[_parameter(found) for found in one.get("parameters", [])],
                fields=list(_fields(one.get("requestBody"), schema)),
                statuses=sorted(one["responses"]),
            )


def _parameter(found: Json) -> Parameter:
    kind = found.get("schema", {}).get("type", "")
    return Parameter(found["name"], kind, found.get("required", False), found.get("description", ""))


def _fields(body: Json | None, schema: Json) -> Iterator[Parameter]:
    """Yield the fields of a body; every body of ours is a component of its own."""
    if not body:
        return
    name = body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
    shape = schema["components"]["schemas"][name]
    for field, found in shape.get("properties", {}).items():
        is_required = field in shape.get("required", [])
        yield Parameter(field, found.get("type", "any"), is_required, found.get("description", ""))
