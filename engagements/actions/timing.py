"""When something happened, and whether it was written down too late to count on one person's word."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from engagements import events
from engagements.models import Source, WorkItem
from lpo.accounts.actor import Actor
from lpo.core.errors import Refused

# What is written down this soon after it happened needs neither an explanation nor a second person.
GRACE = timedelta(minutes=15)


def check_instant(at: datetime | None, earliest: datetime, now: datetime, *, field: str = "at", reason: str = "") -> datetime:
    """When something happened: not in the future, not before what preceded it, explained when long ago."""
    if at is None:
        return max(now, earliest)
    if at > now:
        raise Refused("This lies in the future.", field)
    if at < earliest:
        raise Refused(f"This lies before the previous entry, {earliest:%d %b %Y %H:%M} UTC.", field)
    if at < now - GRACE and not reason.strip():
        raise Refused("Say why this is recorded more than 15 minutes later.", "reason")
    return at


def needs_second(at: datetime, now: datetime, by: Actor, source: str = "") -> bool:
    """Whether an entry counts only once a second person has approved it.

    The system writes what files and contracts say, and an attorney's own sign-in is the client's voice, which the provider may
    not hold up: both are marked as late and count at once.
    """
    return at < now - GRACE and by.kind != "system" and source != Source.ATTORNEY


def business_days_after(day: date, days: int) -> date:
    """The date `days` Mondays to Fridays after `day`. Holidays are the client's gain: they lengthen nothing here."""
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day


def told(item: WorkItem) -> None:
    events.tell(events.Changed(item.organization_id, [item.id]))
