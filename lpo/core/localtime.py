"""From a zone's wall clock to UTC epoch seconds and back, right on the nights when clocks change.

A wall-clock reading may happen never (spring gap) or twice (autumn fold). A reading in a gap stands for the transition
instant, the first moment at which the wall clock is past it. For a reading in a fold the caller says which of the two.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTES_PER_DAY = 24 * 60
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- wall-clock arithmetic, deliberately without a zone


class NaiveInstant(ValueError):
    """A datetime without a zone was given where an instant is needed."""


def to_epoch(instant: datetime) -> int:
    """Whole seconds since 1970-01-01T00:00Z; a fraction of a second is dropped. Raises `NaiveInstant`."""
    if instant.tzinfo is None:
        raise NaiveInstant(f"{instant!r} has no zone")
    return int((instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1))


def from_epoch(seconds: int) -> datetime:
    """The UTC datetime of an epoch second."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def utc_offset(instant: int, zone: ZoneInfo) -> int:
    """Seconds that the zone's wall clock is ahead of UTC at an instant."""
    offset = from_epoch(instant).astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101 -- a ZoneInfo always knows its offset
    return _seconds(offset)


def local_date(instant: int, zone: ZoneInfo) -> date:
    """The calendar date that a wall clock in the zone shows at an instant."""
    return from_epoch(instant).astimezone(zone).date()


def wall_instant(day: date, minute: int, zone: ZoneInfo, *, second_reading: bool = False) -> int:
    """The instant at which the wall clock reads `minute` minutes after midnight of `day`; 1440 and more reach into later days.

    In a gap the transition instant; in a fold the first reading unless `second_reading`.
    """
    days, rest = divmod(minute, MINUTES_PER_DAY)
    wall = datetime(day.year, day.month, day.day, rest // 60, rest % 60, tzinfo=zone) + timedelta(days=days)
    naive = _seconds(wall.replace(tzinfo=None) - _EPOCH)
    before, after = _offset(wall.replace(fold=0)), _offset(wall.replace(fold=1))
    if before < after:
        return _transition(naive - after, naive - before, zone)
    return naive - (after if second_reading else before)


def local_midnight(day: date, zone: ZoneInfo) -> int:
    """The instant at which `day` begins in the zone: the first moment of it where midnight itself does not exist."""
    return wall_instant(day, 0, zone)


def _transition(low: int, high: int, zone: ZoneInfo) -> int:
    """First instant in (low, high] at which the offset is no longer that of `low`."""
    old = utc_offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if utc_offset(middle, zone) == old:
            low = middle
        else:
            high = middle
    return high


def _offset(wall: datetime) -> int:
    offset = wall.utcoffset()
    assert offset is not None  # noqa: S101 -- a ZoneInfo always knows its offset
    return _seconds(offset)


def _seconds(span: timedelta) -> int:
    return span.days * 86_400 + span.seconds
