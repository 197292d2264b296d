"""The cast: ana, ben, cy annotate, nia is new; lee is staff, sam has no rights. And where shared data lies."""

import json
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import override_settings

from annotate import intake, memberships, people, projects
from annotate.models import Role
from operations import limits

SHARED = Path(__file__).resolve().parents[2] / "shared"
PASSWORD = "correct horse battery"
NEVER_SHRINKS = {
    "audit_never_shrinks": "annotate_auditentry",
    "auditseal_never_shrinks": "annotate_auditseal",
    "payrate_never_shrinks": "annotate_payrate",
    "paydecision_never_shrinks": "annotate_paydecision",
}


@pytest.fixture(autouse=True)
def full_buckets():
    """What a process took from a limit in one test is no use in the next."""
    limits.forget()


@pytest.fixture(autouse=True, scope="session")
def quick_passwords():
    """Django's hash of a password takes a second on a slow core, and each account of the cast needs one."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Tests that commit empty the tables afterwards, which what is append-only refuses; test_append_only.py asks."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for trigger, table in NEVER_SHRINKS.items():
            of_table = "" if connection.vendor == "sqlite" else f" ON {table}"
            cursor.execute(f"DROP TRIGGER IF EXISTS {trigger}{of_table}")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the checkout; tests that read it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside this checkout: published cases and real data are not here")
    return SHARED


@pytest.fixture
def project(db):
    return projects.create(
        slug="rivers", name="Rivers", overlap=2, guidelines="# Be fair\nPrefer *helpful* ones.", by=None
    )


@pytest.fixture
def write_lines(tmp_path):
    """Write objects (or raw text lines) as a JSON Lines file and return its path."""

    def write(*lines, name="file.jsonl"):
        path = tmp_path / name
        path.write_text("".join((x if isinstance(x, str) else json.dumps(x, ensure_ascii=False)) + "\n" for x in lines))
        return path

    return write


@pytest.fixture
def comparisons(project, write_lines):
    """Three comparisons of four completions in the project, with models named SECRET-MODEL-n."""
    lines = [
        {
            "id": f"c{n}",
            "prompt": f"Name river number {n}.",
            "completions": [
                {"id": name, "text": f"River {name} of {n}.", "model": f"SECRET-MODEL-{n}"}
                for name in ("a", "b", "c", "d")
            ],
        }
        for n in range(3)
    ]
    intake.import_file(write_lines(*lines, name="comparisons.jsonl"), kind="comparisons", project=project)
    return list(project.comparisons.order_by("pk"))


@pytest.fixture
def roles(transactional_db):
    """The four groups: a migration makes them, but a test that commits leaves the database empty behind it."""
    for role in Role:
        Group.objects.get_or_create(name=role)


@pytest.fixture(autouse=True)
def they_have_read_the_guidelines(request):
    """Ana, Ben and Cy, where a test has them and the project, are past the steps before the work; Nia is not."""
    names = set(request.fixturenames)
    if "project" not in names or not names & {"ana", "ben", "cy"}:
        return
    if "roles" in names:
        request.getfixturevalue("roles")
    version = projects.current_guidelines(request.getfixturevalue("project"))
    for name in names & {"ana", "ben", "cy"}:
        memberships.acknowledge(request.getfixturevalue(name), version)


def _account(name, *roles):
    return people.create_account(name, password=PASSWORD, roles=roles)


@pytest.fixture
def ana(db):
    return people.annotator_for(_account("ana", Role.ANNOTATOR))


@pytest.fixture
def ben(db):
    return people.annotator_for(_account("ben", Role.ANNOTATOR))


@pytest.fixture
def cy(db):
    return people.annotator_for(_account("cy", Role.ANNOTATOR))


@pytest.fixture
def nia(db):
    """An annotator who is new: she has read nothing yet."""
    return people.annotator_for(_account("nia", Role.ANNOTATOR))


@pytest.fixture
def lee(db):
    """An admin."""
    return _account("lee", Role.ADMIN)


@pytest.fixture
def rex(db):
    """A reviewer."""
    return _account("rex", Role.REVIEWER)


@pytest.fixture
def mia(db):
    """An ML engineer."""
    return _account("mia", Role.ML_ENGINEER)


@pytest.fixture
def sam(db):
    """An account without a role."""
    return _account("sam")
