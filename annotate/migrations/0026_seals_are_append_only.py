"""The database itself refuses to change, delete or (PostgreSQL) truncate seals of the audit log."""

from django.db import migrations

SAID = "seals of the audit log are append-only"
SQLITE = [
    f"CREATE TRIGGER auditseal_never_changes BEFORE UPDATE ON annotate_auditseal "
    f"BEGIN SELECT RAISE(ABORT, '{SAID}'); END",
    f"CREATE TRIGGER auditseal_never_shrinks BEFORE DELETE ON annotate_auditseal "
    f"BEGIN SELECT RAISE(ABORT, '{SAID}'); END",
]
POSTGRESQL = [
    "CREATE FUNCTION seals_are_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{SAID}'; END $$",
    "CREATE TRIGGER auditseal_never_changes BEFORE UPDATE ON annotate_auditseal "
    "FOR EACH ROW EXECUTE FUNCTION seals_are_append_only()",
    "CREATE TRIGGER auditseal_never_shrinks BEFORE DELETE OR TRUNCATE ON annotate_auditseal "
    "FOR EACH STATEMENT EXECUTE FUNCTION seals_are_append_only()",
]
TRIGGERS = dict.fromkeys(("auditseal_never_changes", "auditseal_never_shrinks"), "annotate_auditseal")


def guard(apps, schema_editor):
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement)


def unguard(apps, schema_editor):
    is_sqlite = schema_editor.connection.vendor == "sqlite"
    for name, table in TRIGGERS.items():
        schema_editor.execute(f"DROP TRIGGER {name}" + ("" if is_sqlite else f" ON {table}"))
    if not is_sqlite:
        schema_editor.execute("DROP FUNCTION seals_are_append_only()")


class Migration(migrations.Migration):
    dependencies = [("annotate", "0025_audit_seals")]
    operations = [migrations.RunPython(guard, unguard)]
