"""A stay's end: the code for who has worked, what the provider says, and the places of who has left."""

import uuid

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from annotate import assignments, memberships, projects, rankings, tasks
from annotate.answers import Answer
from annotate.crowd import participations, prolific
from annotate.models import Annotator, Assignment, Membership, Participation, Ranking
from tests.annotate.crowd.conftest import OTHER_PID, OTHER_SESSION, OTHER_STUDY, PID, SESSION, STUDY

CODE, FAILED_CODE = "DONE1234", "OUT98765"


@pytest.fixture
def worker(client, address):
    """A worker of Prolific who has just come in; the client is signed in as them."""
    client.post(address())
    return Annotator.objects.get(external_id=PID)


@pytest.fixture
def finished_url(crowd_project):
    return reverse("crowd_finished", args=[crowd_project.slug])


def rank_one(annotator, project):
    place = assignments.reserve_next(annotator, project)
    return rankings.submit(place, Answer([[pk] for pk in place.order]), submission=uuid.uuid4())


def status():
    return Participation.objects.get().status


def test_the_code_is_not_shown_before_anything_is_done(client, worker, finished_url):
    shown, refused = client.get(finished_url), client.post(finished_url)

    assert refused.status_code == 409
    assert "nothing to finish" in refused.content.decode()
    assert CODE not in shown.content.decode() + refused.content.decode()
    assert status() == "active"


def test_who_stops_gets_the_code_and_the_way_back(client, crowd_project, worker, finished_url):
    rank_one(worker, crowd_project)
    assert CODE not in client.get(finished_url).content.decode()

    html = client.post(finished_url, follow=True).content.decode()

    assert f'href="https://app.prolific.com/submissions/complete?cc={CODE}"' in html
    assert FAILED_CODE not in html
    assert status() == "submitted"


def test_stopping_gives_back_what_was_held_and_ends_the_quota(client, crowd_project, worker, finished_url):
    rank_one(worker, crowd_project)
    held = assignments.reserve_next(worker, crowd_project)

    client.post(finished_url)

    held.refresh_from_db()
    assert held.state == Assignment.State.EXPIRED
    assert Membership.objects.get().quota == 1
    assert Ranking.objects.count() == 1


def test_who_did_not_qualify_gets_the_other_code(client, worker, finished_url):
    Membership.objects.update(qualification=Membership.Qualification.FAILED)

    html = client.post(finished_url, follow=True).content.decode()

    assert f"cc={FAILED_CODE}" in html
    assert CODE not in html
    assert status() == "screened_out"


def test_who_comes_back_after_the_end_finds_the_code(client, crowd_project, worker, finished_url, address):
    rank_one(worker, crowd_project)
    client.post(finished_url)
    client.logout()

    response = client.post(address())

    assert response.url == finished_url
    assert CODE in client.get(finished_url).content.decode()


def test_an_annotator_without_a_stay_has_no_such_page(client, crowd_project, ana, finished_url):
    client.force_login(ana.user)

    assert client.get(finished_url).status_code == 404


def test_a_second_stay_is_not_finished_by_the_work_of_the_first(client, crowd_project, worker, finished_url, address):
    rank_one(worker, crowd_project)
    client.post(finished_url)

    client.post(address(study=OTHER_STUDY, SESSION_ID=OTHER_SESSION))

    assert Membership.objects.get().quota == 3
    assert client.post(finished_url).status_code == 409


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("RESERVED", "active"),
        ("ACTIVE", "active"),
        ("AWAITING REVIEW", "submitted"),
        ("APPROVED", "approved"),
        ("PARTIALLY APPROVED", "approved"),
        ("REJECTED", "rejected"),
        ("RETURNED", "returned"),
        ("TIMED-OUT", "timed_out"),
        ("SCREENED OUT", "screened_out"),
        ("UNKNOWN", "active"),
        ("SOMETHING NEW", "active"),
    ],
)
def test_prolifics_statuses_become_ours(crowd_project, worker, fake_prolific, theirs, ours):
    fake_prolific.add(status=theirs)

    participations.sync(crowd_project)

    assert status() == ours


@pytest.mark.parametrize("left", ["RETURNED", "TIMED-OUT"])
def test_the_place_of_who_has_left_is_offered_to_the_next(crowd_project, worker, fake_prolific, ana, left):
    said = rank_one(worker, crowd_project)
    held = assignments.reserve_next(worker, crowd_project)
    fake_prolific.add(status=left)

    participations.sync(crowd_project)

    held.refresh_from_db()
    assert held.state == Assignment.State.EXPIRED
    assert Assignment.objects.filter(comparison=held.comparison, state="open").count() == 2
    assert Ranking.objects.get() == said


def test_who_has_returned_does_not_come_in_again(client, crowd_project, worker, fake_prolific, address):
    fake_prolific.add(status="RETURNED")
    participations.sync(crowd_project)

    response = client.post(address())

    assert response.status_code == 409
    assert "returned this session" in response.content.decode()


def test_a_returned_stay_leaves_the_next_one_alone(client, crowd_project, worker, fake_prolific, address):
    client.post(address(study=OTHER_STUDY, SESSION_ID=OTHER_SESSION))
    held = assignments.reserve_next(worker, crowd_project)
    fake_prolific.add(status="RETURNED")

    participations.sync(crowd_project)

    held.refresh_from_db()
    assert held.state == Assignment.State.RESERVED
    assert Membership.objects.get().quota == 2


def test_who_has_finished_here_and_not_there_yet_stays_finished(
    client, crowd_project, worker, finished_url, fake_prolific
):
    rank_one(worker, crowd_project)
    client.post(finished_url)
    fake_prolific.add(status="ACTIVE")

    assert participations.sync(crowd_project).changed_count == 0
    assert status() == "submitted"


def test_a_submission_of_another_worker_under_the_same_session_changes_nothing(crowd_project, worker, fake_prolific):
    fake_prolific.add(participant=OTHER_PID, status="APPROVED")

    synced = participations.sync(crowd_project)

    assert (synced.listed_count, synced.changed_count, synced.unknown_count) == (1, 0, 1)
    assert status() == "active"


def test_syncing_twice_is_syncing_once(crowd_project, worker, fake_prolific):
    fake_prolific.add(status="APPROVED")
    participations.sync(crowd_project)
    ended_at = Participation.objects.get().ended_at

    assert participations.sync(crowd_project).changed_count == 0
    assert Participation.objects.get().ended_at == ended_at


def test_the_beat_goes_on_where_prolific_does_not_answer(crowd_project, worker, fake_prolific):
    fake_prolific.fails_with = 503

    tasks.sync_prolific()

    assert status() == "active"


def test_the_beat_asks_nobody_without_a_token(crowd_project, worker, fake_prolific, settings):
    settings.PROLIFIC_TOKEN = ""

    tasks.sync_prolific()

    assert fake_prolific.requests == []


def test_the_command_says_what_it_found(crowd_project, worker, fake_prolific, capsys):
    fake_prolific.add(status="APPROVED")
    fake_prolific.add("e" * 24, participant=OTHER_PID)

    call_command("sync_prolific", crowd_project.slug)

    assert "2 submissions at Prolific: 1 changed here, 1 never came here." in capsys.readouterr().out


def test_the_command_fails_with_a_sentence(crowd_project, fake_prolific):
    fake_prolific.fails_with = 401
    with pytest.raises(CommandError, match="refuses the token"):
        call_command("sync_prolific", crowd_project.slug)

    projects.set_crowd(crowd_project, {})
    with pytest.raises(CommandError, match="no workers from Prolific"):
        call_command("sync_prolific", crowd_project.slug)


def test_staff_approve_a_stay_which_pays_it(client, crowd_project, worker, finished_url, fake_prolific, lee):
    rank_one(worker, crowd_project)
    client.post(finished_url)
    fake_prolific.add(status="AWAITING REVIEW")
    client.force_login(lee)

    client.post(reverse("crowd_approve", args=[crowd_project.slug, Participation.objects.get().pk]))

    assert fake_prolific.requests[-1][1] == f"/api/v1/submissions/{SESSION}/transition/"
    assert fake_prolific.requests[-1][3] == b'{"action": "APPROVE"}'
    assert status() == "approved"


def test_staff_read_why_prolific_was_not_asked(client, crowd_project, lee, fake_prolific):
    fake_prolific.fails_with = 429
    client.force_login(lee)

    html = client.post(reverse("crowd_sync", args=[crowd_project.slug]), follow=True).content.decode()

    assert "too many requests" in html


def test_the_staff_page_shows_addresses_to_admins_only(client, crowd_project, worker, lee, rex):
    at = reverse("crowd", args=[crowd_project.slug])
    client.force_login(lee)
    for_admin = client.get(at).content.decode()
    client.force_login(rex)
    for_reviewer = client.get(at).content.decode()

    assert "key=" in for_admin
    assert "key=" not in for_reviewer
    assert worker.pseudonym in for_reviewer


def test_the_staff_set_a_provider_and_read_what_is_wrong(client, project, lee):
    client.force_login(lee)
    at = reverse("crowd_settings", args=[project.slug])
    sent = {"provider": "prolific", "studies": f"{STUDY}\n", "quota": 2, "completion_code": "C1", "link_number": 1}

    refused = client.post(at, sent | {"studies": "mine"})
    saved = client.post(at, sent)

    assert refused.status_code == 422
    assert "The id of a study is 24 of 0-9 and a-f" in refused.content.decode()
    assert saved.status_code == 302
    project.refresh_from_db()
    assert project.crowd["studies"] == [STUDY]
    assert 'value="C1"' in client.get(at).content.decode()


def test_releasing_gives_back_only_ones_own_in_one_project(crowd_project, comparisons, ana, ben):
    for annotator in (ana, ben):
        memberships.admit(annotator, crowd_project)
        assignments.reserve_next(annotator, crowd_project)

    assert assignments.release(ana, crowd_project)
    assert not assignments.release(ana, crowd_project)
    assert Assignment.objects.filter(annotator=ben, state="reserved").exists()


def test_every_status_that_prolific_documents_is_known():
    documented = {"RESERVED", "ACTIVE", "TIMED-OUT", "AWAITING REVIEW", "APPROVED", "RETURNED", "REJECTED"}

    assert documented | {"SCREENED OUT", "PARTIALLY APPROVED"} == set(prolific.STATUSES)
