"""A fresh Concord for a benchmark: its own data directory and database, Django set up, gone afterwards."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import django
import psycopg

ROOT = Path(__file__).resolve().parents[1]
DATABASE_PREFIX = "bench_"


@contextmanager
def fresh(database_url: str = "") -> Iterator[Path]:
    """Make a data directory and an empty database (SQLite unless a URL is given), set Django up, yield the directory.

    A PostgreSQL URL must name a database that begins with `bench_`: it is dropped and made anew.
    """
    with tempfile.TemporaryDirectory(prefix="concord-bench-") as directory:
        os.environ["CONCORD_DATA_DIR"] = directory
        os.environ.pop("DATABASE_URL", None)
        if database_url:
            _remake(database_url)
            os.environ["DATABASE_URL"] = database_url
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, check=True)
        django.setup()
        yield Path(directory)


def _remake(database_url: str) -> None:
    name = urlsplit(database_url).path.lstrip("/")
    if not name.startswith(DATABASE_PREFIX):
        sys.exit(
            f"--database: the name must begin with {DATABASE_PREFIX!r}, because it is dropped first; got {name!r}."
        )
    server = database_url.rsplit("/", 1)[0] + "/postgres"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(psycopg.sql.Identifier(name))
        )
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
