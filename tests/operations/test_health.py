"""What machines ask of a web process."""

import pytest
from django.db import DatabaseError, connection

from operations import readiness


def test_the_process_lives_without_asking_the_database(client):
    """No database mark: a statement would raise."""
    assert client.get("/healthz").content == b"ok\n"


def test_https_does_not_send_machines_elsewhere(client, settings):
    settings.SECURE_SSL_REDIRECT = True

    assert client.get("/healthz").status_code == 200


def test_a_process_that_can_serve_says_so(client, db):
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"ready": True, "checks": dict.fromkeys(readiness.CHECKS, "ok")}


def test_a_database_that_is_away_is_named_without_telling_strangers_more(client, db, monkeypatch):
    class Away:
        vendor, settings_dict = connection.vendor, connection.settings_dict

        def cursor(self):
            raise DatabaseError("password authentication failed for user concord")

    monkeypatch.setattr(readiness, "connection", Away())

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"]["database"] == "The database does not answer."
    assert "password" not in response.content.decode()


def test_migrations_that_are_not_applied_are_named(client, db, monkeypatch):
    monkeypatch.setattr(readiness, "_applied", set())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'rlhf'")

    response = client.get("/readyz")

    assert response.status_code == 503
    assert "manage.py migrate" in response.json()["checks"]["migrations"]


def test_a_data_directory_that_is_gone_is_named(client, db, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "gone"

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"]["data_directory"] == "The data directory is not writable, or full."


def test_a_broker_that_is_away_is_named(client, db, settings, monkeypatch):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(readiness.current_app.conf, "broker_write_url", settings.CELERY_BROKER_URL)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"]["broker"] == "The broker does not answer."


def test_commits_that_may_be_lost_are_named(client, db, monkeypatch):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's fsync is set for the whole server")
    monkeypatch.setattr(readiness, "FULL", 3)  # as if SQLite asked for more than it is set to

    response = client.get("/readyz")

    assert response.status_code == 503
    assert "lose commits" in response.json()["checks"]["durability"]
