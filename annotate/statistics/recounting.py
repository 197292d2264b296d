"""Take what was counted of a comparison out of the sums and put in what counts now, in the caller's transaction.

Rows are locked in one order everywhere: comparisons, then each table of sums in turn, each by its key. So transactions
may wait for each other, never in a ring; a transaction calls `recount` once, last, for all that it changed.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Model

from annotate.models import AnnotatorDay, AnnotatorPair, Comparison, PairCell, Tally
from annotate.quality.contribution import (
    NOTHING,
    Contribution,
    DaySums,
    MetSums,
    Vote,
    comparison_agreement,
    contribution,
)
from annotate.verdicts import Status, status_of

SHARDS = 16
"""Of PairCell, which every submission writes to."""
ROWS_PER_STATEMENT = 500
STATUSES = list(Status)

READ = """
SELECT r.comparison_id, c.project_id, p.category, CAST(t.counted AS TEXT),
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
"""Every ranking of some comparisons; the sixth column says whether it counts, as preferences.current_rankings does."""
COMPARISONS_PER_READ = 1000

Key = tuple[object, ...]
Sums = tuple[int, ...]


class Table(NamedTuple):
    """A table of sums: the columns that make a row's key, and those that are added up."""

    model: type[Model]
    keys: tuple[str, ...]
    sums: tuple[str, ...]


DAYS = Table(AnnotatorDay, ("project_id", "annotator_id", "day", "guideline", "category"), DaySums._fields)
MET = Table(AnnotatorPair, ("project_id", "a_id", "b_id"), MetSums._fields)
CELLS = Table(PairCell, ("project_id", "shard", "category", "plus", "tie", "minus"), ("pairs",))
TABLES = (DAYS, MET, CELLS)


class Counted(NamedTuple):
    """The rankings of a comparison that are in the sums, and those that should be."""

    comparison: int
    project: int
    category: str
    is_ruled: bool
    was: list[Vote]
    now: list[Vote]


class Changes:
    """Sums to be added to each table, by key."""

    def __init__(self) -> None:
        self.by_table: dict[Table, dict[Key, Sums]] = {table: {} for table in TABLES}

    def add(self, one: Counted, what: Contribution, *, sign: int) -> None:
        """Add what a comparison contributes, or with sign -1 take it out."""
        for (annotator, day, guideline), sums in what.days.items():
            self._add(DAYS, (one.project, annotator, day, guideline, one.category), sums, sign)
        for pair, sums in what.met.items():
            self._add(MET, (one.project, *pair), sums, sign)
        for cell, count in what.cells.items():
            self._add(CELLS, (one.project, one.comparison % SHARDS, one.category, *cell), (count,), sign)

    def save(self) -> None:
        """Write what differs from zero, in the order of tables and keys."""
        for table, changes in self.by_table.items():
            _add_rows(table, [(*key, *sums) for key, sums in sorted(changes.items()) if any(sums)])

    def _add(self, table: Table, key: Key, sums: Sequence[int], sign: int) -> None:
        changes = self.by_table[table]
        before = changes.get(key)
        if before is None:
            changes[key] = tuple(sums) if sign == 1 else tuple(-x for x in sums)
        else:
            changes[key] = tuple(x + sign * y for x, y in zip(before, sums, strict=True))


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


def tally_row(one: Counted, now: Contribution) -> tuple[object, ...]:
    """Return the columns of a comparison's Tally; status is None where it must have none: no ranking counts."""
    agreement = comparison_agreement(now.pairs)
    status = status_of(len(one.now), agreement, is_ruled=one.is_ruled) if one.now else None
    return (
        one.comparison,
        one.project,
        json.dumps([vote.ranking for vote in one.now]),
        json.dumps(now.pairs),
        len(one.now),
        agreement,
        STATUSES.index(status) if status else None,
    )


def _lock(comparison_ids: Sequence[int]) -> None:
    """Let nobody else recount these comparisons until the transaction ends; SQLite has one writer anyway."""
    if connection.features.has_select_for_update:
        rows = Comparison.objects.filter(pk__in=comparison_ids).order_by("pk")
        list(rows.select_for_update(no_key=True).values_list("pk"))


def _grouped(rows: Iterable[Sequence[Any]]) -> list[Counted]:
    """Return the rows of READ by comparison; they stand together."""
    found: list[Counted] = []
    counted: set[int] = set()
    for comparison, project, category, ids, is_ruled, counts, pk, *said in rows:
        if not found or found[-1].comparison != comparison:
            counted = set(json.loads(ids or "[]"))
            found.append(Counted(comparison, project, category, bool(is_ruled), [], []))
        if not (counts or pk in counted):
            continue
        vote = _vote(pk, *said)
        if counts:
            found[-1].now.append(vote)
        if pk in counted:
            found[-1].was.append(vote)
    return found


def _vote(pk: int, annotator: int, day: object, guideline: int, tiers: str, order: str, seconds: float | None) -> Vote:
    return Vote(pk, annotator, str(day), guideline, json.loads(tiers), json.loads(order), seconds)


def _counted_anew(one: Counted, changes: Changes) -> tuple[object, ...]:
    """Add to the changes what a comparison adds now less what it added before, and return its tally."""
    now = contribution(one.now) if one.now else NOTHING
    if one.was != one.now:
        if one.was:
            changes.add(one, contribution(one.was), sign=-1)
        changes.add(one, now, sign=1)
    return tally_row(one, now)


def _save_tallies(rows: Sequence[tuple[object, ...]]) -> None:
    empty = [row[0] for row in rows if row[-1] is None]
    if empty:
        Tally.objects.filter(pk__in=empty).delete()
    columns = ("comparison_id", "project_id", "counted", "pairs", "ranking_count", "agreement", "status")
    action = ", ".join(f"{name} = excluded.{name}" for name in columns[2:])
    _upsert(Tally, columns, columns[:1], action, [row for row in rows if row[-1] is not None])


def _add_rows(table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    name = table.model._meta.db_table
    action = ", ".join(f"{column} = {name}.{column} + excluded.{column}" for column in table.sums)
    _upsert(table.model, (*table.keys, *table.sums), table.keys, action, rows)


def _upsert(
    model: type[Model], columns: Sequence[str], keys: Sequence[str], action: str, rows: Sequence[tuple[object, ...]]
) -> None:
    """Insert rows in their order, or change those that are there; a statement holds up to 500."""
    start = f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) VALUES "  # noqa: S608  names of ours
    end = f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {action}"
    row_marks = f"({', '.join(['%s'] * len(columns))})"
    with connection.cursor() as cursor:
        for at in range(0, len(rows), ROWS_PER_STATEMENT):
            batch = rows[at : at + ROWS_PER_STATEMENT]
            cursor.execute(start + ", ".join([row_marks] * len(batch)) + end, [value for row in batch for value in row])
