"""A project's crowd: what is taken, what is refused with which sentence, and the address to return to."""

import pytest

from annotate.crowd import settings as crowds
from annotate.crowd.settings import BadCrowd, Crowd
from tests.annotate.crowd.conftest import PROLIFIC

ANOTHER = {
    "provider": "acme",
    "quota": 5,
    "completion_code": "OK",
    "id_parameter": "worker",
    "session_parameter": "visit",
    "completion_url": "https://acme.example/done?w={id}&c={code}",
}


@pytest.mark.parametrize("values", [{}, PROLIFIC, ANOTHER])
def test_a_crowd_survives_storing(values):
    crowd = crowds.parse(values)

    assert crowds.parse(crowds.to_json(crowd)) == crowd


def test_a_project_without_crowd_has_no_provider():
    assert crowds.parse({}) == Crowd()


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"provider": "Pro Lific"}, "provider", "a letter first"),
        ({"provider": "finished", **{k: v for k, v in ANOTHER.items() if k != "provider"}}, "provider", "finished"),
        ({"studies": []}, "studies", "Name 1 to 100 studies"),
        ({"studies": ["<script>"]}, "studies", "24 of 0-9 and a-f"),
        ({"quota": None}, "quota", "how many comparisons"),
        ({"quota": 0}, "quota", "how many comparisons"),
        ({"completion_code": ""}, "completion_code", "letters, digits"),
        ({"completion_code": "A\r\nB"}, "completion_code", "letters, digits"),
        ({"failed_code": "DONE1234"}, "failed_code", "must differ"),
        ({"reward": "NaN"}, "reward", "from 0"),
        ({"reward": "four"}, "reward", "such as 4.50"),
        ({"colour": "red"}, "colour", "unknown; known are"),
    ],
)
def test_what_cannot_work_is_refused_at_its_field(change, field, words):
    with pytest.raises(BadCrowd, match=words) as refusal:
        crowds.parse(PROLIFIC | change)

    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id_parameter": ""}, "id_parameter"),
        ({"id_parameter": "key"}, "id_parameter"),
        ({"id_parameter": "a&b"}, "id_parameter"),
        ({"session_parameter": "worker"}, "id_parameter"),
        ({"completion_url": "javascript:alert(1)"}, "completion_url"),
        ({"completion_url": "http://acme.example/{code}"}, "completion_url"),
        ({"completion_url": "https://acme.example/{code.__class__}"}, "completion_url"),
        ({"completion_url": "https://acme.example/{{code}}"}, "completion_url"),
        ({"completion_url": "https://{id}.example/{code}"}, "completion_url"),
        ({"completion_url": "https://acme.example/\r\nSet-Cookie:x"}, "completion_url"),
        ({"study_parameter": "study"}, "studies"),
        ({"asks_provider": True}, "asks_provider"),
    ],
)
def test_another_provider_is_described_in_full_and_safely(change, field):
    with pytest.raises(BadCrowd) as refusal:
        crowds.parse(ANOTHER | change)

    assert refusal.value.field == field


def test_prolific_takes_its_workers_back_with_a_code():
    found = crowds.parse(PROLIFIC).return_url(code="DONE1234", worker="w", study="s", session="v")

    assert found == "https://app.prolific.com/submissions/complete?cc=DONE1234"


def test_what_is_filled_into_an_address_is_quoted():
    found = crowds.parse(ANOTHER).return_url(code="OK", worker="a&c=STOLEN", study="", session="")

    assert found == "https://acme.example/done?w=a%26c%3DSTOLEN&c=OK"
