"""Strict JSON: what any of our stores or pages could not bear is refused here, naming the field.

Refused: duplicate keys, NaN and infinities (1e999 is one), NUL, halves of surrogate pairs, whole numbers beyond 64
bits, nesting beyond 20, bodies beyond 8 MiB, other encodings than UTF-8. Stock parsers take most of these: some
databases then store a row that breaks every later page.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.parsers import BaseParser

from annotate.jsonlines import FieldError, no_duplicate_keys, storable

MAX_BYTES = 8 * 2**20
MAX_DEPTH = 20
MAX_DIGITS = 25
SMALLEST, LARGEST = -(2**63), 2**63 - 1


class TooLarge(APIException):
    """The body is longer than any request needs."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body has more than {MAX_BYTES:,} bytes; send it in several requests."


class StrictJSONParser(BaseParser):
    """application/json → an object (never a bare list or number)."""

    media_type = "application/json"

    def parse(
        self, stream: BinaryIO, media_type: str | None = None, parser_context: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise TooLarge
        value = loads(raw)
        if not isinstance(value, dict):
            raise FieldError("", "expected a JSON object at the top.")
        return value


def loads(raw: bytes) -> object:
    """Return the JSON value of a body. Raises FieldError.

    >>> loads(b'{"a": [1, "x"]}')
    {'a': [1, 'x']}
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise FieldError("", f"byte {problem.start} is not UTF-8; send UTF-8.") from None
    try:
        value = json.loads(
            text, object_pairs_hook=no_duplicate_keys, parse_constant=float, parse_int=_whole, parse_float=float
        )
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        raise FieldError("", f"is not JSON: {problem.msg} at {where}.") from None
    except RecursionError:
        raise FieldError("", f"is nested deeper than {MAX_DEPTH}.") from None
    for where, one in _walk(value):
        _check(where, one)
    return value


def _walk(value: object) -> Iterator[tuple[str, object]]:
    """Yield (path, value) for each value and key of a document, without recursion."""
    todo: list[tuple[str, int, object]] = [("", 0, value)]
    while todo:
        where, depth, one = todo.pop()
        if depth > MAX_DEPTH:
            raise FieldError(where[:200], f"is nested deeper than {MAX_DEPTH}.")
        yield where, one
        if isinstance(one, list):
            todo += [(f"{where}[{at}]", depth + 1, inner) for at, inner in enumerate(one)]
        if isinstance(one, dict):
            for key, inner in one.items():
                yield where, key
                todo.append((f"{where}.{key[:60]}" if where else key[:60], depth + 1, inner))


def _check(where: str, value: object) -> None:
    if isinstance(value, str):
        storable(value, where)
    elif isinstance(value, float) and not math.isfinite(value):
        raise FieldError(where, "expected a finite number; NaN and infinities are no JSON.")
    elif isinstance(value, int) and not SMALLEST <= value <= LARGEST:
        raise FieldError(where, "expected a whole number of at most 64 bits.")


def _whole(digits: str) -> int:
    """Return a whole number; one of thousands of digits is cut, and refused by its size where its name is known."""
    return int(digits[:MAX_DIGITS])
