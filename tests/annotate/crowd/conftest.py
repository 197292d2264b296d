"""A project whose workers come from Prolific, and a local server that plays Prolific's documented API."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from annotate import projects
from annotate.crowd import entry
from annotate.crowd import settings as crowds

STUDY, OTHER_STUDY = "5" * 24, "6" * 24
PID, OTHER_PID = "a1" * 12, "b2" * 12
SESSION, OTHER_SESSION = "c3" * 12, "d4" * 12
PROLIFIC = {
    "provider": "prolific",
    "studies": [STUDY, OTHER_STUDY],
    "quota": 2,
    "cohort": "autumn",
    "completion_code": "DONE1234",
    "failed_code": "OUT98765",
}


class FakeProlific:
    """What the server knows and was asked; `fails_with` and `raw` spoil its next answers."""

    def __init__(self):
        self.submissions, self.requests, self.address = {}, [], ""
        self.fails_with, self.headers, self.raw = None, {}, None

    def add(self, session=SESSION, *, participant=PID, study=STUDY, status="ACTIVE"):
        self.submissions[session] = {"id": session, "participant": participant, "study_id": study, "status": status}

    def answer(self, method, path):
        address = urlsplit(path)
        parts, query = address.path.strip("/").split("/")[2:], parse_qs(address.query)
        if parts == ["submissions"]:
            return self._page(query["study"][0], page=int(query["page"][0]), size=int(query["page_size"][0]))
        found = self.submissions.get(parts[1])
        if found and method == "POST":
            found["status"] = "APPROVED"
        return found

    def _page(self, study, *, page, size):
        mine = [one for one in self.submissions.values() if one["study_id"] == study]
        rows = [{"id": one["id"], "participant_id": one["participant"], "status": one["status"]} for one in mine]
        return {"results": rows[size * (page - 1) : size * page]}


@pytest.fixture
def fake_prolific(settings):
    """Prolific's API on this machine, with settings that lead there."""
    fake = FakeProlific()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer("GET")

        def do_POST(self):
            self._answer("POST")

        def _answer(self, method):
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fake.requests.append((method, self.path, self.headers["Authorization"], sent))
            found = None if fake.fails_with else fake.answer(method, self.path)
            self.send_response(fake.fails_with or (200 if found else 404))
            for name, value in fake.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(fake.raw if fake.raw is not None else json.dumps(found or {"error": {}}).encode())

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    settings.PROLIFIC_API_URL = fake.address = f"http://127.0.0.1:{server.server_port}"
    settings.PROLIFIC_TOKEN = "secret-token"
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def crowd_project(project, comparisons):
    """The project with three comparisons, two for each worker of Prolific."""
    projects.set_crowd(project, PROLIFIC)
    return project


@pytest.fixture
def address(crowd_project):
    """Return a function that gives a worker's address, as Prolific fills it in; what is named is changed."""

    def address(project=crowd_project, *, provider="prolific", study=STUDY, **changes):
        crowd = crowds.parse(project.crowd)
        sent = {"PROLIFIC_PID": PID, "STUDY_ID": study, "SESSION_ID": SESSION, "key": entry.key(project, crowd, study)}
        kept = {name: value for name, value in (sent | changes).items() if value is not None}
        return reverse("crowd_enter", args=[project.slug, provider], query=kept)

    return address
