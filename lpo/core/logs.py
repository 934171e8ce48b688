"""Structured logs: one JSON object a line, carrying what was bound: request id, organization, job."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

_context: ContextVar[dict[str, Any] | None] = ContextVar("lpo_log_context", default=None)

# What every LogRecord has; anything beyond was passed as `extra` and belongs in the line.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "context"}
# Objects that Django and its server attach, which would only repeat themselves as text.
_UNWANTED = frozenset({"request", "server_time", "color_message"})


class bind:
    """Put values on every log line from here on: `bind(organization="alder")` holds until the surrounding binding ends;

    `with bind(request_id=…):` restores what was before.
    """

    def __init__(self, **values: Any) -> None:
        self._before = _context.get()
        _context.set({**(self._before or {}), **values})

    def __enter__(self) -> bind:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()

    def end(self) -> None:
        _context.set(self._before)


def bound(name: str) -> Any:
    """The bound value of that name, or None."""
    return (_context.get() or {}).get(name)


def current_request_id() -> str:
    return str(bound("request_id") or "")


class ContextFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.context = _context.get() or {}
        return True


class JSONFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "context", {}),
        }
        line.update({key: value for key, value in vars(record).items() if key not in _STANDARD and key not in _UNWANTED})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)
