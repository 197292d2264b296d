"""The database itself refuses to change, delete or (PostgreSQL) truncate entries of the audit log."""

from django.db import migrations

SAID = "the audit log is append-only"
SQLITE = [
    f"CREATE TRIGGER audit_never_changes BEFORE UPDATE ON annotate_auditentry BEGIN SELECT RAISE(ABORT, '{SAID}'); END",
    f"CREATE TRIGGER audit_never_shrinks BEFORE DELETE ON annotate_auditentry BEGIN SELECT RAISE(ABORT, '{SAID}'); END",
]
POSTGRESQL = [
    "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{SAID}'; END $$",
    "CREATE TRIGGER audit_never_changes BEFORE UPDATE ON annotate_auditentry "
    "FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()",
    "CREATE TRIGGER audit_never_shrinks BEFORE DELETE OR TRUNCATE ON annotate_auditentry "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()",
]
TRIGGERS = ("audit_never_changes", "audit_never_shrinks")


def guard(apps, schema_editor):
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement)


def unguard(apps, schema_editor):
    is_sqlite = schema_editor.connection.vendor == "sqlite"
    for name in TRIGGERS:
        schema_editor.execute(f"DROP TRIGGER {name}" + ("" if is_sqlite else " ON annotate_auditentry"))
    if not is_sqlite:
        schema_editor.execute("DROP FUNCTION audit_is_append_only()")


class Migration(migrations.Migration):
    dependencies = [("annotate", "0016_audit_log")]
    operations = [migrations.RunPython(guard, unguard)]
