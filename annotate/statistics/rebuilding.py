"""Make the sums anew, or say where they differ from what the rankings add up to.

Safe while annotators work: a comparison without a Tally is not in the sums, so a rebuild empties the project's rows in
one short transaction and then recounts the comparisons, some thousand in a transaction. Who submits meanwhile recounts
their own comparison, whether its turn has come or not. Until the last is done the sums are those of a part; a rebuild
that was cut off is finished by `catch_up`.
"""

import gc
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from annotate import bulk
from annotate.models import Assignment, Comparison, Project, Ranking, Tally
from annotate.quality.contribution import NOTHING, contribution
from annotate.statistics.recounting import COMPARISONS_PER_READ, TABLES, Changes, Counted, Key, read, recount, tally_row

Progress = Callable[[int, int], None]
"""Told (comparisons done, comparisons in all)."""
MANY = 1_000
COMPARISONS_PER_TRANSACTION = 5_000
"""On SQLite a submission waits for as long as one of them takes: a second or two on an idle machine."""


class Difference(NamedTuple):
    """A row that is not as the rankings say; a missing row counts as zeros, a missing tally as nothing."""

    table: str
    key: Key
    stored: tuple[object, ...]
    expected: tuple[object, ...]

    @property
    def sentence(self) -> str:
        return f"{self.table} {self.key}: stored {self.stored}, expected {self.expected}"


def rebuild(project: Project, *, progress: Progress = lambda done, total: None) -> int:
    """Empty a project's sums and count all its comparisons anew; return how many those were."""
    with transaction.atomic():
        _keep_others_out()
        for table in TABLES:
            table.model.objects.filter(project=project).delete()
        Tally.objects.filter(project=project).delete()
    return catch_up(project, progress=progress)


def catch_up(project: Project, *, progress: Progress = lambda done, total: None) -> int:
    """Count the comparisons whose rankings are not in the sums yet; return how many those were."""
    missing = list(_uncounted(project))
    if len(missing) >= MANY:
        bulk.widen_cache()
    for at in range(0, len(missing), COMPARISONS_PER_TRANSACTION):
        with _without_collector():
            recount(missing[at : at + COMPARISONS_PER_TRANSACTION])
        progress(min(at + COMPARISONS_PER_TRANSACTION, len(missing)), len(missing))
    if len(missing) >= MANY:
        bulk.analyze(Tally, *(table.model for table in TABLES))
    return len(missing)


def differences(project: Project, *, progress: Progress = lambda done, total: None) -> list[Difference]:
    """Return where the stored sums differ from the rankings, all read at one moment; nothing is written or locked."""
    with _one_moment():
        ids = list(Comparison.objects.filter(project=project).order_by("pk").values_list("pk", flat=True))
        expected, found = Changes(), []
        for at in range(0, len(ids), COMPARISONS_PER_READ):
            batch = ids[at : at + COMPARISONS_PER_READ]
            found += _tally_differences(batch, read(batch), expected)
            if at % COMPARISONS_PER_TRANSACTION == 0:
                for table in TABLES:
                    expected.sums(table)  # keeps one row a key in memory
            progress(at + len(batch), len(ids))
        return found + list(_sum_differences(project, expected))


@contextmanager
def _without_collector() -> Iterator[None]:
    """Let no garbage collector walk over a million tuples that all stay: it takes a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _uncounted(project: Project) -> Iterator[int]:
    counting = Ranking.objects.filter(superseded_at__isnull=True, unrankable="", comparison=OuterRef("pk"))
    ranked = Exists(counting.filter(assignment__purpose=Assignment.Purpose.WORK))
    missing = Comparison.objects.filter(ranked, project=project, tally__isnull=True)
    return missing.order_by("pk").values_list("pk", flat=True).iterator()


def _keep_others_out() -> None:
    """Wait until nobody is between reading a tally and writing sums, and let nobody begin; SQLite has one writer."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {Tally._meta.db_table} IN ACCESS EXCLUSIVE MODE")


@contextmanager
def _one_moment() -> Iterator[None]:
    """Read all at one moment without keeping a writer out, which transaction.atomic() would do on SQLite."""
    if connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        is_postgresql = connection.vendor == "postgresql"
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ" if is_postgresql else "BEGIN")
        try:
            yield
        finally:
            cursor.execute("COMMIT")


def _tally_differences(ids: Sequence[int], found: Sequence[Counted], expected: Changes) -> list[Difference]:
    columns = ("pk", "project_id", "counted", "pairs", "ranking_count", "agreement", "status")
    stored = {row[0]: row[1:] for row in Tally.objects.filter(pk__in=ids).values_list(*columns)}
    wanted = {}
    for one in found:
        now = contribution(one.now) if one.now else NOTHING
        expected.add(one, now, sign=1)
        if one.now:
            row = tally_row(one, now)
            expected.add_status(one, row.status, sign=1)
            wanted[one.comparison] = _as_stored(row)
    keys = sorted(stored.keys() | wanted.keys())
    pairs = [(pk, stored.get(pk, ()), wanted.get(pk, ())) for pk in keys]
    return [Difference(Tally._meta.db_table, (pk,), had, want) for pk, had, want in pairs if had != want]


def _as_stored(row: Sequence[object]) -> tuple[object, ...]:
    _, project, counted, pairs, *rest = row
    return project, json.loads(counted), json.loads(pairs), *rest


def _sum_differences(project: Project, expected: Changes) -> Iterator[Difference]:
    for table in TABLES:
        wanted = expected.sums(table)
        zeros = (0,) * len(table.sums)
        rows = table.model.objects.filter(project=project).values_list(*table.keys, *table.sums)
        stored = {_key(row[: len(table.keys)]): row[len(table.keys) :] for row in rows.iterator(chunk_size=5000)}
        for key in sorted(stored.keys() | wanted.keys()):
            had, want = stored.get(key, zeros), wanted.get(key, zeros)
            if had != want:
                yield Difference(table.model._meta.db_table, key, had, want)


def _key(columns: Sequence[object]) -> Key:
    return tuple(str(value) if isinstance(value, date) else value for value in columns)
