"""Logs: a line of JSON each, with the request or the run that it belongs to (LOG_FORMAT=json), or plain text.

Never logged: bodies, headers, query strings, cookies, tokens, names of people. An account is its number.
"""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="")
run_id: ContextVar[str] = ContextVar("run_id", default="")

KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
SKIPPED = {"request", "server_time", "status_code", "data"}
"""What libraries attach to their records that is no plain value, or says nothing more."""


class JsonLines(logging.Formatter):
    """`{"at", "level", "logger", "message", "request_id", "run_id", …}`, and what a record brings along."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in _where().items() if value}
        line |= {name: value for name, value in vars(record).items() if name not in KNOWN | SKIPPED}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class PlainText(logging.Formatter):
    """One line to read, with the request or run at its end."""

    def format(self, record: logging.LogRecord) -> str:
        where = "".join(f" {name}={value}" for name, value in _where().items() if value)
        return super().format(record) + where


def configuration(form: str) -> dict[str, object]:
    """Return Django's LOGGING for `json` or `text`; the line per request is written with `json` only."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": "operations.logs.JsonLines"},
            "text": {"()": "operations.logs.PlainText", "format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["stderr"], "level": "INFO" if form == "json" else "WARNING"},
        "loggers": {
            "django": {"handlers": [], "level": "WARNING", "propagate": True},
            "django.request": {"handlers": [], "level": "ERROR", "propagate": True},  # refusals are no faults
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            "concord.request": {"level": "INFO" if form == "json" else "WARNING"},
        },
    }


def _where() -> dict[str, str]:
    return {"request_id": request_id.get(), "run_id": run_id.get()}
