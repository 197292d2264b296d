"""Generated requests: whatever is sent to any route, by anybody, is answered, and never with a 500.

`make test-security FUZZ=20000` sends so many; on PostgreSQL with DATABASE_URL. Field names are those of our own forms,
queries and bodies, so that what is generated gets past the first check; what a request changed is undone. Hypothesis
alone: schemathesis would bring six packages more.
"""

import json
import os
import re
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.fields import Field

from annotate.api import base, demonstrations, serializers
from tests.annotate.test_access_table import (  # noqa: F401  fixtures
    ROLES,
    TABLE,
    accounts,
    filled,
    undone,
    url,
    world,
)

REQUESTS = int(os.environ.get("CONCORD_FUZZ") or 120)
HALF = settings(
    max_examples=max(1, REQUESTS // 2),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    derandomize=REQUESTS < 1000,
)
NUMBERS = ["0", "-1", "1", "2", "1.5", "1e999", "NaN", "2147483648", "9223372036854775808", "9" * 40, "0x1", "\u0661"]
TEXTS = ["", " ", "\0", "a\0b", "\ud800", "\u202e", "null", "true", "on", "yes", "[]", "{}", "[[1],[2]]", "'", '"', "%"]
TEXTS += [
    "x" * 5000,
    "2999-13-45",
    "1970-01-01T00:00:00Z",
    "../../etc/passwd",
    "<script>",
    "{{ 7 }}",
    "A",
    "AB",
    "a@b.c",
]
TEXTS += ["http://127.0.0.1/", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-1fff-bfff-ffffffffffff"]
WORDS = st.sampled_from(NUMBERS + TEXTS) | st.text(max_size=30)
NAMES_OF_API = [
    *["submission", "tiers", "reason", "strength", "is_all_bad", "unrankable", "ratings", "flags", "aspects", "spans"],
    *["text", "active_seconds", "edited_from", "slug", "name", "overlap", "guidelines", "task", "questions", "prompts"],
    *["comparisons", "prompt", "completions", "id", "category", "language", "stage", "snapshot", "base", "config"],
    *["test_rate", "label", "reward_model", "demonstration", "model", "prompt_id", "cursor", "limit", "form", "after"],
    *["source", "use", "annotator", "is_current", "comparison", "state", "external_id", "corpus", "baseline"],
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | WORDS
    | st.sampled_from(["A", "B", "rivers", "sft", "ppo"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES_OF_API) | st.text(max_size=6), inner, max_size=5)
    ),
    max_leaves=14,
)
BODIES = st.dictionaries(st.sampled_from(NAMES_OF_API), VALUES, max_size=8) | VALUES
ROLE = st.sampled_from([role for role in ROLES for _ in range(1 if role in ("anonymous", "nobody") else 3)])
METHOD = st.sampled_from(["GET"] * 5 + ["POST"] * 5 + ["PUT", "PATCH", "DELETE", "HEAD"])
QUERY = st.lists(
    st.tuples(st.sampled_from(["page", "sort", "by", "q", "next", "from", "after", *NAMES_OF_API]) | WORDS, WORDS),
    max_size=3,
)
NUMBER_IN_PATH = st.sampled_from([None] * 8 + ["0", "2147483648", "9223372036854775808", "9" * 40])
PAGES = sorted({name for _, name in TABLE if not name.startswith("api_")} - {"logout"})
API = sorted({name for _, name in TABLE if name.startswith("api_")} - {"api_reference"})
CHOSEN = re.compile(r'<(?:input|select|textarea|button)[^>]*\sname="([^"]+)"')


def encoded(pairs):
    """Return a query or a form as bytes that may hold anything, halves of surrogate pairs included."""
    parts = ("=".join(quote_from_bytes(one.encode("utf-8", "surrogatepass")) for one in pair) for pair in pairs)
    return "&".join(parts)


def send(client, accounts, world, *, role, method, name, number, query, body, content_type):  # noqa: F811
    """Send a request as a role and return the status."""
    path = url(name, world) if number is None else re.sub(r"/\d+/", f"/{number}/", url(name, world))
    with undone():
        client.logout()
        if accounts[role]:
            client.force_login(accounts[role])
        answer = client.generic(method, path, body, content_type=content_type, QUERY_STRING=encoded(query))
        if answer.streaming:
            b"".join(answer.streaming_content)
        return answer.status_code


@given(data=st.data())
@HALF
@pytest.mark.django_db
def test_no_generated_request_breaks_the_api(client, world, accounts, data):  # noqa: F811
    raw = json.dumps(data.draw(BODIES)).encode()
    asked = {
        "role": data.draw(ROLE),
        "method": data.draw(METHOD),
        "name": data.draw(st.sampled_from(API)),
        "number": data.draw(NUMBER_IN_PATH),
        "query": data.draw(QUERY),
        "body": data.draw(st.sampled_from([raw] * 5 + [raw[:-1], b"\xff" + raw, b""])),
        "content_type": data.draw(
            st.sampled_from(["application/json"] * 8 + ["text/plain", "application/json; charset=utf-7", ""])
        ),
    }

    assert send(client, accounts, world, **asked) < 500


@pytest.fixture
def field_names(client, world, accounts):  # noqa: F811
    """The names of all fields on all pages, as an admin and an annotator meet them."""
    found = set()
    for role in ("admin", "annotator"):
        client.force_login(accounts[role])
        for method, name in TABLE:
            if method == "GET" and not name.startswith("api_") and TABLE[method, name][ROLES.index(role)] == 200:
                page = client.get(url(name, world))
                found |= set() if page.streaming else set(CHOSEN.findall(page.content.decode()))
    return sorted(found - {"csrfmiddlewaretoken", "file"})


@given(data=st.data())
@HALF
@pytest.mark.django_db
def test_no_generated_request_breaks_a_page(client, world, accounts, field_names, data):  # noqa: F811
    name = data.draw(st.sampled_from(PAGES))
    fields = data.draw(st.lists(st.tuples(st.sampled_from(field_names) | WORDS, WORDS), max_size=12))
    asked = {
        "role": data.draw(ROLE),
        "method": data.draw(METHOD),
        "number": data.draw(NUMBER_IN_PATH),
        "query": data.draw(QUERY),
        "body": encoded(fields).encode(),
        "content_type": "application/x-www-form-urlencoded",
    }

    assert send(client, accounts, world, name=name, **asked) < 500


def test_the_names_of_the_api_are_those_of_its_bodies_and_queries():
    """A field that the API gains must be generated, too."""
    strict = [kind for module in (serializers, demonstrations) for kind in vars(module).values() if _is_strict(kind)]
    known = {name for kind in strict for name, field in kind._declared_fields.items() if isinstance(field, Field)}

    assert known - {"completion", "start", "end", "note"} <= set(NAMES_OF_API)


def _is_strict(kind):
    return (
        isinstance(kind, type)
        and issubclass(kind, base.Strict)
        and kind not in (base.Strict, base.Query, base.PageQuery)
    )
