"""Dataclasses and named tuples as JSON, and back: how a report is stored. An array is its type and its packed bytes.

What is stored is read by the program that wrote it or a later one; `revived` fails where the two differ, and the report
is then made anew.
"""

import base64
import math
import types
import zlib
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

T = TypeVar("T")


class Outdated(Exception):
    """What is stored has another shape than the program knows."""


def plain(value: object) -> Any:  # noqa: ANN401  any JSON
    """Return a value as JSON can hold it. Raises ValueError for a number that is not finite."""
    if value is None or isinstance(value, str | bool | int) and not isinstance(value, Enum):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"A report holds no {value}: a number that is not known is None with a reason.")
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, np.ndarray):
        return [value.dtype.str, base64.b64encode(zlib.compress(np.ascontiguousarray(value))).decode("ascii")]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if (names := _names(type(value))) is not None:
        return {name: plain(getattr(value, name)) for name in names}
    return [plain(one) for one in value]  # type: ignore[attr-defined]


def revived(kind: type[T], stored: Any) -> T:  # noqa: ANN401
    """Return a value of a type from what `plain` made of one. Raises Outdated."""
    try:
        return _revived(kind, stored)
    except (AttributeError, KeyError, TypeError, ValueError, zlib.error) as problem:
        raise Outdated(f"{kind.__name__}: {problem!r}") from None


def _revived(kind: Any, stored: Any) -> Any:  # noqa: ANN401
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if stored is None else _revived(next(one for one in arguments if one is not type(None)), stored)
    if origin is tuple and arguments[-1:] != (...,):
        return tuple(_revived(one, part) for one, part in zip(arguments, stored, strict=True))
    if origin is np.ndarray:
        dtype, packed = stored
        return np.frombuffer(zlib.decompress(base64.b64decode(packed)), dtype=dtype).copy()
    if origin in (list, tuple):
        return origin(_revived(arguments[0], one) for one in stored)
    if origin is not None:  # a mapping
        return {_key(arguments[0], key): _revived(arguments[1], one) for key, one in stored.items()}
    if (hints := _hints(kind)) is not None:
        if set(stored) != set(hints):
            raise KeyError(*set(stored) ^ set(hints))
        return kind(**{name: _revived(hint, stored[name]) for name, hint in hints.items()})
    if issubclass(kind, Enum):
        return kind(stored)
    return date.fromisoformat(stored) if kind is date else stored


def _key(kind: type, key: str) -> object:
    return key if kind is str else kind(key)


@cache
def _hints(kind: type) -> dict[str, Any] | None:
    names = _names(kind)
    return None if names is None else {name: get_type_hints(kind)[name] for name in names}


@cache
def _names(kind: type) -> tuple[str, ...] | None:
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    return getattr(kind, "_fields", None)
