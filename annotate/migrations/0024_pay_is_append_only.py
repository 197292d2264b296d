"""The database itself refuses to change, delete or (PostgreSQL) truncate what is on record about pay."""

from django.db import migrations

SAID = "what is on record about pay is append-only"
TABLES = ("payrate", "paydecision")
SQLITE = [
    f"CREATE TRIGGER {table}_never_{does} BEFORE {what} ON annotate_{table} BEGIN SELECT RAISE(ABORT, '{SAID}'); END"
    for table in TABLES
    for does, what in (("changes", "UPDATE"), ("shrinks", "DELETE"))
]
POSTGRESQL = [
    "CREATE FUNCTION pay_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{SAID}'; END $$",
    *(
        f"CREATE TRIGGER {table}_never_{does} BEFORE {what} ON annotate_{table} "
        f"FOR EACH {each} EXECUTE FUNCTION pay_is_append_only()"
        for table in TABLES
        for does, what, each in (("changes", "UPDATE", "ROW"), ("shrinks", "DELETE OR TRUNCATE", "STATEMENT"))
    ),
]
TRIGGERS = {f"{table}_never_{does}": f"annotate_{table}" for table in TABLES for does in ("changes", "shrinks")}


def guard(apps, schema_editor):
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement)


def unguard(apps, schema_editor):
    is_sqlite = schema_editor.connection.vendor == "sqlite"
    for name, table in TRIGGERS.items():
        schema_editor.execute(f"DROP TRIGGER {name}" + ("" if is_sqlite else f" ON {table}"))
    if not is_sqlite:
        schema_editor.execute("DROP FUNCTION pay_is_append_only()")


class Migration(migrations.Migration):
    dependencies = [("annotate", "0023_rates_in_force")]
    operations = [migrations.RunPython(guard, unguard)]
