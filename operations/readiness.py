"""Whether this process can serve: each check says why not in a sentence that tells strangers nothing.

What a check met is logged; the sentence names what to look at.
"""

import logging
import tempfile
from collections.abc import Callable

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)
BROKER_SECONDS = 2
FULL = 2  # of PRAGMA synchronous
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
"""Of PostgreSQL; with any of them off, what was acknowledged may be lost: see docs/operations.md."""

_applied: set[str] = set()
"""Databases whose migrations were seen applied: they stay so, and looking reads every migration file."""


def problems() -> dict[str, str]:
    """Return each check by name with why it fails; empty where it holds."""
    return {name: check() for name, check in CHECKS.items()}


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as problem:
        log.error("the database does not answer: %s", problem)
        return "The database does not answer."
    return ""


def _migrations() -> str:
    if (name := str(connection.settings_dict["NAME"])) in _applied:
        return ""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "Migrations are not applied. Run manage.py migrate."
    except DatabaseError as problem:
        log.error("migrations cannot be read: %s", problem)
        return "The database does not say which migrations are applied."
    _applied.add(name)
    return ""


def _durability() -> str:
    """Look at the settings that a commit's promise rests on."""
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA synchronous")
                is_kept = cursor.fetchone()[0] >= FULL
            else:
                cursor.execute(
                    "SELECT count(*) FROM pg_settings WHERE name = ANY(%s) AND setting = 'off'", [list(DURABLE)]
                )
                is_kept = cursor.fetchone()[0] == 0
    except DatabaseError as problem:
        log.error("the settings of the database cannot be read: %s", problem)
        return "The database does not say whether commits are durable."
    return "" if is_kept else "The database is set to lose commits when the power goes. See docs/operations.md."


def _data_directory() -> str:
    try:
        with tempfile.NamedTemporaryFile(dir=settings.DATA_DIR, prefix=".ready-") as probe:
            probe.write(b"1")
            probe.flush()
    except OSError as problem:
        log.error("the data directory is not writable: %s", problem)
        return "The data directory is not writable, or full."
    return ""


def _broker() -> str:
    if settings.CELERY_BROKER_URL.startswith("filesystem"):
        return ""  # no server: a folder of the data directory
    try:
        with current_app.connection_for_write(connect_timeout=BROKER_SECONDS) as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
    except (OperationalError, OSError) as problem:
        log.error("the broker does not answer: %s", problem)
        return "The broker does not answer."
    return ""


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "durability": _durability,
    "data_directory": _data_directory,
    "broker": _broker,
}
