"""What a person's weeks hold: the usual capacity or one of the week's own, the days away, and the open work that is due in each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, DateField, Sum
from django.db.models.functions import Coalesce, TruncWeek

from engagements.models import Absence, ReviewerProfile, WeekCapacity, WorkItem
from engagements.models.people import Measure
from engagements.sheets import week_of
from lpo.accounts.models import Membership

AHEAD = 8
_DAYS, _TENTH, _WEEK = 5, Decimal("0.1"), timedelta(days=7)
_UNITS = {"items": "units", "hours": "hours"}
# When open work is due, as rooms above know it: expressions over `WorkItem`, the first that says something counts.
due_dates: list[Callable[[], Any]] = []


@dataclass(frozen=True)
class Capacity:
    """What one week holds, in units of work or hours. `usual` is a full week in the same unit, None where that is unknown."""

    amount: Decimal
    unit: str
    usual: Decimal | None = None

    @property
    def said(self) -> str:
        """What stands behind an amount of the same unit: `40 units a week`, or `20 units this week, usually 40`."""
        text = f"{self.amount.normalize():f} {_UNITS[self.unit]}"
        if self.usual == self.amount:
            return f"{text} a week"
        return f"{text} this week" + (f", usually {self.usual.normalize():f}" if self.usual is not None else "")

    @property
    def weight(self) -> Fraction:
        """The share of a full week, by which work is dealt out. A week without a usual one to compare it with is a full one."""
        if not self.amount:
            return Fraction(0)
        return Fraction(self.amount) / Fraction(self.usual) if self.usual else Fraction(1)


def capacity_of(profile: ReviewerProfile | None, own: WeekCapacity | None, days_away: int) -> Capacity | None:
    """What a week holds; None where nobody said how much a week holds.

    A week of its own holds what it says, days away included. A usual one is shared out by the days of Monday to Friday that are left,
    rounded half-up to a tenth. A week without any day left holds nothing.
    """
    full, unit = (profile.capacity, profile.capacity_unit) if profile else (None, Measure.ITEMS.value)
    if own is not None and own.measure != Measure.PERCENT:
        full, unit, amount = (full if own.measure == unit else None), own.measure, own.capacity
    elif full is None:
        return None
    else:
        share = own.capacity / 100 if own is not None else Decimal(_DAYS - days_away) / _DAYS
        amount = (full * share).quantize(_TENTH, ROUND_HALF_UP)
    return Capacity(Decimal(0) if days_away >= _DAYS else amount, unit, full)


def days_away(absences: Iterable[Absence], monday: date) -> int:
    """Days of Monday to Friday of one week on which the person is away. Absences of one person never overlap."""
    friday = monday + timedelta(days=_DAYS - 1)
    return sum(max(0, (min(row.ends_on, friday) - max(row.starts_on, monday)).days + 1) for row in absences)


def own_weeks(member_ids: Sequence[int], first: date, last: date) -> dict[int, list[WeekCapacity]]:
    """By person, the weeks of their own that touch those from `first` to `last` (Mondays), in order."""
    found: dict[int, list[WeekCapacity]] = {}
    rows = WeekCapacity.objects.filter(member_id__in=list(member_ids), first_week__lte=last, last_week__gte=first)
    for row in rows.order_by("first_week"):
        found.setdefault(row.member_id, []).append(row)
    return found


def absences_within(member_ids: Sequence[int], first: date, last: date) -> dict[int, list[Absence]]:
    """By person, the absences that touch the days from `first` to `last`, in order."""
    found: dict[int, list[Absence]] = {}
    rows = Absence.objects.filter(member_id__in=list(member_ids), starts_on__lte=last, ends_on__gte=first)
    for row in rows.order_by("starts_on", "id"):
        found.setdefault(row.member_id, []).append(row)
    return found


def capacity_on(member_id: int, day: date) -> Capacity | None:
    """What the week of a day holds for one person."""
    monday = week_of(day)
    profile = ReviewerProfile.objects.filter(member_id=member_id).first()
    own = own_weeks([member_id], monday, monday).get(member_id, [None])[0]
    return capacity_of(profile, own, days_away(absences_within([member_id], monday, monday + timedelta(days=6)).get(member_id, []), monday))


@dataclass
class Week:
    """One week of one person, as a page shows it."""

    monday: date
    capacity: Capacity | None
    own: WeekCapacity | None
    absences: list[Absence]
    days_away: int
    items: int = 0
    units: Decimal = Decimal(0)

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)

    @property
    def name(self) -> str:
        return f"W{self.monday.isocalendar().week:02}"

    @property
    def key(self) -> str:
        return f"{self.monday:%G-W%V}"

    @property
    def measured(self) -> bool:
        """Whether what is due can be set against what the week holds."""
        return self.capacity is not None and self.capacity.unit == Measure.ITEMS

    @property
    def unit(self) -> str:
        return _UNITS[self.capacity.unit] if self.capacity is not None else ""

    @property
    def tone(self) -> str:
        return "risk" if self.over else "progressing"

    @property
    def share(self) -> Fraction:
        """Due units of what the week holds; 1 and more where it is full."""
        if self.capacity is None or not self.measured:
            return Fraction(0)
        return Fraction(self.units) / Fraction(self.capacity.amount) if self.capacity.amount else Fraction(int(self.units > 0) * 2)

    @property
    def over(self) -> Decimal:
        """Units due beyond what the week holds."""
        return max(Decimal(0), self.units - self.capacity.amount) if self.capacity is not None and self.measured else Decimal(0)


@dataclass
class Coming:
    """The weeks that come, and the open work that lies in none of them."""

    weeks: list[Week]
    later: int = 0
    undated: int = 0
    own: list[WeekCapacity] = field(default_factory=list)


def coming(member: Membership, profile: ReviewerProfile | None, today: date, zone: ZoneInfo) -> Coming:
    """This week and the seven after it, in three statements. What is overdue is due this week."""
    first = week_of(today)
    mondays = [first + n * _WEEK for n in range(AHEAD)]
    own = own_weeks([member.id], first, mondays[-1] + 520 * _WEEK).get(member.id, [])
    absences = absences_within([member.id], first, mondays[-1] + timedelta(days=6)).get(member.id, [])
    found = Coming([_week(monday, profile, own, absences) for monday in mondays], own=own)
    for monday, n, units in _due(member, zone):
        if monday is None:
            found.undated += n
        elif monday > mondays[-1]:
            found.later += n
        else:
            week = found.weeks[max(0, (monday - first).days // 7)]
            week.items, week.units = week.items + n, week.units + units
    return found


def _week(monday: date, profile: ReviewerProfile | None, own: list[WeekCapacity], absences: list[Absence]) -> Week:
    mine = next((row for row in own if row.first_week <= monday <= row.last_week), None)
    away = days_away(absences, monday)
    touching = [row for row in absences if row.starts_on < monday + _WEEK and row.ends_on >= monday]
    return Week(monday, capacity_of(profile, mine, away), mine, touching, away)


def _due(member: Membership, zone: ZoneInfo) -> Iterable[tuple[date | None, int, Decimal]]:
    """(Monday, items, units) of a person's open work by the week it is due in. Only what the reader may see is counted."""
    said = [source() for source in due_dates]
    due = Coalesce(*said, "due_hint") if said else Coalesce("due_hint", "due_hint")
    rows = WorkItem.objects.filter(finished=False, assignee=member).annotate(due=due)
    weeks = rows.annotate(week=TruncWeek("due", tzinfo=zone, output_field=DateField())).values("week")
    return weeks.annotate(n=Count("id"), sum=Sum("quantity")).order_by().values_list("week", "n", "sum")
