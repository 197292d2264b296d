"""Strict JSON: what a store or a later page could not bear is a 400 that names the field, and nothing is stored."""

import json
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotate.api.parsing import MAX_BYTES, loads
from annotate.jsonlines import FieldError


@pytest.mark.parametrize(
    ("raw", "field", "words"),
    [
        (b"{", "", "is not JSON"),
        (b"[]", "", "expected a JSON object"),
        (b"\xff", "", "is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "", "is not UTF-8"),
        (b'{"a": 1, "a": 2}', "a", "stands twice"),
        (b'{"a": {"\\ud800": 1, "\\ud800": 2}}', "?", "stands twice"),
        (b'{"a": [NaN]}', "a[0]", "expected a finite number; NaN and infinities are no JSON"),
        (b'{"a": [-Infinity]}', "a[0]", "finite"),
        (b'{"a": [1, 1e999]}', "a[1]", "finite"),
        (b'{"a": {"b": 9223372036854775808}}', "a.b", "64 bits"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a", "64 bits"),
        (b'{"a": "x\\u0000"}', "a", "NUL character at position 1"),
        (b'{"a": {"\\u0000": 1}}', "a", "NUL"),
        (b'{"a": ["\\ud800"]}', "a[0]", "surrogate"),
        (b'{"a": ' + b"[" * 30 + b"]" * 30 + b"}", "a", "nested deeper than 20"),
        (b"[" * 100_000, "", "nested deeper than 20"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "", "nested deeper than 20"),
    ],
)
@pytest.mark.django_db
def test_json_that_is_not_strict_is_refused_by_field(script, mia, project, raw, field, words):
    response = script(mia).post("projects/rivers/comparisons/", raw)

    error = response.json()["errors"][0]
    assert response.status_code == 400
    assert error["field"].startswith(field)
    assert words in error["message"]


@pytest.mark.django_db
def test_a_body_that_is_too_large_is_refused_unread(script, mia, project):
    assert script(mia).post("projects/rivers/comparisons/", b" " * (MAX_BYTES + 1)).status_code == 413


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
def test_another_content_type_is_415(script, mia, project, content_type):
    engineer = script(mia)

    response = engineer.client.post(
        "/api/v1/projects/rivers/comparisons/", b"{}", content_type=content_type, headers=engineer.headers
    )

    assert response.status_code == 415


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["delete", "put", "patch", "options", "trace"])
def test_other_methods_are_405_and_say_what_is_allowed(script, mia, project, method):
    engineer = script(mia)

    response = getattr(engineer.client, method)("/api/v1/projects/rivers/comparisons/", headers=engineer.headers)

    assert response.status_code == 405
    assert "GET" in response["Allow"]


def test_a_value_that_is_strict_comes_out_as_it_went_in():
    value = {"a": [1, -(2**63), 0.5, "Zoë 河", None, True, {"b": []}]}

    assert loads(json.dumps(value).encode()) == value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["prompt", "completions", "id", "prompt_id", "category", "language", "overlap", "comparisons"])
ROWS = st.dictionaries(FIELDS, VALUES, max_size=6)


@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_generated_json_is_taken_or_refused(value):
    try:
        json.dumps(loads(json.dumps(value).encode()), allow_nan=False).encode()
    except FieldError as fault:
        assert fault.message


BODIES = VALUES | st.fixed_dictionaries({"comparisons": st.lists(ROWS | VALUES, min_size=1, max_size=3)})


@pytest.fixture
def engineer(script, mia, project):
    return script(mia)


@given(body=BODIES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.django_db
def test_a_generated_body_never_breaks_the_server(engineer, body):
    response = engineer.post("projects/rivers/comparisons/", json.dumps(body).encode())

    assert response.status_code in (201, 400)
    assert engineer.get("projects/rivers/comparisons/").status_code == 200


@pytest.fixture
def annotator(script, ana, comparisons):
    return script(ana.user)


@given(change=st.dictionaries(st.sampled_from(["tiers", "reason", "ratings", "flags", "spans", "aspects"]), VALUES))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.django_db
def test_a_generated_answer_never_breaks_the_server(annotator, change):
    place = annotator.post("work/rivers/next/").json()
    body = {"submission": str(uuid4()), "tiers": [["A"]]} | change

    response = annotator.post(f"assignments/{place['id']}/submit/", json.dumps(body).encode())

    assert response.status_code == 400
