"""A wall clock that tests set."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.utils import timezone

from tests.sla.make import new_york


class WallClock:
    """`now.is_at("2026-03-09 10:00")` in New York, until set again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def is_at(self, text: str) -> datetime:
        instant = new_york(text)
        self._monkeypatch.setattr(timezone, "now", lambda: instant)
        return instant


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    return WallClock(monkeypatch)
