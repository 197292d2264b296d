"""The chain over the audit log: what is done around the triggers is found, and where."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from annotate import audit, sealing
from annotate.models import AuditSeal
from annotate.tasks import seal_audit

TRIGGERS = {
    "audit_never_changes": "annotate_auditentry",
    "audit_never_shrinks": "annotate_auditentry",
    "auditseal_never_changes": "annotate_auditseal",
    "auditseal_never_shrinks": "annotate_auditseal",
}


@pytest.fixture
def superuser(db):
    """Whoever may drop the triggers: what they do to the tables."""

    def execute(statement, *values):
        with connection.cursor() as cursor:
            for name, table in TRIGGERS.items():
                cursor.execute(
                    f"DROP TRIGGER IF EXISTS {name}" + ("" if connection.vendor == "sqlite" else f" ON {table}")
                )
            cursor.execute(statement, values)

    return execute


@pytest.fixture
def sealed(db):
    """Five entries under five seals."""
    for n in range(5):
        audit.record(audit.Kind.RULED, f"comparison {n}", before={"n": n}, after={"tiers": [[n], [2.5]], "é": None})
    sealing.seal()
    return list(AuditSeal.objects.order_by("number"))


def test_an_untouched_log_verifies_and_says_what_waits(sealed):
    audit.record(audit.Kind.RULED, "comparison 9")

    assert sealing.verify() == sealing.Verdict(5, 1)
    assert [link.number for link in sealed] == [1, 2, 3, 4, 5]
    assert sealing.head() == f"5:{sealed[-1].sha256}"


def test_sealing_twice_adds_nothing(sealed):
    assert seal_audit() == seal_audit() == sealing.head()
    assert AuditSeal.objects.count() == 5


def test_an_empty_log_has_no_seal(db):
    assert (sealing.seal(), sealing.verify()) == ("", sealing.Verdict(0, 0))


@pytest.mark.parametrize("column", ["kind", "subject", "by_id", "at", "after"])
def test_a_changed_entry_is_named(sealed, superuser, lee, column):
    entry = sealed[2].entry_id
    value = {"by_id": lee.pk, "at": "2020-01-01 00:00:00+00:00", "after": '{"n": 7}'}.get(column, "changed")
    superuser(f"UPDATE annotate_auditentry SET {column} = %s WHERE id = %s", value, entry)  # noqa: S608

    found = sealing.verify()

    assert (found.sealed, f"Seal 3 does not fit entry {entry} (" in found.problem) == (2, True)


def test_a_removed_entry_leaves_a_gap(sealed, superuser):
    superuser("DELETE FROM annotate_auditseal WHERE number = 2")
    superuser("DELETE FROM annotate_auditentry WHERE id = %s", sealed[1].entry_id)

    assert sealing.verify().problem == "Seal 2 is missing: it was deleted, and its entry with it."


def test_a_cut_off_tail_is_found_by_a_copy_of_its_seal(sealed, superuser):
    copy = sealing.head()
    superuser("DELETE FROM annotate_auditseal WHERE number > 3")
    superuser("DELETE FROM annotate_auditentry WHERE id > %s", sealed[2].entry_id)

    assert sealing.verify().problem == ""
    assert "Seal 5 is not the one that stands in the safe" in sealing.verify({"the safe": copy}).problem


def test_a_log_that_was_written_anew_is_found_by_a_copy(sealed, superuser):
    copy = sealing.head()
    superuser("DELETE FROM annotate_auditseal")
    superuser("UPDATE annotate_auditentry SET subject = %s WHERE id = %s", "comparison 77", sealed[2].entry_id)
    sealing.seal()

    assert sealing.verify().problem == ""
    assert "written anew" in sealing.verify({"the safe": copy}).problem


def test_the_command_tells_the_newest_seal_and_fails_with_the_first_break(sealed, superuser):
    out = StringIO()
    call_command("verify_audit", sealing.head(), stdout=out)
    assert "5 entries are as they were sealed, 0 wait for their seal, 1 copies fit" in out.getvalue()
    assert sealing.head() in out.getvalue()

    superuser("UPDATE annotate_auditentry SET subject = %s WHERE id = %s", "x", sealed[0].entry_id)

    with pytest.raises(CommandError, match="Seal 1 does not fit entry"):
        call_command("verify_audit")


@pytest.mark.parametrize("wrong", ["abc", "5:abc", ":" + 64 * "a"])
def test_what_is_no_seal_is_refused(db, wrong):
    with pytest.raises(CommandError, match="expected NUMBER:SHA256"):
        call_command("verify_audit", wrong)
