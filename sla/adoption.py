"""Who counts by a calendar, and what its next version would do to the clocks that are open. Nothing is written here.

A level keeps the version it names. It takes another only with a version of its own, and its open clocks only when they are put under that
version: which is chosen, level by level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Min, QuerySet

from engagements.models import WorkItem
from lpo.core.localtime import from_epoch, to_epoch
from sla.clockrows import ClockRow, replayed
from sla.facts import read
from sla.models import Calendar, CalendarVersion, Clock, ServiceLevelVersion

KEEP, NEW, OPEN = "keep", "new", "open"
MOST_OPEN = 10_000
LISTED = 50


@dataclass(frozen=True, slots=True)
class Moved:
    """An open clock whose due instant would be another. `kind`: breach where it would be late, met where it would no longer be."""

    reference: str
    title: str
    due: datetime
    would_be: datetime
    kind: str


@dataclass(frozen=True)
class Effect:
    """What a proposed calendar version would do to one level's open clocks. `listed` are those that move, the first due first."""

    version: ServiceLevelVersion
    days: dict[str, date]
    open_clocks: int
    moved: int
    breached: int
    saved: int
    listed: Sequence[Moved]

    @property
    def unmoved(self) -> int:
        return self.open_clocks - self.moved


def on_calendar(calendar: Calendar) -> list[ServiceLevelVersion]:
    """The last version of each active level that counts by some version of a calendar."""
    latest = ServiceLevelVersion.objects.order_by("level_id", "-effective_from").distinct("level_id")
    rows = ServiceLevelVersion.objects.filter(pk__in=latest.values("pk"), calendar_version__calendar=calendar, level__active=True)
    return list(rows.exclude(unit="elapsed").select_related("level__workstream__client", "calendar_version__calendar").order_by("level_id"))


def adoption_days(latest: ServiceLevelVersion, now: datetime) -> dict[str, date]:
    """From which day on work would be counted by the new calendar version: today, or the day the oldest open clock's work came in;
    never before the level's last version began."""
    zone = ZoneInfo(latest.time_zone)
    soonest, today = latest.effective_from + timedelta(days=1), now.astimezone(zone).date()
    oldest = WorkItem.objects.filter(pk__in=_open(latest.level_id).values("item_id")).aggregate(at=Min("received_at"))["at"]
    received = today if oldest is None else min(today, oldest.astimezone(zone).date())
    return {NEW: max(soonest, today), OPEN: max(soonest, received)}


def _open(level_id: int) -> QuerySet[Clock]:
    return Clock.objects.filter(level_id=level_id, stopped_at__isnull=True, cancelled=False, excluded=False)


def effects(calendar: Calendar, proposed: CalendarVersion, now: datetime) -> list[Effect]:
    """What would become of open clocks, level by level, were the proposed version taken for them too."""
    return [_effect(latest, proposed, now) for latest in on_calendar(calendar)]


def _effect(latest: ServiceLevelVersion, proposed: CalendarVersion, now: datetime) -> Effect:
    instant, days = to_epoch(now), adoption_days(latest, now)
    clocks = _open(latest.level_id).order_by("due_at", "id")
    stored = {(item, cycle): to_epoch(due) for item, cycle, due in clocks.values_list("item_id", "cycle", "due_at")[:MOST_OPEN]}
    facts = read(sorted({item for item, _ in stored}), level_ids=[latest.level_id])
    rows = {(row.item_id, row.cycle): row for row in replayed(facts, instant, _as_proposed(latest, proposed, days[OPEN]))}
    # A clock on hold has no due instant yet that could move.
    running = [(due, key, rows[key]) for key, due in stored.items() if key in rows and rows[key].held_since is None]
    moved = [(due, key, row) for due, key, row in running if row.due != due]
    kinds = [_kind(due, row, instant) for due, _, row in moved]
    named = WorkItem.objects.in_bulk([item for _, (item, _), _ in moved[:LISTED]])
    listed = [
        Moved(named[item].reference, named[item].title, from_epoch(due), from_epoch(row.due), kind)
        for (due, (item, _), row), kind in zip(moved[:LISTED], kinds[:LISTED], strict=True)
    ]
    return Effect(latest, days, len(stored), len(moved), kinds.count("breach"), kinds.count("met"), listed)


def _as_proposed(latest: ServiceLevelVersion, proposed: CalendarVersion, effective_from: date) -> ServiceLevelVersion:
    """The level's last version on the proposed calendar, stored nowhere."""
    kept = {field.attname: getattr(latest, field.attname) for field in latest._meta.concrete_fields}
    for name in ("id", "calendar_version_id", "number", "effective_from", "created_at"):
        del kept[name]
    version = ServiceLevelVersion(**kept, effective_from=effective_from, calendar_version=proposed)
    version.level = latest.level
    return version


def _kind(due: int, row: ClockRow, now: int) -> str:
    if row.due < now <= due:
        return "breach"
    return "met" if due < now <= row.due else "progressing"
