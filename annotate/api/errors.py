"""Every refusal in one shape: {"errors": [{"field": "tiers", "message": "…"}]}, with the index where rows were sent."""

from collections.abc import Iterator

from rest_framework import status
from rest_framework.exceptions import APIException, UnsupportedMediaType, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from annotate.answers import BadAnswer
from annotate.assignments import NotReserved
from annotate.jsonlines import FieldError, IntakeError
from annotate.rankings import SubmissionConflict, TooLate

MAX_NAME_CHARS = 200

Error = dict[str, object]


class Conflict(APIException):
    """The request is sound, but not as things stand now."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "Something else was faster. Load the current state and try again."


def handle(problem: Exception, context: dict[str, object]) -> Response | None:
    """Turn a refusal into its response; None for what is no refusal but a fault of ours (500)."""
    if isinstance(problem, IntakeError):
        found = [_error(one.field, one.message, index=one.line) for one in problem.errors]
        return Response({"errors": found, "error_count": problem.error_count}, status=status.HTTP_400_BAD_REQUEST)
    response = exception_handler(_as_api(problem), context)
    if response is not None:
        response.data = {"errors": list(_flat(response.data))}
    return response


def _as_api(problem: Exception) -> Exception:
    """Return what the writing modules refuse as an APIException."""
    if isinstance(problem, FieldError):
        return ValidationError({problem.field: problem.message})
    if isinstance(problem, UnsupportedMediaType):
        return UnsupportedMediaType("", detail=f"{problem.detail} Send application/json.")
    if isinstance(problem, BadAnswer):
        return ValidationError({problem.field: str(problem)})
    if isinstance(problem, NotReserved):
        return Conflict("The comparison is no longer reserved for you, and others have its places; nothing was stored.")
    if isinstance(problem, SubmissionConflict):
        return Conflict(str(problem))
    if isinstance(problem, TooLate):
        return Conflict("The time in which this could be changed is over; it stands as it was.")
    return problem


def _flat(detail: object, where: str = "") -> Iterator[Error]:
    """Yield an error for each message of a nested detail; «detail» and «non_field_errors» name no field."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            yield from _flat(inner, _path(where, key))
    elif isinstance(detail, list):
        for at, inner in enumerate(detail):
            yield from _flat(inner, where if isinstance(inner, str) else f"{where}[{at}]")
    else:
        yield _error(where, str(detail))


def _path(where: str, key: object) -> str:
    if isinstance(key, int):
        return f"{where}[{key}]"
    if key in ("detail", "non_field_errors"):
        return where
    return f"{where}.{key}" if where else str(key)


def _error(field: str, message: str, **more: object) -> Error:
    """Name a field as the sender wrote it, shortened, without what JSON could not carry back."""
    name = field[:MAX_NAME_CHARS].encode("utf-8", "replace").decode()
    return {**more, "field": name, "message": message.encode("utf-8", "replace").decode()}
