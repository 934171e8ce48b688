"""Structured logs: one JSON object a line, carrying request id and organization."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from typing import Any

_context: ContextVar[dict[str, Any]] = ContextVar("lpo_log_context", default={})  # noqa: B039 - never mutated, only replaced

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "context"}


def bind(**values: Any) -> Token[dict[str, Any]]:
    """Add values to every log line of this context; give the token to `unbind` to take them back."""
    return _context.set({**_context.get(), **values})


def unbind(token: Token[dict[str, Any]]) -> None:
    _context.reset(token)


class ContextFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.context = _context.get()
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
        line.update({key: value for key, value in vars(record).items() if key not in _STANDARD and key not in {"request", "server_time"}})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)
