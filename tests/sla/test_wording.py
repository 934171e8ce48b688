"""Time used beside the time promised, in words."""

from __future__ import annotations

import pytest

from sla.models import ServiceLevelVersion
from sla.wording import used_of

DAY, HOUR = 86_400, 3600


@pytest.mark.parametrize(
    ("unit", "used", "target", "words"),
    [
        ("elapsed", DAY + 45 * 60, DAY, "1 d 45 min of 1 d"),
        ("elapsed", DAY + 2 * HOUR + 3 * 60 + 9, DAY + 2 * HOUR, "1 d 2 h 3 min of 1 d 2 h"),
        ("elapsed", DAY + 1, DAY, "1 d 1 s of 1 d"),
        ("elapsed", DAY, DAY, "1 d of 1 d"),
        ("elapsed", 0, DAY, "0 s of 1 d"),
        ("elapsed", 42, 2 * HOUR, "42 s of 2 h"),
        ("business", 30 * HOUR + 60, 30 * HOUR, "30 h 1 min of 30 h"),
        ("business", 2 * HOUR + 30, 2 * HOUR, "2 h 30 s of 2 h"),
    ],
)
def test_time_used_reads_beyond_the_target_whenever_it_is(unit: str, used: int, target: int, words: str) -> None:
    assert used_of(used, target, ServiceLevelVersion(unit=unit)).replace("\N{NO-BREAK SPACE}", " ") == words
