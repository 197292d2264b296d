"""Log lines, and the number by which a request is found in them."""

import json
import logging

import pytest
from django.test import RequestFactory

from config import celery
from operations import logs
from operations.addresses import NOWHERE, client_address


@pytest.fixture
def request_lines(caplog):
    """Return the lines of requests as JSON."""
    caplog.set_level(logging.INFO, logger="concord.request")
    shape = logs.JsonLines()

    def lines():
        return [json.loads(shape.format(record)) for record in caplog.records if record.name == "concord.request"]

    return lines


def test_each_request_writes_one_line_with_its_number(client, ana, request_lines):
    client.force_login(ana.user)

    response = client.get("/", {"token": "SECRET"})

    (line,) = request_lines()
    assert (line["method"], line["view"], line["status"]) == ("GET", "home", 200)
    assert line["account"] == ana.user.pk
    assert len(response["X-Request-ID"]) == 16
    assert "SECRET" not in json.dumps(line)


def test_lines_written_within_a_request_carry_its_number(client, db, monkeypatch, caplog):
    shape = logs.JsonLines()
    seen = []
    monkeypatch.setattr(
        "operations.readiness.CHECKS", {"probe": lambda: seen.append(shape.format(logging.makeLogRecord({}))) or ""}
    )

    response = client.get("/readyz")

    assert json.loads(seen[0])["request_id"] == response["X-Request-ID"]


def test_a_stranger_cannot_choose_the_number(client, db, settings):
    settings.PROXY_COUNT = 0

    response = client.get("/healthz", headers={"X-Request-ID": "chosen-by-me"})

    assert response["X-Request-ID"] != "chosen-by-me"


def test_a_proxy_gives_the_number_but_no_line_break(client, db, settings):
    settings.PROXY_COUNT = 1

    given = client.get("/healthz", headers={"X-Request-ID": "0123456789abcdef"})
    forged = client.get("/healthz", headers={"X-Request-ID": "0123456789\nforged"})

    assert given["X-Request-ID"] == "0123456789abcdef"
    assert "forged" not in forged["X-Request-ID"]


def test_a_message_with_line_breaks_stays_one_line():
    record = logging.makeLogRecord({"msg": "two\nlines", "levelno": 40, "levelname": "ERROR"})

    assert "\n" not in logs.JsonLines().format(record)


def test_lines_of_a_runs_task_carry_the_run():
    class Task:
        name = "rlhf.tasks.execute_run"

    celery.name_the_run(Task(), args=[17])
    line = json.loads(logs.JsonLines().format(logging.makeLogRecord({})))
    celery.forget_the_run()

    assert line["run_id"] == "17"
    assert "run_id" not in json.loads(logs.JsonLines().format(logging.makeLogRecord({})))


@pytest.mark.parametrize(
    ("proxies", "header", "expected"),
    [
        (0, "203.0.113.7", "10.0.0.1"),  # nobody is believed
        (1, "198.51.100.9, 203.0.113.7", "203.0.113.7"),  # the first entry is what the client wrote
        (2, "198.51.100.9, 203.0.113.7", "198.51.100.9"),
        (2, "203.0.113.7", "10.0.0.1"),  # did not come through both
        (1, "no address", "10.0.0.1"),
        (1, "[2001:DB8::1]", "2001:db8::1"),
    ],
)
def test_the_clients_address_is_what_our_own_proxies_saw(settings, proxies, header, expected):
    settings.PROXY_COUNT = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": header})

    assert client_address(request) == expected


def test_a_socket_without_an_address_gives_one_that_the_database_takes(rf):
    assert client_address(rf.get("/", REMOTE_ADDR="")) == NOWHERE
