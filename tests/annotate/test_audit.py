"""Acts that bear on rights: each leaves an entry with who, what, before and after; nothing changes or deletes one."""

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import transaction
from django.urls import reverse

from annotate import assignments, audit, people, projects, rankings, tokens
from annotate.audit import Kind
from annotate.crowd import invitations
from annotate.models import AuditEntry, Role
from rlhf import snapshots

pytestmark = pytest.mark.django_db


def last(kind):
    return AuditEntry.objects.filter(kind=kind).first()


@pytest.fixture
def as_lee(client, lee):
    client.force_login(lee)
    return client


def admin_form(user, **changes):
    """What the account page of the admin site sends."""
    joined = user.date_joined
    return {
        "username": user.username,
        "is_active": "on",
        "groups": [str(pk) for pk in user.groups.values_list("pk", flat=True)],
        "date_joined_0": joined.strftime("%Y-%m-%d"),
        "date_joined_1": joined.strftime("%H:%M:%S"),
    } | changes


def test_a_new_role_stands_with_who_gave_it_and_what_was_before(as_lee, lee, ana):
    reviewer = Group.objects.get(name=Role.REVIEWER).pk

    saved = as_lee.post(reverse("admin:auth_user_change", args=[ana.user.pk]), admin_form(ana.user, groups=[reviewer]))

    assert saved.status_code == 302
    entry = last(Kind.ACCOUNT_CHANGED)
    assert (entry.by, entry.subject) == (lee, f"account {ana.user.pk}")
    assert (entry.before, entry.after) == ({"roles": ["annotator"]}, {"roles": ["reviewer"]})


def test_a_disabled_account_stands_there(as_lee, ana):
    as_lee.post(reverse("admin:auth_user_change", args=[ana.user.pk]), admin_form(ana.user, is_active=""))

    entry = last(Kind.ACCOUNT_CHANGED)
    assert (entry.before, entry.after) == ({"is_active": True}, {"is_active": False})


def test_an_account_made_and_a_password_set_stand_there(as_lee, lee):
    made = {"username": "new", "password1": "correct horse battery", "password2": "correct horse battery"}
    as_lee.post(reverse("admin:auth_user_add"), made | {"usable_password": "true"})
    number = last(Kind.ACCOUNT_MADE).subject.removeprefix("account ")

    as_lee.post(
        reverse("admin:auth_user_password_change", args=[number]),
        {"password1": "another horse battery", "password2": "another horse battery", "set-password": "1"},
    )

    assert last(Kind.ACCOUNT_MADE).by == lee
    assert last(Kind.PASSWORD_SET).subject == f"account {number}"


def test_a_superuser_made_by_command_stands_there(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")

    call_command("createsuperuser", username="root", email="", interactive=False, verbosity=0)

    entry = last(Kind.ACCOUNT_MADE)
    assert (entry.by, entry.after["is_superuser"]) == (None, True)


def test_a_change_of_settings_stands_field_by_field(project):
    projects.change(project, name="Rivers", overlap=5, lease_seconds=project.lease_seconds, is_active=True)

    entry = last(Kind.PROJECT_CHANGED)
    assert (entry.before, entry.after) == ({"overlap": 2}, {"overlap": 5})


def test_a_change_that_changes_nothing_leaves_no_entry(project):
    before = AuditEntry.objects.count()

    projects.change(project, name="Rivers", overlap=2, lease_seconds=project.lease_seconds, is_active=True)

    assert AuditEntry.objects.count() == before


def test_tokens_stand_there_without_what_opens_anything(lee):
    token = tokens.create(lee, label="nightly", days=3)
    tokens.revoke(lee, token_key=tokens.of(lee).get().token_key)

    assert last(Kind.TOKEN_MADE).after == {"token": token[:6], "days": 3, "is_read_only": False}
    assert last(Kind.TOKEN_REVOKED).before == {"token": token[:6]}


def test_an_export_a_freeze_and_an_invitation_stand_there(as_lee, lee, project, comparisons):
    as_lee.get(reverse("export_download", args=["rivers"]), {"what": "rankings", "form": "jsonl"})
    snapshots.freeze(project, by=lee)
    invitation, secret = invitations.create(project, label="friends", by=lee)
    invitations.revoke(invitation)

    assert last(Kind.EXPORTED).after == {"what": "rankings", "form": "jsonl", "reasons": "none"}
    assert last(Kind.EXPORTED).by == lee
    assert last(Kind.FROZEN).after["is_new"] is True
    assert secret not in str(list(AuditEntry.objects.values()))
    assert last(Kind.INVITATION_REVOKED).subject == f"invitation {invitation.pk} to rivers"


def test_a_ruling_and_a_pause_stand_there(comparisons, ana, rex, project):
    held = assignments.reserve_next(ana, project)
    rankings.adjudicate(held.comparison, reviewer=rex, tiers=[held.order], reason="clear")
    people.set_paused(ana, is_paused=True)

    assert last(Kind.RULED).subject == f"comparison {held.comparison_id}"
    assert last(Kind.ANNOTATOR_PAUSED).after == {"is_paused": True}


def test_an_act_that_is_rolled_back_leaves_no_entry(lee):
    before = AuditEntry.objects.count()

    with transaction.atomic():
        tokens.create(lee, label="nightly", days=3)
        transaction.set_rollback(True)

    assert AuditEntry.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_an_act_is_recorded_inside_its_transaction():
    with pytest.raises(RuntimeError, match="inside its transaction"):
        audit.record(Kind.RULED, "comparison 1")


def test_admins_read_the_log_by_kind_and_person(as_lee, lee, project):
    as_lee.post(reverse("tokens"), {"label": "nightly", "days": 30})

    mine = as_lee.get(reverse("audit"), {"kind": Kind.TOKEN_MADE, "by": lee.pk})
    none = as_lee.get(reverse("audit"), {"kind": Kind.ERASED})
    wrong = as_lee.get(reverse("audit"), {"kind": "nonsense"})

    assert [entry.kind for entry in mine.context["page"]] == [Kind.TOKEN_MADE]
    assert "Nothing like this is on record" in none.content.decode()
    assert wrong.status_code == 422
