"""Log lines of several processes on one console: a name in front, JSON made readable."""

from __future__ import annotations

import json
import sys
import threading
from datetime import datetime
from typing import Any

_lock = threading.Lock()
_SAID_ELSEWHERE = {"at", "level", "logger", "message", "error", "request_id", "organization_id"}


def say(text: str) -> None:
    with _lock:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def complain(text: str) -> None:
    with _lock:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def readable(line: str) -> str:
    """`{"at": …, "level": "info", "message": "GET / 200", "status": 200, "ms": 8}` becomes `14:03:05  GET / 200  ms=8`."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict) or "message" not in entry:
        return line
    message = str(entry["message"])
    details = {key: str(value) for key, value in entry.items() if key not in _SAID_ELSEWHERE and value not in (None, "")}
    parts = [_clock(entry.get("at")), _level(entry.get("level")), message]
    parts += [f"{key}={value}" for key, value in details.items() if value not in message]
    text = "  ".join(part for part in parts if part)
    return f"{text}\n{entry['error']}" if entry.get("error") else text


def is_routine(line: str) -> bool:
    """An entry of a log that reports nothing unusual."""
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and entry.get("level") in {"info", "debug"}


def _clock(at: Any) -> str:
    try:
        return datetime.fromisoformat(str(at)).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return ""


def _level(level: Any) -> str:
    return "" if level in (None, "info") else str(level).upper()
