"""Tables in the order that the address asks for: `?sort=agreement`, or `-agreement` from the other end.

What is unknown stands last either way.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from annotate.quality.estimate import Estimate

Row = TypeVar("Row")
Key = float | str | Estimate | None


@dataclass(frozen=True)
class Heading:
    """The head of a sortable column: `sort` is what its link asks for, `direction` how the table stands by it now."""

    label: str
    sort: str
    direction: str  # "ascending", "descending", or empty
    is_number: bool


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column that can be sorted by; `first` is the order of its first click."""

    label: str
    key: Callable[[Row], Key]
    is_number: bool = True
    starts_high: bool = False


@dataclass(frozen=True)
class Ordering(Generic[Row]):
    """Rows in an order, and the heads that lead to the others."""

    rows: list[Row]
    headings: list[Heading]
    sort: str


def ordered(
    rows: Iterable[Row], columns: Mapping[str, Column[Row]], *, asked: str | None, default: str
) -> Ordering[Row]:
    """Return the rows by the column that is asked for, or by the default where nobody knows what was asked for."""
    sort = asked if asked is not None and asked.removeprefix("-") in columns else default
    name, is_falling = sort.removeprefix("-"), sort.startswith("-")
    known, unknown = [], []
    for row in rows:
        key = _plain(columns[name].key(row))
        (unknown if key is None else known).append((key, row))
    known.sort(key=lambda pair: pair[0], reverse=is_falling)
    return Ordering(
        rows=[row for _, row in [*known, *unknown]],
        headings=[_heading(other, column, sort) for other, column in columns.items()],
        sort=sort,
    )


def _plain(key: Key) -> float | str | None:
    return key.value if isinstance(key, Estimate) else key


def _heading(name: str, column: Column[Row], sort: str) -> Heading:
    here = {name: "ascending", f"-{name}": "descending"}.get(sort, "")
    first, second = (f"-{name}", name) if column.starts_high else (name, f"-{name}")
    return Heading(column.label, second if sort == first else first, here, column.is_number)
