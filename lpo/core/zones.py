"""The names of time zones."""

from __future__ import annotations

import zoneinfo
from functools import cache


@cache
def zone_names() -> frozenset[str]:
    """Every name that `ZoneInfo` knows. Read once: asking the zone files takes some 20 ms."""
    return frozenset(zoneinfo.available_timezones())
