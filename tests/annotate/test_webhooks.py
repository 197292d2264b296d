"""From what happened to the receiver: events in the transaction, signed calls, tries again, the admins' page."""

import hashlib
import hmac
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from annotate import assignments, deliveries, events, outbox, rankings
from annotate.answers import Answer
from annotate.models import Delivery, Event, Objection, Webhook
from annotate.outbox import Kind

pytestmark = pytest.mark.django_db


class Receiver(HTTPServer):
    """Keeps what it is sent, and answers with `status`."""

    def __init__(self):
        self.status, self.calls, self.location = 200, [], ""
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((self.path, self.headers, body))
        self.send_response(self.server.status)
        self.send_header("Location", self.server.location)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def receiver(settings):
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def webhook(project, receiver, lee):
    return outbox.add_webhook(project, url=receiver.url, kinds=[], by=lee)


def told(kind):
    return [event.payload for event in Event.objects.filter(kind=kind)]


def rank(annotator, project, *, tiers=None):
    place = assignments.reserve_next(annotator, project)
    return rankings.submit(place, Answer(tiers or [sorted(place.order)], reason="SECRET"), submission=uuid4())


def test_a_ranking_is_told_in_ids_and_pseudonyms(webhook, project, ana, comparisons):
    ranking = rank(ana, project)

    assert told(Kind.RANKING_SUBMITTED)[0]["ranking"] == ranking.pk
    assert told(Kind.RANKING_SUBMITTED)[0]["annotator"] == ana.pseudonym
    assert "SECRET" not in json.dumps(told(Kind.RANKING_SUBMITTED))


def test_a_comparison_is_settled_with_its_last_vote_if_the_votes_agree(webhook, project, ana, ben, comparisons):
    rank(ana, project)
    assert told(Kind.COMPARISON_SETTLED) == []

    rank(ben, project)

    expected = {"comparison": comparisons[0].pk, "status": "settled", "agreement": 1.0}
    assert told(Kind.COMPARISON_SETTLED) == [expected]


def test_a_disputed_comparison_is_settled_by_the_ruling(webhook, project, ana, ben, rex, comparisons):
    ids = sorted(comparisons[0].completions.values_list("pk", flat=True))
    rank(ana, project, tiers=[[pk] for pk in ids])
    rank(ben, project, tiers=[[pk] for pk in reversed(ids)])
    assert told(Kind.COMPARISON_SETTLED) == []

    rankings.adjudicate(comparisons[0], reviewer=rex, tiers=[ids], reason="SECRET")

    assert told(Kind.COMPARISON_SETTLED)[0]["status"] == "adjudicated"


def test_an_import_is_told(webhook, project, comparisons):
    assert told(Kind.IMPORT_FINISHED) == [{"kind": "comparisons", "row_count": 3, "new_count": 3}]


def test_an_objection_is_told_without_its_text(webhook, project, ana, comparisons):
    place = assignments.reserve_next(ana, project)
    objection = Objection.objects.create(
        assignment=place, comparison=place.comparison, annotator=ana, kind="bad_item", text="SECRET"
    )

    events.objection_opened(objection)

    assert told(Kind.OBJECTION_OPENED)[0]["objection"] == objection.pk
    assert "SECRET" not in json.dumps(told(Kind.OBJECTION_OPENED))


def test_an_event_and_what_it_tells_live_and_die_together(webhook, project):
    with pytest.raises(KeyError), transaction.atomic():
        outbox.record(project.pk, Kind.IMPORT_FINISHED, {})
        raise KeyError

    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_a_mistake_of_ours(project):
    with pytest.raises(RuntimeError, match="inside the transaction"):
        outbox.record(project.pk, Kind.IMPORT_FINISHED, {})


def test_what_nobody_asks_for_is_not_written(project, receiver, lee):
    outbox.add_webhook(project, url=receiver.url, kinds=[Kind.RUN_FINISHED], by=lee)

    outbox.record(project.pk, Kind.IMPORT_FINISHED, {})

    assert not Event.objects.exists()


def test_a_delivery_is_signed_and_names_its_event(webhook, project, receiver):
    outbox.record(project.pk, Kind.RUN_FINISHED, {"run": 7})

    assert deliveries.deliver_due() == 1

    path, headers, body = receiver.calls[0]
    timestamp = headers["Concord-Signature"].split(",")[0].removeprefix("t=")
    expected = hmac.new(webhook.secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["Concord-Signature"] == f"t={timestamp},v1={expected}"
    assert json.loads(body)["id"] == int(headers["Concord-Event-Id"]) == Event.objects.get().pk
    assert (path, json.loads(body)["kind"], json.loads(body)["data"]) == ("/hook", "run.finished", {"run": 7})


def test_what_arrived_is_not_sent_again(webhook, project, receiver):
    outbox.record(project.pk, Kind.RUN_FINISHED, {})

    assert (deliveries.deliver_due(), deliveries.deliver_due()) == (1, 0)
    assert len(receiver.calls) == 1


def test_a_failure_is_tried_again_after_a_pause_that_doubles(webhook, project, receiver):
    receiver.status = 500
    outbox.record(project.pk, Kind.RUN_FINISHED, {})

    deliveries.deliver_due()

    first = Delivery.objects.get()
    assert (first.state, first.attempt_count, first.last_error[:18]) == ("waiting", 1, "The answer was 500")
    assert 25 < (first.next_attempt_at - timezone.now()).total_seconds() <= 30
    claim = outbox.claim_due(limit=1, now=first.next_attempt_at)[0]
    outbox.failed(claim, "again", now=first.next_attempt_at)
    assert Delivery.objects.get().next_attempt_at == first.next_attempt_at + timedelta(seconds=60)


def test_after_the_last_attempt_it_is_given_up_until_a_person_sends_it_again(webhook, project, receiver):
    receiver.status = 500
    outbox.record(project.pk, Kind.RUN_FINISHED, {})
    Delivery.objects.update(attempt_count=outbox.MAX_ATTEMPTS - 1)
    deliveries.deliver_due()
    assert Delivery.objects.get().state == "given_up"

    receiver.status = 200
    outbox.redeliver(Delivery.objects.get())

    assert deliveries.deliver_due() == 1


def test_a_redirect_is_a_failure_and_nobody_follows_it(webhook, project, receiver):
    receiver.status, receiver.location = 307, receiver.url
    outbox.record(project.pk, Kind.RUN_FINISHED, {})

    assert deliveries.deliver_due() == 0
    assert len(receiver.calls) == 1


def test_a_delivery_is_one_workers_at_a_time_and_a_late_word_counts_nothing(webhook, project):
    outbox.record(project.pk, Kind.RUN_FINISHED, {})
    now = timezone.now()
    slow = outbox.claim_due(limit=1, now=now)[0]
    assert outbox.claim_due(limit=1, now=now) == []

    outbox.claim_due(limit=1, now=now + timedelta(seconds=outbox.LEASE_SECONDS))
    outbox.delivered(slow)

    assert Delivery.objects.get().state == "waiting"


def test_a_stopped_webhook_is_sent_nothing(webhook, project, receiver):
    outbox.record(project.pk, Kind.RUN_FINISHED, {})
    outbox.set_active(webhook, is_active=False)

    assert deliveries.deliver_due() == 0
    assert receiver.calls == []


def test_the_secret_is_shown_once(client, lee, project):
    client.force_login(lee)

    made = client.post(
        "/staff/projects/rivers/webhooks/", {"url": "https://example.org/hook", "kinds": ["run.finished"]}
    )

    secret = Webhook.objects.get().secret
    assert secret in made.content.decode()
    assert secret not in client.get("/staff/projects/rivers/webhooks/").content.decode()
    assert secret not in client.get(f"/staff/webhooks/{Webhook.objects.get().pk}/").content.decode()


@pytest.mark.parametrize("url", ["http://example.org/", "file:///etc/passwd", "https://a:b@example.org/", "x"])
def test_an_address_that_is_not_taken_is_said_on_the_page(client, lee, project, url):
    client.force_login(lee)

    refused = client.post("/staff/projects/rivers/webhooks/", {"url": url})

    assert refused.status_code == 422
    assert not Webhook.objects.exists()


def test_an_admin_sends_again_and_stops(client, lee, webhook, project):
    outbox.record(project.pk, Kind.RUN_FINISHED, {})
    Delivery.objects.update(state="given_up")
    client.force_login(lee)

    client.post(f"/staff/deliveries/{Delivery.objects.get().pk}/redeliver/")
    client.post(f"/staff/webhooks/{webhook.pk}/change/", {"is_active": "no"})

    assert Delivery.objects.get().state == "waiting"
    assert not Webhook.objects.get().is_active
    assert "Resume sending" in client.get(f"/staff/webhooks/{webhook.pk}/").content.decode()
