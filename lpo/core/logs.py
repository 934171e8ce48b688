"""Structured logs: one JSON object a line, each carrying the request id and the organization it was written for."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_organization: ContextVar[str] = ContextVar("organization", default="")

# What every LogRecord has; anything beyond was passed as `extra` and belongs in the line.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request_id", "organization"}
# Objects that Django and its server attach, which would only repeat themselves as text.
_UNWANTED = frozenset({"request", "server_time", "color_message"})


class bind:  # noqa: N801 - reads as a verb at every call
    """Put a request id or an organization on every log line from here on.

    `bind(organization="alder")` holds until the surrounding binding ends; `with bind(request_id=…):` restores what was before.
    """

    def __init__(self, *, request_id: str | None = None, organization: str | None = None) -> None:
        self._before = (_request_id.get(), _organization.get())
        if request_id is not None:
            _request_id.set(request_id)
        if organization is not None:
            _organization.set(organization)

    def __enter__(self) -> bind:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _request_id.set(self._before[0])
        _organization.set(self._before[1])


def current_request_id() -> str:
    return _request_id.get()


def current_organization() -> str:
    return _organization.get()


class ContextFilter(logging.Filter):
    """Adds `request_id` and `organization` to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = _request_id.get()
        record.organization = _organization.get()
        return True


class JSONFormatter(logging.Formatter):
    """One line of JSON: time (UTC), level, logger, message, request id, organization, extras and a traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ("request_id", "organization"):
            if value := getattr(record, name, ""):
                line[name] = value
        line.update({key: value for key, value in vars(record).items() if key not in _STANDARD and key not in _UNWANTED})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)
