"""What workers said in stays that came to nothing: kept or left out as the project says, counted, and on record."""

from uuid import uuid4

import pytest
from django.urls import reverse

from annotate import assignments, counted, demonstrations, preferences, projects
from annotate.crowd import settings as crowds
from annotate.models import Participation, PolicyChange, Task
from tests.annotate.asking import fill, project_of
from tests.annotate.crowd.conftest import PROLIFIC
from tests.annotate.crowd.test_stays import rank_one

OFF, ON = PROLIFIC, PROLIFIC | {projects.FAILED_STAYS: True}


@pytest.fixture
def gone(crowd_project, comparisons, ana, ben):
    """Ana's stay was returned after one ranking, Ben's goes on."""
    for annotator in (ana, ben):
        Participation.objects.create(project=crowd_project, annotator=annotator, provider="prolific")
        rank_one(annotator, crowd_project)
    Participation.objects.filter(annotator=ana).update(status="returned")
    return crowd_project


def trained_on(project):
    return preferences.beliefs(project).ranking_count


def test_turning_the_policy_on_and_off_again_changes_the_labels_and_deletes_nothing(gone):
    kept = trained_on(gone)
    projects.set_crowd(gone, ON)
    left_out = trained_on(gone)
    projects.set_crowd(gone, OFF)

    assert (kept, left_out, trained_on(gone)) == (2, 1, 2)


@pytest.mark.parametrize("crowd", [OFF, ON])
def test_it_is_counted_before_anything_is_turned_on(gone, crowd):
    projects.set_crowd(gone, crowd)

    found = counted.failed_stays(gone)

    assert (found.ranking_count, found.demonstration_count, found.are_left_out) == (1, 0, crowd == ON)


def test_what_was_said_after_the_stay_is_not_of_it(gone, ana):
    Participation.objects.filter(annotator=ana).update(ended_at=Participation.objects.get(annotator=ana).started_at)

    assert counted.failed_stays(gone).ranking_count == 0


def test_a_written_text_of_a_failed_stay_is_left_out_too(write_lines, ana):
    project = project_of(Task.DEMONSTRATION)
    fill(project, write_lines, count=0)
    Participation.objects.create(project=project, annotator=ana, provider="prolific", status="timed_out")
    demonstrations.submit(assignments.reserve_next(ana, project), "The Rhine.", submission=uuid4())

    kept = list(preferences.demonstrations(project))
    projects.set_crowd(project, {projects.FAILED_STAYS: True})

    assert (len(kept), list(preferences.demonstrations(project))) == (1, [])
    assert counted.failed_stays(project).demonstration_count == 1


def test_who_turned_it_on_and_off_stays_on_record_and_on_the_page(client, gone, lee):
    client.force_login(lee)
    sent = PROLIFIC | {"studies": "\n".join(PROLIFIC["studies"]), "link_number": 1}
    at = reverse("crowd_settings", args=[gone.slug])
    client.post(at, sent | {projects.FAILED_STAYS: "on"})
    client.post(at, sent | {projects.FAILED_STAYS: "on", "quota": 3})
    client.post(at, sent)

    page = client.get(reverse("crowd", args=[gone.slug])).content.decode()

    changes = PolicyChange.objects.order_by("pk").values_list("is_on", "changed_by__username")
    assert list(changes) == [(True, "lee"), (False, "lee")]
    assert "Left out from" in page
    assert "Kept from" in page
    assert "They are kept." in page


def test_a_project_that_gives_its_provider_up_keeps_the_policy(client, gone, lee):
    projects.set_crowd(gone, ON)
    client.force_login(lee)

    sent = {"provider": "none", "link_number": 1, projects.FAILED_STAYS: "on"}
    client.post(reverse("crowd_settings", args=[gone.slug]), sent)

    gone.refresh_from_db()
    assert not crowds.parse(gone.crowd).provider
    assert trained_on(gone) == 1
