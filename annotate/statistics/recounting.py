"""Take what was counted of a comparison out of the sums and put in what counts now, in the caller's transaction.

Rows are locked in one order everywhere: comparisons, then each table of sums in turn, each by its key. So transactions
may wait for each other, never in a ring; a transaction calls `recount` once, last, for all that it changed.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Model

from annotate.models import AnnotatorPair, AnnotatorWeek, PairCell, StatusCount, Tally
from annotate.quality.contribution import (
    NOTHING,
    Contribution,
    MetSums,
    Vote,
    WeekSums,
    contribution,
)
from annotate.verdicts import Status, status_of

SHARDS = 16
"""Of PairCell and StatusCount, which every submission writes to."""
ROWS_PER_STATEMENT = 500
STATUSES = list(Status)

LOCK = "SELECT id FROM annotate_comparison WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
READ = """
SELECT r.comparison_id, c.project_id, p.category, CAST(t.counted AS TEXT), t.status,
       EXISTS (SELECT 1 FROM annotate_adjudication j WHERE j.comparison_id = c.id AND j.superseded_at IS NULL),
       r.superseded_at IS NULL AND r.unrankable = '' AND a.purpose = 'work',
       r.id, r.annotator_id, date(r.submitted_at), COALESCE(g.number, 0), CAST(r.tiers AS TEXT),
       CAST(a."order" AS TEXT), COALESCE(r.active_seconds, r.seconds)
FROM annotate_ranking r
JOIN annotate_assignment a ON a.id = r.assignment_id
JOIN annotate_comparison c ON c.id = r.comparison_id
JOIN annotate_prompt p ON p.id = c.prompt_id
LEFT JOIN annotate_guidelineversion g ON g.id = a.guideline_id
LEFT JOIN annotate_tally t ON t.comparison_id = r.comparison_id
WHERE r.comparison_id IN ({marks}) ORDER BY r.comparison_id, r.id
"""
"""Every ranking of some comparisons; the seventh column says whether it counts: preferences.current_rankings."""
COMPARISONS_PER_READ = 1000

Key = tuple[object, ...]


class Table(NamedTuple):
    """A table of sums: the columns that make a row's key, and those that are added up."""

    model: type[Model]
    keys: tuple[str, ...]
    sums: tuple[str, ...]


WEEKS = Table(AnnotatorWeek, ("project_id", "annotator_id", "week", "guideline"), WeekSums._fields)
MET = Table(AnnotatorPair, ("project_id", "a_id", "b_id"), MetSums._fields)
CELLS = Table(PairCell, ("project_id", "shard", "category", "plus", "tie", "minus"), ("pairs",))
STANDING = Table(StatusCount, ("project_id", "shard", "status"), ("comparisons",))
TABLES = (WEEKS, MET, CELLS, STANDING)


class Counted(NamedTuple):
    """The rankings of a comparison that are in the sums, and those that should be."""

    comparison: int
    project: int
    category: str
    is_ruled: bool
    status: int | None  # of its tally, None where it has none
    was: list[Vote]
    now: list[Vote]


class TallyRow(NamedTuple):
    """The columns of a Tally; the JSON as text. `status` is None where there must be none: no ranking counts."""

    comparison_id: int
    project_id: int
    counted: str
    pairs: str
    ranking_count: int
    agreement: float | None
    status: int | None


class Changes:
    """Sums to be added to each table, by key."""

    def __init__(self) -> None:
        self._parts: dict[Table, dict[Key, list[Sequence[int]]]] = {table: {} for table in TABLES}

    def add(self, one: Counted, what: Contribution, *, sign: int) -> None:
        """Add what a comparison contributes, or with sign -1 take it out."""
        weeks, met, cells = (self._parts[table] for table in (WEEKS, MET, CELLS))
        project, shard, category = one.project, one.comparison % SHARDS, one.category
        for (annotator, week, guideline), sums in what.weeks.items():
            weeks.setdefault((project, annotator, week, guideline), []).append(_signed(sums, sign))
        for pair, sums in what.met.items():
            met.setdefault((project, *pair), []).append(_signed(sums, sign))
        for cell, count in what.cells.items():
            cells.setdefault((project, shard, category, *cell), []).append((sign * count,))

    def add_status(self, one: Counted, status: int | None, *, sign: int) -> None:
        """Add that a comparison stands where it does, or with sign -1 that it does no longer."""
        if status is not None:
            key = (one.project, one.comparison % SHARDS, status)
            self._parts[STANDING].setdefault(key, []).append((sign,))

    def sums(self, table: Table) -> dict[Key, tuple[int, ...]]:
        """Return what is to be added to the rows of a table, by key."""
        parts = self._parts[table]
        added = {key: tuple(map(sum, zip(*rows, strict=True))) for key, rows in parts.items()}
        self._parts[table] = {key: [sums] for key, sums in added.items()}
        return added

    def save(self) -> None:
        """Write what differs from zero, in the order of tables and keys."""
        for table in TABLES:
            _add_rows(table, [(*key, *sums) for key, sums in sorted(self.sums(table).items()) if any(sums)])


def recount(comparison_ids: Iterable[int]) -> None:
    """Bring the sums to what counts now on these comparisons; call it last in the transaction that changed them."""
    ids = sorted(set(comparison_ids))
    with transaction.atomic(savepoint=False):
        changes = Changes()
        for at in range(0, len(ids), COMPARISONS_PER_READ):
            batch = ids[at : at + COMPARISONS_PER_READ]
            _lock(batch)
            _save_tallies([_counted_anew(one, changes) for one in read(batch)])
        changes.save()


def read(comparison_ids: Sequence[int]) -> list[Counted]:
    """Return what is counted and what counts of up to 1,000 comparisons; those that nobody ranked are left out."""
    with connection.cursor() as cursor:
        cursor.execute(READ.format(marks=", ".join(["%s"] * len(comparison_ids))), comparison_ids)
        return _grouped(cursor.fetchall())


def tally_row(one: Counted, now: Contribution) -> TallyRow:
    """Return a comparison's Tally as it should be."""
    status = status_of(len(one.now), now.agreement, is_ruled=one.is_ruled) if one.now else None
    return TallyRow(
        one.comparison,
        one.project,
        str([vote.ranking for vote in one.now]),
        str([list(pair) for pair in now.pairs]),
        len(one.now),
        now.agreement,
        STATUSES.index(status) if status else None,
    )


def _lock(comparison_ids: Sequence[int]) -> None:
    """Let nobody else recount these comparisons until the transaction ends; SQLite has one writer anyway."""
    if connection.features.has_select_for_update:
        with connection.cursor() as cursor:
            cursor.execute(LOCK, [list(comparison_ids)])


def _grouped(rows: Sequence[Sequence[Any]]) -> list[Counted]:
    """Return the rows of READ by comparison; they stand together."""
    found: list[Counted] = []
    counted: set[int] = set()
    said = zip(_parsed(row[-3] for row in rows), _parsed(row[-2] for row in rows), strict=True)
    for row, (tiers, order) in zip(rows, said, strict=True):
        comparison, project, category, ids, status, is_ruled, counts, pk, annotator, day, guideline, *_, seconds = row
        if not found or found[-1].comparison != comparison:
            counted = set(json.loads(ids)) if ids else set()
            found.append(Counted(comparison, project, category, bool(is_ruled), status, [], []))
        if counts or pk in counted:
            vote = Vote(pk, annotator, _monday(str(day)), guideline, tiers, order, seconds)
            if counts:
                found[-1].now.append(vote)
            if pk in counted:
                found[-1].was.append(vote)
    return found


def _parsed(texts: Iterable[str]) -> list[Any]:
    """Return many short JSON texts as values: parsed as one, which takes a third of the time."""
    values: list[Any] = json.loads(f"[{','.join(texts)}]")
    return values


@lru_cache(maxsize=4096)
def _monday(day: str) -> str:
    """Return the first day of a day's ISO week.

    >>> _monday("2026-11-25")
    '2026-11-23'
    """
    found = date.fromisoformat(day)
    return (found - timedelta(days=found.weekday())).isoformat()


def _signed(sums: Sequence[int], sign: int) -> Sequence[int]:
    return sums if sign == 1 else [-x for x in sums]


def _counted_anew(one: Counted, changes: Changes) -> TallyRow:
    """Add to the changes what a comparison adds now less what it added before, and return its tally."""
    now = contribution(one.now) if one.now else NOTHING
    if one.was != one.now:
        if one.was:
            changes.add(one, contribution(one.was), sign=-1)
        changes.add(one, now, sign=1)
    row = tally_row(one, now)
    if one.status != row.status:
        changes.add_status(one, one.status, sign=-1)
        changes.add_status(one, row.status, sign=1)
    return row


def _save_tallies(rows: Sequence[TallyRow]) -> None:
    empty = [row.comparison_id for row in rows if row.status is None]
    if empty:
        Tally.objects.filter(pk__in=empty).delete()
    columns = TallyRow._fields
    action = ", ".join(f"{name} = excluded.{name}" for name in columns[2:])
    _upsert(Tally, columns, columns[:1], action, [row for row in rows if row.status is not None])


def _add_rows(table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    name = table.model._meta.db_table
    action = ", ".join(f"{column} = {name}.{column} + excluded.{column}" for column in table.sums)
    _upsert(table.model, (*table.keys, *table.sums), table.keys, action, rows)


def _upsert(
    model: type[Model], columns: Sequence[str], keys: Sequence[str], action: str, rows: Sequence[tuple[object, ...]]
) -> None:
    """Insert rows in their order, or change those that are there: 500 a statement, on SQLite by one prepared one."""
    start = f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) VALUES "  # noqa: S608  names of ours
    end = f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {action}"
    row_marks = f"({', '.join(['%s'] * len(columns))})"
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executemany(start + row_marks + end, rows)
            return
        for at in range(0, len(rows), ROWS_PER_STATEMENT):
            batch = rows[at : at + ROWS_PER_STATEMENT]
            cursor.execute(start + ", ".join([row_marks] * len(batch)) + end, [value for row in batch for value in row])
