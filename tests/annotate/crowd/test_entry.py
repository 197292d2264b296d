"""A worker's way in: the right address opens their account, and nothing else opens anybody's."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from annotate import projects
from annotate.crowd import entry
from annotate.crowd import settings as crowds
from annotate.models import Annotator, Membership, Participation
from tests.annotate.crowd.conftest import OTHER_PID, OTHER_SESSION, OTHER_STUDY, PID, PROLIFIC, SESSION, STUDY


def test_the_page_names_the_work_and_changes_nothing(client, address):
    response = client.get(address())

    assert response.status_code == 200
    assert PID in response.content.decode()
    assert not User.objects.exists()


def test_a_worker_comes_in_without_an_account_form(client, crowd_project, address):
    response = client.post(address())

    assert response.url == reverse("rank_next", args=[crowd_project.slug])
    worker = Annotator.objects.get(source="prolific", external_id=PID)
    assert client.session["_auth_user_id"] == str(worker.user.pk)
    assert not worker.user.has_usable_password()
    assert PID not in worker.user.username + worker.pseudonym
    member, stay = Membership.objects.get(), Participation.objects.get()
    assert (member.annotator, member.cohort, member.quota) == (worker, "autumn", 2)
    assert (stay.annotator, stay.study_id, stay.session_id, stay.status) == (worker, STUDY, SESSION, "active")


def test_coming_again_goes_on_with_the_same_stay(client, address):
    client.post(address())
    client.post(address())

    assert (Annotator.objects.count(), Participation.objects.count()) == (1, 1)


def test_a_second_study_adds_its_quota_to_what_is_done(client, address):
    client.post(address())

    client.post(address(study=OTHER_STUDY, SESSION_ID=OTHER_SESSION))

    assert Annotator.objects.count() == 1
    assert Participation.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"key": None}, 403),
        ({"key": ""}, 403),
        ({"key": "0" * 32}, 403),
        ({"key": "ключ"}, 403),
        ({"PROLIFIC_PID": OTHER_PID, "key": None}, 403),
        ({"PROLIFIC_PID": None}, 400),
        ({"PROLIFIC_PID": ""}, 400),
        ({"PROLIFIC_PID": "{{%PROLIFIC_PID%}}"}, 400),
        ({"PROLIFIC_PID": PID.upper()}, 400),
        ({"PROLIFIC_PID": PID + "\n"}, 400),
        ({"PROLIFIC_PID": f"{PID}\r\nSet-Cookie: a=b"}, 400),
        ({"PROLIFIC_PID": "a" * 100_000}, 400),
        ({"PROLIFIC_PID": "<script>alert(1)</script>"}, 400),
        ({"PROLIFIC_PID": "\x00" * 24}, 400),
        ({"PROLIFIC_PID": "１" * 24}, 400),
        ({"SESSION_ID": None}, 400),
        ({"SESSION_ID": "../../etc/passwd"}, 400),
        ({"STUDY_ID": None}, 400),
        ({"STUDY_ID": "7" * 24}, 403),
        ({"study": "7" * 24}, 403),
    ],
)
def test_an_address_that_is_not_right_lets_nobody_in(client, address, changes, status):
    at = address(**changes)

    responses = client.get(at), client.post(at)

    assert [response.status_code for response in responses] == [status, status]
    assert "<script>alert" not in responses[1].content.decode()
    assert not any("Set-Cookie: a" in f"{name}: {value}" for name, value in responses[1].headers.items())
    assert not User.objects.exists()
    assert not Participation.objects.exists()


def test_a_parameter_given_twice_is_refused(client, address):
    assert client.post(f"{address()}&PROLIFIC_PID={OTHER_PID}").status_code == 400


def test_a_key_is_of_one_study_and_one_link_number(crowd_project):
    crowd = crowds.parse(PROLIFIC)
    raised = crowds.parse(PROLIFIC | {"link_number": 2})

    keys = {entry.key(crowd_project, crowd, study) for study in crowd.studies}

    assert len(keys) == 2
    assert entry.key(crowd_project, raised, STUDY) not in keys


def test_raising_the_link_number_closes_earlier_links(client, crowd_project, address):
    old = address()

    projects.set_crowd(crowd_project, PROLIFIC | {"link_number": 2})

    assert client.post(old).status_code == 403


def test_a_colleagues_id_with_another_session_is_refused(client, address):
    client.post(address())
    client.logout()

    response = client.post(address(SESSION_ID=OTHER_SESSION))

    assert response.status_code == 409
    assert "_auth_user_id" not in client.session
    assert Participation.objects.get().session_id == SESSION


def test_the_address_carries_no_other_accounts_session_along(client, ana, address):
    client.force_login(ana.user)
    session = client.session
    session["private"] = "of ana"
    session.save()

    assert "Starting signs that account out" in client.get(address()).content.decode()
    client.post(address())

    assert client.session["_auth_user_id"] != str(ana.user.pk)
    assert "private" not in client.session


@pytest.mark.parametrize("provider", ["acme", "prolific"])
def test_a_project_without_that_provider_has_no_such_address(client, project, provider):
    assert client.get(reverse("crowd_enter", args=[project.slug, provider])).status_code == 404


def test_prolific_is_asked_before_a_worker_comes_in(client, crowd_project, address, fake_prolific):
    projects.set_crowd(crowd_project, PROLIFIC | {"asks_provider": True})
    fake_prolific.add()

    assert client.post(address()).status_code == 302
    assert fake_prolific.requests[0][:3] == ("GET", f"/api/v1/submissions/{SESSION}/", "Token secret-token")


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ({"session": OTHER_SESSION}, 403),
        ({"participant": OTHER_PID}, 403),
        ({"study": OTHER_STUDY}, 403),
        ({"status": "RETURNED"}, 409),
        ({"status": "TIMED-OUT"}, 409),
    ],
)
def test_what_prolific_does_not_confirm_lets_nobody_in(client, crowd_project, address, fake_prolific, known, status):
    projects.set_crowd(crowd_project, PROLIFIC | {"asks_provider": True})
    fake_prolific.add(**known)

    assert client.post(address()).status_code == status
    assert not User.objects.exists()


def test_while_prolific_cannot_be_asked_nobody_comes_in(client, crowd_project, address, fake_prolific):
    projects.set_crowd(crowd_project, PROLIFIC | {"asks_provider": True})
    fake_prolific.fails_with = 500

    response = client.post(address())

    assert response.status_code == 503
    assert "Try again in a minute" in response.content.decode()
    assert not User.objects.exists()


def test_another_providers_workers_come_in_by_its_own_parameters(client, project, comparisons):
    another = {"provider": "acme", "quota": 1, "completion_code": "OK", "id_parameter": "worker"}
    projects.set_crowd(project, another | {"completion_url": "https://acme.example/?c={code}&w={id}"})
    key = entry.key(project, crowds.parse(project.crowd), "")
    at = reverse("crowd_enter", args=[project.slug, "acme"])

    assert client.post(f"{at}?worker=W-1.x&key={key}").status_code == 302
    assert client.post(f"{at}?worker=%3Db&key={key}").status_code == 400
    assert Annotator.objects.get().external_id == "W-1.x"
    assert Annotator.objects.get().source == "acme"
