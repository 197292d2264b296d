"""A script's side of the API: JSON with a token."""

import json

import pytest

from annotate import tokens


class Script:
    """Sends JSON as an account, with a token and without a session."""

    def __init__(self, client, user):
        self.client, self.headers = client, {"Authorization": f"Bearer {tokens.create(user, label='test', days=1)}"}

    def get(self, path, **query):
        return self.client.get(f"/api/v1/{path}", query, headers=self.headers)

    def post(self, path, body=None, headers=None):
        raw, sent = body if isinstance(body, bytes) else json.dumps(body or {}).encode(), self.headers | (headers or {})
        return self.client.post(f"/api/v1/{path}", raw, content_type="application/json", headers=sent)


@pytest.fixture
def script(client):
    return lambda user: Script(client, user)
