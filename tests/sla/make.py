"""Calendars, levels and items with a past, made through the real actions. Call inside an organization."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from engagements import actions as work
from engagements.models import WorkItem, Workstream
from sla import actions, counting
from sla.models import Attainment, CalendarVersion, Clock, DirtyWindow, Scenario, ServiceLevelVersion
from tests import make

NEW_YORK = "America/New_York"
_NOT_PROMISED = {"level_id", "number", "effective_from", "id", "organization_id", "client_id", "matter_id", "created_at"}
NINE_TO_FIVE = {str(day): [[540, 1020]] for day in range(5)}


def new_york(text: str) -> datetime:
    """ "2026-03-06 16:00" on a wall clock in New York."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK)).astimezone(UTC)


def calendar(name: str = "New York office", **fields: Any) -> CalendarVersion:
    values: dict[str, Any] = {"time_zone": NEW_YORK, "weekly": NINE_TO_FIVE, "by": make.system()}
    return actions.create_calendar(name=name, **(values | fields))


def level(workstream: Workstream | None = None, **fields: Any) -> ServiceLevelVersion:
    """95 % of work within 24 elapsed hours, by the month in New York, with a credit of 5 %."""
    values: dict[str, Any] = {
        "kind": "turnaround",
        "name": "NDA turnaround",
        "effective_from": date(2020, 1, 1),
        "target": 24 * 3600,
        "expected_percent": Decimal(95),
        "time_zone": NEW_YORK,
        "credit_percent": Decimal(5),
    }
    return actions.create_level(workstream=workstream or make.workstream(), by=make.system(), **(values | fields))


def business_level(workstream: Workstream | None = None, *, hours: int = 2, **fields: Any) -> ServiceLevelVersion:
    """The same on the New York office's hours."""
    days = fields.pop("days", None)
    timing = {"unit": "business_days", "target": days} if days else {"unit": "business", "target": hours * 3600}
    return level(workstream, calendar_version=fields.pop("calendar_version", None) or calendar(), **timing, **fields)


def accuracy_level(workstream: Workstream | None = None, **fields: Any) -> ServiceLevelVersion:
    """Fewer than 1 % errors in the documents checked."""
    values: dict[str, Any] = {"kind": "accuracy", "name": "Coding accuracy", "target": None, "expected_percent": None}
    return level(workstream, **(values | {"max_error_percent": Decimal(1)} | fields))


def item(
    workstream: Workstream, received: str, *, delivered: str | None = None, paused: Sequence[tuple[str, str | None]] = (), **fields: Any
) -> WorkItem:
    """An item received, held for the client and delivered at New York times. What happened is recorded in its order."""
    made = make.item(workstream, received_at=new_york(received), **fields)
    for start, end in paused:
        work.pause_item(item=made, by=make.system(), party="client", reason="information", note="asked", at=new_york(start))
        if end is not None:
            work.resume_item(item=made, by=make.system(), at=new_york(end))
    if delivered is not None:
        made = work.move_item(item=made, to="delivered", by=make.system(), at=new_york(delivered), reason="as recorded")
    return made


def clock(item: WorkItem, cycle: int = 1) -> Clock:
    found: Clock = Clock.objects.get(item=item, cycle=cycle)
    return found


def counted(version: ServiceLevelVersion) -> list[Attainment]:
    """Count every dirty window, as the worker does, and return the level's attainments, oldest first."""
    while (taken := counting.take_dirty()) is not None:
        counting.count_window(*taken, now=timezone.now())
    assert not DirtyWindow.objects.exists()
    return list(Attainment.objects.filter(level_id=version.level_id).order_by("window_start", "revision"))


def promise_of(version: ServiceLevelVersion) -> dict[str, Any]:
    """A version's own promise, as somebody would type it again."""
    names = [field.attname for field in version._meta.concrete_fields if field.attname not in _NOT_PROMISED]
    found = {name: getattr(version, name) for name in names if name != "calendar_version_id"}
    return {**found, "calendar_version": version.calendar_version}


def replayed(version: ServiceLevelVersion, first: str, last: str, **changes: Any) -> Scenario:
    values = {"effective_from": version.effective_from, "name": "What if", **promise_of(version), **changes}
    months: dict[str, Any] = {"first_month": date.fromisoformat(f"{first}-01"), "last_month": date.fromisoformat(f"{last}-01")}
    return actions.replay_level(level=version.level, by=make.system(), **months, **values)
