"""Invitation links: the secret is shown once, lets in as many as it may, and nobody more."""

import hashlib
import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from annotate import people
from annotate.crowd import invitations
from annotate.models import Annotator, Invitation, Membership, Role

PASSWORD = "correct horse battery"
ACCOUNT = {"username": "dora", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def invite(project):
    """Make an invitation and return it with the address of its link."""

    def invite(**given):
        invitation, secret = invitations.create(project, label="friends", by=None, **given)
        return invitation, reverse("join", args=[secret])

    return invite


def test_only_a_hash_of_the_secret_is_kept(project):
    invitation, secret = invitations.create(project, label="friends", by=None)

    stored = Invitation.objects.filter(pk=invitation.pk).values().get()
    assert stored["token_sha256"] == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(stored)


def test_staff_see_the_link_once(client, project, lee):
    client.force_login(lee)
    at = reverse("invitations", args=[project.slug])

    made = client.post(at, {"label": "friends", "max_uses": 3})

    assert made.status_code == 201
    address = reverse("join", args=["x"])[:-2]
    assert address in made.content.decode()
    assert address not in client.get(at).content.decode()
    assert "0 of 3" in client.get(at).content.decode()


@pytest.mark.parametrize(
    "sent",
    [
        {"label": ""},
        {"label": "x", "max_uses": 0},
        {"label": "x", "quota": -1},
        {"label": "x", "quota": 10**12},
        {"label": "x", "expires_at": "2001-01-01T00:00"},
        {"label": "x" * 200},
        {"label": "a\x00b"},
    ],
)
def test_a_bad_invitation_is_refused_and_not_stored(client, project, lee, sent):
    client.force_login(lee)

    assert client.post(reverse("invitations", args=[project.slug]), sent).status_code == 422
    assert not Invitation.objects.exists()


def test_a_stranger_makes_an_account_and_is_in(client, project, invite):
    invitation, at = invite(cohort="autumn", quota=7)
    assert "Make an account" in client.get(at).content.decode()

    response = client.post(at, ACCOUNT, follow=True)

    member = Membership.objects.get(project=project)
    assert (member.annotator.user.username, member.cohort, member.quota) == ("dora", "autumn", 7)
    assert response.context["user"].username == "dora"
    invitation.refresh_from_db()
    assert invitation.use_count == 1


def test_a_bad_account_is_refused_and_uses_nothing(client, ana, invite):
    invitation, at = invite(max_uses=1)

    taken = client.post(at, ACCOUNT | {"username": "ana"})
    weak = client.post(at, ACCOUNT | {"password1": "12345", "password2": "12345"})

    assert (taken.status_code, weak.status_code) == (422, 422)
    invitation.refresh_from_db()
    assert invitation.use_count == 0
    assert User.objects.count() == 1


def test_who_has_an_account_signs_in_and_joins(client, ana, invite):
    _, at = invite()
    assert f"{reverse('login')}?next={at}" in client.get(at).content.decode()

    landed = client.post(reverse("login"), {"username": "ana", "password": PASSWORD, "next": at})
    client.post(landed.url)

    assert Membership.objects.get().annotator == ana


def test_an_account_without_a_role_becomes_an_annotators(client, sam, invite):
    _, at = invite()
    client.force_login(sam)

    client.post(at)

    assert sam.groups.get().name == Role.ANNOTATOR
    assert Membership.objects.get().annotator.user == sam


def test_staff_do_not_join_by_a_link(client, rex, invite):
    _, at = invite()
    client.force_login(rex)

    assert client.post(at).status_code == 403
    assert not Membership.objects.exists()


def test_coming_again_is_no_further_use(nia, invite):
    invitation, _ = invite(max_uses=1)

    invitations.accept(invitation, nia)
    invitations.accept(invitation, nia)

    invitation.refresh_from_db()
    assert invitation.use_count == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"is_revoked": True}, "withdrawn"),
        ({"expires_at": timezone.now() - timedelta(minutes=1)}, "expired"),
        ({"max_uses": 1, "use_count": 1}, "as often as it may be"),
    ],
)
def test_a_closed_link_says_why_and_makes_nobody(client, invite, state, words):
    invitation, at = invite()
    Invitation.objects.filter(pk=invitation.pk).update(**state)

    responses = client.get(at), client.post(at, ACCOUNT)

    assert [response.status_code for response in responses] == [410, 410]
    assert words in responses[1].content.decode()
    assert not User.objects.exists()


def test_an_unknown_secret_is_not_found(client, db):
    response = client.get(reverse("join", args=["no-such-secret"]))

    assert response.status_code == 404
    assert "Nobody knows this invitation" in response.content.decode()


def test_a_link_that_was_closed_since_the_page_was_opened_lets_nobody_in(project, nia, invite):
    invitation, _ = invite()
    invitations.revoke(Invitation.objects.get())

    with pytest.raises(invitations.Closed, match="withdrawn"):
        invitations.accept(invitation, nia)


def test_staff_withdraw_a_link_of_their_project_only(client, lee, project, invite):
    invitation, at = invite()
    client.force_login(lee)

    assert client.post(reverse("invitation_revoke", args=["other", invitation.pk])).status_code == 404
    client.post(reverse("invitation_revoke", args=[project.slug, invitation.pk]))

    client.logout()
    assert client.get(at).status_code == 410


def test_the_constraint_refuses_the_use_too_many_however_many_come_at_once(roles, project):
    invitation, _ = invitations.create(project, label="friends", max_uses=2, by=None)
    annotators = [
        people.annotator_for(people.create_account(f"a{n}", password=None, roles=[Role.ANNOTATOR])) for n in range(6)
    ]
    start, refused = threading.Barrier(6), []

    def accept(annotator):
        start.wait()
        try:
            invitations.accept(Invitation.objects.get(), annotator)
        except invitations.Closed:
            refused.append(annotator)
        finally:
            connection.close()

    threads = [threading.Thread(target=accept, args=[annotator]) for annotator in annotators]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    assert len(refused) == 4
    assert Membership.objects.count() == 2
    assert Invitation.objects.get().use_count == 2
    assert Annotator.objects.count() == 6
