"""The freezing of a large project, as the engineer who waits for it sees it."""

import pytest
from django.urls import reverse
from django.utils import timezone

from rlhf.models import Freezing, Snapshot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
COUNTS = {"prompts": 3, "demonstrations": 0, "rankings": 2400, "pairs_train": 9, "pairs_test": 3}


def test_the_page_follows_a_worker_without_being_loaded_anew(open_page, live_server, roles, project, mia, signed_in):
    order = Freezing.objects.create(project=project, test_rate=0.25, label="votes", asked_by=mia)
    page = open_page()
    signed_in(page, mia)
    page.goto(live_server.url + reverse("training", args=[project.slug]))
    page.get_by_label("Held out").fill("0.4")
    waiting = page.get_by_text("It waits for a worker")
    waiting.wait_for()

    made = Snapshot.objects.create(project=project, sha256="a" * 64, filters={}, counts=COUNTS)
    Freezing.objects.filter(pk=order.pk).update(ended_at=timezone.now(), snapshot=made)

    page.get_by_text("A worker froze the project").wait_for()
    assert page.get_by_role("link", name=str(made)).get_attribute("href") == reverse("snapshot", args=[made.pk])
    assert page.get_by_label("Held out").input_value() == "0.4"  # what one is filling in stays
