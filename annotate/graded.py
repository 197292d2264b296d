"""What was said of single completions beside the order: ratings, aspects, flags, as arrays; and reasons. Reads only.

A project of a million rankings that asks for nothing of the kind is passed over in seconds: their JSON is not parsed.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from django.db import connection

from annotate import preferences
from annotate.columns import Rankings
from annotate.models import Project
from annotate.quality.arrays import Ints
from annotate.quality.work import NO_FLAGS, Flagged, Grades

RATING = "rating"
"""The name of the overall rating; an aspect is called «aspect:» and its key."""
CHUNK = 50_000
FEW_WORDS = 4
"""A reason of fewer words is often the same by chance: «more detailed»."""
Row = tuple[int, int, int, int]


class Said(NamedTuple):
    """Grades by the name of their scale; of each flag on which (ranking, completion) it was raised, by id (N, 2); and
    the code of each counted ranking's reason by its id."""

    scales: Mapping[str, Grades]
    raised: Mapping[str, Ints]
    reason: Mapping[int, int]


def read(project: Project) -> Said:
    """Return all that the current rankings of a project say of single completions."""
    grades: dict[str, list[tuple[Row, float]]] = defaultdict(list)
    raised: dict[str, list[tuple[int, int]]] = defaultdict(list)
    reasons: dict[str, int] = {}
    reason_of: dict[int, int] = {}
    for ranking, annotator, prompt, details, reason in _rows(project):
        if len(reason.split()) >= FEW_WORDS:
            reason_of[ranking] = reasons.setdefault(" ".join(reason.casefold().split()), len(reasons))
        said = json.loads(details) if '"' in details else {}
        for name, values in _scales(said):
            grades[name] += [((int(pk), annotator, prompt, ranking), float(value)) for pk, value in values.items()]
        for completion, keys in said.get("flags", {}).items():
            for key in keys:
                raised[key].append((ranking, int(completion)))
    return Said(
        scales={name: _grades(rows) for name, rows in sorted(grades.items())},
        raised={key: np.array(rows, dtype=np.int64) for key, rows in sorted(raised.items())},
        reason=reason_of,
    )


def flagged(raised: Mapping[str, Ints], found: Rankings) -> Flagged:
    """Return which flags were raised on each completion of each ranking; nothing where no flag ever was."""
    if not raised:
        return NO_FLAGS
    ranked = found.ranked
    span = int(ranked.completion.max(initial=0)) + 1
    keys = found.pk[ranked.ranking] * span + ranked.completion
    marks = {key: np.isin(keys, rows[:, 0] * span + rows[:, 1]) for key, rows in raised.items()}
    return Flagged(ranked.completion, ranked.annotator, ranked.prompt, marks)


def _rows(project: Project) -> Iterator[tuple[int, int, int, str, str]]:
    """Rows as the database gives them: JSON as text."""
    said = ("pk", "annotator_id", "comparison__prompt_id", "details", "reason")
    found = preferences.current_rankings(project).order_by("pk").values_list(*said)
    sql, params = found.query.sql_with_params()
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(CHUNK):
            yield from rows


def _scales(said: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, int]]]:
    if "ratings" in said:
        yield RATING, said["ratings"]
    for key, values in said.get("aspects", {}).items():
        yield f"aspect:{key}", values


def _grades(rows: list[tuple[Row, float]]) -> Grades:
    ids = np.array([row for row, _ in rows], dtype=np.int64)
    return Grades(*ids.T, value=np.array([value for _, value in rows], dtype=np.float64))
