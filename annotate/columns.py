"""Many rankings as columns, for fits that read a million: one statement, no model instances, no parsing row by row.

A million rankings are seconds and tens of megabytes so; as objects they are minutes.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from annotate.models import Ranking
from annotate.quality.arrays import Flags, Floats, Ints
from annotate.quality.ranking import RankedCompletions

CHUNK = 50_000
NOT_DIGITS = re.compile(r"[^0-9]+")
COLUMNS = ("pk", "comparison__project_id", "comparison_id", "comparison__prompt_id", "annotator_id")
EPOCH = np.datetime64(0, "us")


class Rankings(NamedTuple):
    """Rankings in the order they were read; `ranked` numbers them from 0. (R,) each.

    `guideline` is the version's number, 0 where unknown; `seconds` active ones where measured, else from showing to
    submitting, NaN where unknown; `at` seconds since 1970.
    """

    ranked: RankedCompletions
    pk: Ints
    project: Ints
    comparison: Ints
    prompt: Ints
    annotator: Ints
    guideline: Ints
    seconds: Floats
    at: Floats


class _Numbers(NamedTuple):
    """The numbers of many JSON texts: in which text each stands, and how many brackets opened before it in there."""

    value: Ints
    text: Ints
    opened: Ints


def read(rankings: QuerySet[Ranking]) -> Rankings:
    """Return rankings as columns, in the order of their ids."""
    parts = [_part(rows) for rows in _chunks(rankings)] or [_part([])]
    before = np.cumsum([0, *(len(part.pk) for part in parts)])
    numbered = [
        part.ranked._replace(ranking=part.ranked.ranking + start) for part, start in zip(parts, before, strict=False)
    ]
    ranked = RankedCompletions(*map(np.concatenate, zip(*numbered, strict=True)))
    return Rankings(ranked, *map(np.concatenate, zip(*(part[1:] for part in parts), strict=True)))


def some(found: Rankings, kept: Flags) -> Rankings:
    """Return those rankings that a mask (R,) keeps, numbered anew."""
    ranked = RankedCompletions(*(column[kept[found.ranked.ranking]] for column in found.ranked))
    numbered = ranked._replace(ranking=(np.cumsum(kept) - 1)[ranked.ranking])
    return Rankings(numbered, *(column[kept] for column in found[1:]))


def _chunks(rankings: QuerySet[Ranking]) -> Iterator[list[tuple[Any, ...]]]:
    """Yield rows as the database gives them: JSON as text, times as it stores them."""
    seconds = Coalesce("active_seconds", "seconds")
    said = ("assignment__guideline__number", seconds, "submitted_at", "tiers", "assignment__order")
    sql, params = rankings.order_by("pk").values_list(*COLUMNS, *said).query.sql_with_params()
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(CHUNK):
            yield rows


def _part(rows: Sequence[tuple[Any, ...]]) -> Rankings:
    columns = list(zip(*rows, strict=True)) or [()] * 10
    pk, project, comparison, prompt, annotator = (np.array(column, dtype=np.int64) for column in columns[:5])
    guideline, seconds, at, tiers, order = columns[5:]
    said = _numbers(tiers)
    ranked = RankedCompletions(
        ranking=said.text,
        comparison=comparison[said.text],
        prompt=prompt[said.text],
        annotator=annotator[said.text],
        completion=said.value,
        tier=said.opened - 2,  # the outer bracket, and the tier's own
        position=_positions(said, _numbers(order)),
    )
    return Rankings(
        ranked,
        pk,
        project,
        comparison,
        prompt,
        annotator,
        guideline=np.array([number or 0 for number in guideline], dtype=np.int64),
        seconds=np.array(seconds, dtype=np.float64),
        at=_epoch_seconds(at),
    )


def _numbers(texts: Sequence[str]) -> _Numbers:
    """Find the whole numbers in JSON texts.

    >>> _numbers(["[[7], [8, 9]]", "[[3]]"])
    _Numbers(value=array([7, 8, 9, 3]), text=array([0, 0, 0, 1]), opened=array([2, 3, 3, 2]))
    """
    joined = "\n".join(texts)
    values = np.array(NOT_DIGITS.sub(" ", joined).split(), dtype=np.int64)
    characters = np.frombuffer(joined.encode("ascii"), dtype=np.uint8)
    is_digit = (characters >= ord("0")) & (characters <= ord("9"))
    starts = np.flatnonzero(is_digit & ~np.append(False, is_digit[:-1]))
    text = np.searchsorted(np.flatnonzero(characters == ord("\n")), starts)
    opening = np.flatnonzero(characters == ord("["))
    ends = np.append(np.flatnonzero(characters == ord("\n")), len(characters))
    before = np.append(0, np.searchsorted(opening, ends))
    return _Numbers(values, text, np.searchsorted(opening, starts) - before[text])


def _positions(said: _Numbers, shown: _Numbers) -> Ints:
    """The place on the page of each number that was said; -1 where it is not known."""
    span = int(max(said.value.max(initial=0), shown.value.max(initial=0))) + 1
    first = np.searchsorted(shown.text, shown.text)
    keys = shown.text * span + shown.value
    by_key = np.argsort(keys, kind="stable")
    wanted = said.text * span + said.value
    found = np.append(by_key, 0)[np.searchsorted(keys[by_key], wanted)]
    place = np.append(np.arange(len(keys)) - first, 0)
    is_known = np.append(keys, -1)[found] == wanted if len(keys) else np.zeros(len(wanted), dtype=np.bool_)
    return np.where(is_known, place[found], -1)


def _epoch_seconds(times: Sequence[str | datetime]) -> Floats:
    """SQLite keeps times as text in UTC; PostgreSQL gives datetimes."""
    if times and isinstance(times[0], datetime):
        return np.array([time.timestamp() for time in times if isinstance(time, datetime)], dtype=np.float64)
    return (np.array(times, dtype="datetime64[us]") - EPOCH) / np.timedelta64(1, "s")
