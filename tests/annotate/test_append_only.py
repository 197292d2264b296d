"""What the database itself refuses to change or delete: the audit log, and what is on record about pay."""

from decimal import Decimal
from importlib import import_module
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from annotate import assignments, projects, rankings, sealing, tokens
from annotate.answers import Answer
from annotate.crowd import ledger
from annotate.models import AuditEntry, PayDecision, PayRate

AUDIT = import_module("annotate.migrations.0017_audit_is_append_only")
SEALS = import_module("annotate.migrations.0026_seals_are_append_only")
PAY = import_module("annotate.migrations.0024_pay_is_append_only")


@pytest.fixture
def recorded(project, comparisons, ana, lee):
    """A row of each kind on record, with the triggers as the migrations made them: see conftest."""
    tokens.create(lee, label="nightly", days=3)
    sealing.seal()
    projects.set_pay(project, pay_per_hour=Decimal(12), currency="GBP", by=lee)
    place = assignments.reserve_next(ana, project)
    rankings.submit(place, Answer([place.order]), submission=uuid4())
    ledger.decide(place, is_paid=False, reason="Too quick.", by=lee)
    _guard(dict.fromkeys(AUDIT.TRIGGERS, "annotate_auditentry"), "audit_is_append_only", AUDIT)
    _guard(SEALS.TRIGGERS, "seals_are_append_only", SEALS)
    _guard(PAY.TRIGGERS, "pay_is_append_only", PAY)


def _guard(triggers, function, migration):
    is_sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1" if is_sqlite else "SET CONSTRAINTS ALL IMMEDIATE")
        for name, table in triggers.items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}" + ("" if is_sqlite else f" ON {table}"))
        for statement in migration.SQLITE if is_sqlite else [f"DROP FUNCTION {function}()", *migration.POSTGRESQL]:
            cursor.execute(statement)


@pytest.mark.parametrize(
    "act",
    [
        "UPDATE annotate_auditentry SET kind = 'x'",
        "DELETE FROM annotate_auditentry",
        "UPDATE annotate_auditseal SET sha256 = 'x'",
        "DELETE FROM annotate_auditseal",
        "UPDATE annotate_payrate SET per_hour = 1",
        "DELETE FROM annotate_payrate",
        "UPDATE annotate_paydecision SET reason = 'x'",
        "DELETE FROM annotate_paydecision",
    ],
)
def test_the_database_refuses_to_change_or_delete_what_is_on_record(recorded, act):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(act)

    assert AuditEntry.objects.exists()
    assert PayRate.objects.get().per_hour == 12
    assert PayDecision.objects.get().reason == "Too quick."
