"""Many new rows at once, without an object for each: COPY on PostgreSQL, one prepared INSERT on SQLite.

For the writing modules of tables that an import fills: 100,000 comparisons are 900,000 rows, and bulk_create takes four
times as long over them. Constraints hold as ever; defaults are the fields' own. Call it inside a transaction.
"""

from collections.abc import Iterable, Sequence

from django.db import connection
from django.db.models import Field, Model
from django.utils import timezone


def new_ids(model: type[Model], count: int) -> list[int]:
    """Draw ids for rows to come; nobody else gets them. On SQLite the transaction holds the only writing place."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            draw = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
            cursor.execute(draw, [table, count])
            return [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
        last = cursor.fetchone()[0]
    return list(range(last + 1, last + 1 + count))


def insert(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Store rows of plain values (numbers, texts, JSON as text) for these columns; the others take their defaults."""
    others = [field for field in model._meta.concrete_fields if field.column not in columns and not field.primary_key]
    defaults = tuple(_default(field) for field in others)
    names = [*columns, *(field.column for field in others)]
    table = connection.ops.quote_name(model._meta.db_table)
    quoted = ", ".join(map(connection.ops.quote_name, names))
    found = ((*row, *defaults) for row in rows)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({quoted}) FROM STDIN") as copy:
                for row in found:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(names))
        cursor.executemany(f"INSERT INTO {table} ({quoted}) VALUES ({marks})", found)  # noqa: S608  names of ours


def widen_cache() -> None:
    """Let this connection to SQLite hold 128 MB of pages: with its 2 MB it reads and writes each page many times."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA cache_size = -131072")


def analyze(*models: type[Model]) -> None:
    """Tell the planner what the tables hold now.

    Without it SQLite looks a thousand prompts up by reading all of their project.
    """
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")


def _default(field: Field) -> object:
    value = timezone.now() if getattr(field, "auto_now_add", False) else field.get_default()
    return field.get_db_prep_save(value, connection)
