"""Gunicorn takes this file by itself where it is started here (make run)."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def on_starting(server: object) -> None:
    """Remove the counts of processes that are gone: see operations.measures."""
    from django.conf import settings

    for path in settings.METRICS_DIR.glob("*_*.db"):
        number = path.stem.rpartition("_")[2]
        if number.isdigit() and not os.path.exists(f"/proc/{number}"):
            path.unlink(missing_ok=True)
