"""The tables of the consistency pages as files: CSV, JSON or Parquet, with the numbers that the pages round.

A measured value becomes five columns: the value, both ends of its interval, its n, and the reason where there is none.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.utils.module_loading import import_string

from annotate.formats import csv_table
from annotate.quality.estimate import Estimate

FORMS = {"csv": "CSV", "json": "JSON", "parquet": "Parquet"}
Cell = str | int | float | bool | Estimate | None
PARTS = {"": "number", "_low": "number", "_high": "number", "_n": "whole", "_reason": "text"}


@dataclass(frozen=True)
class Table:
    """Rows by column name; `columns` says what each holds: «text», «whole», «number», «yes» or «estimate»."""

    columns: Mapping[str, str]
    rows: Iterable[Mapping[str, Cell]]


def chunks(table: Table, form: str) -> Iterator[bytes]:
    """Return the table as a file of one of FORMS, a part at a time."""
    columns = _flat_columns(table.columns)
    rows = (_flat(row, table.columns) for row in table.rows)
    if form == "csv":
        return csv_table.chunks(rows, list(columns))
    if form == "parquet":
        return import_string("annotate.formats.arrow.parquet_chunks")(rows, columns)
    return _json(rows)


def _flat_columns(columns: Mapping[str, str]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, kind in columns.items():
        flat |= {f"{name}{part}": of for part, of in PARTS.items()} if kind == "estimate" else {name: kind}
    return flat


def _flat(row: Mapping[str, Cell], columns: Mapping[str, str]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, kind in columns.items():
        cell = row.get(name)
        flat |= _parts(name, cell) if kind == "estimate" else {name: cell}
    return flat


def _parts(name: str, cell: Cell) -> dict[str, object]:
    if not isinstance(cell, Estimate):
        return {f"{name}{part}": None for part in PARTS}
    parts = (cell.value, cell.low, cell.high, cell.n, cell.reason or None)
    return {f"{name}{part}": value for part, value in zip(PARTS, parts, strict=True)}


def _json(rows: Iterable[dict[str, object]]) -> Iterator[bytes]:
    opening = b"[\n"
    for row in rows:
        yield opening + json.dumps(row, ensure_ascii=False, allow_nan=False).encode()
        opening = b",\n"
    yield b"\n]\n" if opening == b",\n" else b"[]\n"
