"""Prolific's API by its documented answers, and each way in which it can fail."""

import socket

import pytest

from annotate.crowd import prolific
from annotate.crowd.prolific import NotFound, ProlificError, Submission, TryLater
from tests.annotate.crowd.conftest import PID, SESSION, STUDY


def test_a_submission_is_read_by_its_session(fake_prolific):
    fake_prolific.add(status="AWAITING REVIEW")

    assert prolific.submission(SESSION) == Submission(SESSION, PID, STUDY, "AWAITING REVIEW")


def test_a_studys_submissions_are_read_page_by_page(fake_prolific):
    for n in range(250):
        fake_prolific.add(f"{n:024x}")

    found = list(prolific.submissions(STUDY))

    assert len({one.id for one in found}) == 250
    assert found[0].study == STUDY
    assert len(fake_prolific.requests) == 3


def test_a_server_that_knows_no_pages_is_not_asked_for_ever(fake_prolific, monkeypatch):
    rows = [{"id": f"{n:024x}", "participant_id": PID, "status": "ACTIVE"} for n in range(100)]
    monkeypatch.setattr(fake_prolific, "answer", lambda method, path: {"results": rows})

    assert len(list(prolific.submissions(STUDY))) == 100
    assert len(fake_prolific.requests) == 2


def test_approving_asks_for_the_transition(fake_prolific):
    fake_prolific.add(status="AWAITING REVIEW")

    assert prolific.approve(SESSION).status == "APPROVED"
    assert fake_prolific.requests == [
        ("POST", f"/api/v1/submissions/{SESSION}/transition/", "Token secret-token", b'{"action": "APPROVE"}')
    ]


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (400, ProlificError, "refused the request"),
        (401, ProlificError, "PROLIFIC_TOKEN"),
        (403, ProlificError, "PROLIFIC_TOKEN"),
        (404, NotFound, "does not know"),
        (429, TryLater, "in a minute"),
        (500, TryLater, "fault of its own"),
        (503, TryLater, "fault of its own"),
    ],
)
def test_each_refusal_has_its_sentence(fake_prolific, code, error, words):
    fake_prolific.fails_with = code

    with pytest.raises(error, match=words) as refusal:
        prolific.submission(SESSION)

    assert "secret-token" not in str(refusal.value)


def test_too_many_requests_say_how_long_to_wait(fake_prolific):
    fake_prolific.fails_with, fake_prolific.headers = 429, {"Retry-After": "17"}

    with pytest.raises(TryLater, match="in 17 seconds"):
        prolific.submission(SESSION)


@pytest.mark.parametrize("raw", [b"", b"<html>", b'{"id": ', b"\xff\xfe", b"[" * 100_000])
def test_an_answer_that_is_no_json_can_be_asked_for_again(fake_prolific, raw):
    fake_prolific.add()
    fake_prolific.raw = raw

    with pytest.raises(TryLater, match="not JSON"):
        prolific.submission(SESSION)


@pytest.mark.parametrize("raw", [b"[]", b"null", b"{}", b'{"id": 5, "participant": "p", "status": "ACTIVE"}'])
def test_an_answer_of_another_shape_is_refused(fake_prolific, raw):
    fake_prolific.add()
    fake_prolific.raw = raw

    with pytest.raises(ProlificError, match="API changed"):
        prolific.submission(SESSION)
    with pytest.raises(ProlificError, match="API changed"):
        list(prolific.submissions(STUDY))


def test_the_token_is_not_carried_to_another_host(fake_prolific):
    fake_prolific.fails_with, fake_prolific.headers = 302, {"Location": f"{fake_prolific.address}/elsewhere"}

    with pytest.raises(ProlificError, match="302"):
        prolific.submission(SESSION)

    assert len(fake_prolific.requests) == 1


def test_an_endless_answer_is_not_read(fake_prolific, monkeypatch):
    monkeypatch.setattr(prolific, "MAX_BYTES", 10)
    fake_prolific.add()

    with pytest.raises(ProlificError, match="larger than"):
        prolific.submission(SESSION)


def test_nobody_there_can_be_asked_again(settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings.PROLIFIC_TOKEN, settings.PROLIFIC_API_URL = "t", f"http://127.0.0.1:{port}"

    with pytest.raises(TryLater, match="cannot be reached"):
        prolific.submission(SESSION)


def test_a_server_that_stays_silent_is_given_up(settings, monkeypatch):
    monkeypatch.setattr(prolific, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.PROLIFIC_TOKEN, settings.PROLIFIC_API_URL = "t", f"http://127.0.0.1:{silent.getsockname()[1]}"

        with pytest.raises(TryLater, match="cannot be reached"):
            prolific.submission(SESSION)


def test_without_a_token_nobody_is_asked(fake_prolific, settings):
    settings.PROLIFIC_TOKEN = ""

    with pytest.raises(ProlificError, match="Set PROLIFIC_TOKEN"):
        prolific.submission(SESSION)

    assert fake_prolific.requests == []
