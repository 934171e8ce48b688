"""What people fill in of a calendar: its open hours, dated exceptions, and what becomes of the levels that count by it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from engagements.forms import ZONES, Refusable
from lpo.core.validators import validate_year
from sla.adoption import KEEP, NEW, OPEN
from sla.models import CalendarVersion, ServiceLevelVersion

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHIFT = re.compile(r"^\s*(\d{1,2})(?::(\d{2}))?\s*[-–]\s*(\d{1,2})(?::(\d{2}))?\s*$")


def date_field(**kwargs: Any) -> forms.DateField:
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), validators=[validate_year], **kwargs)


def latest_calendars() -> Any:
    """One version of each calendar, the last."""
    versions = CalendarVersion.objects.order_by("calendar_id", "-number").distinct("calendar_id")
    return CalendarVersion.objects.filter(pk__in=versions.values("pk")).select_related("calendar").order_by("calendar__name")


class AdoptionForm(Refusable, forms.Form):
    """A change of a calendar, with what becomes of each level that counts by it: `keep`, `new` or `open`, one field a level."""

    def __init__(self, *args: Any, adopting: Sequence[tuple[ServiceLevelVersion, Mapping[str, date]]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.adopting = {f"level_{version.level_id}": version.level_id for version, _ in adopting}
        for version, days in adopting:
            name = f"{version.level.name}, {version.level.workstream.client.name} {version.level.workstream.title}"
            self.fields[f"level_{version.level_id}"] = forms.ChoiceField(
                label=name,
                required=False,
                choices=[
                    (KEEP, f"Keeps version {version.calendar_version.number if version.calendar_version else 0}"),
                    (NEW, f"Takes it for work received from {days[NEW]:%d %b %Y}"),
                    (OPEN, f"Takes it for its open clocks too, received from {days[OPEN]:%d %b %Y}"),
                ],
            )

    def own(self) -> list[Any]:
        """The fields of the change itself."""
        return [self[name] for name in self.fields if name not in self.adopting]

    def choices(self) -> list[Any]:
        return [self[name] for name in self.adopting]

    def adopt(self) -> dict[int, str]:
        """Level → choice. Call on a valid form."""
        return {level: self.cleaned_data.get(name) or KEEP for name, level in self.adopting.items()}


class ExceptionForm(AdoptionForm):
    """Dates on which a calendar is open otherwise than its week says."""

    first_day = date_field(label="Day")
    last_day = date_field(label="To", required=False, help_text="The same day if left empty.")
    what = forms.ChoiceField(
        choices=[("closed", "Closed"), ("hours", "Open at other hours"), ("usual", "As the week and its holidays say")],
        label="The calendar is",
    )
    hours = forms.CharField(max_length=60, required=False, help_text="As 9:00-13:00, where it is open at other hours.")
    reason = forms.CharField(max_length=100, required=False, help_text="As “Office move”. It is shown on the calendar.")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("first_day"), data.get("last_day") or data.get("first_day")
        if first and last and not 0 <= (last - first).days <= 366:
            self.add_error("last_day", "Give a day on or after the first, within a year of it.")
        try:
            shifts = parse_shifts(data.get("hours", ""))
        except ValueError as error:
            shifts = []
            self.add_error("hours", str(error))
        if data.get("what") == "hours" and not shifts and "hours" not in self.errors:
            self.add_error("hours", "Say at which hours it is open, as 9:00-13:00.")
        if data.get("what") != "usual" and not data.get("reason", "").strip():
            self.add_error("reason", "Say why.")
        data["shifts"] = shifts if data.get("what") == "hours" else []
        return data

    def days(self) -> list[str]:
        """The dates in ISO form. Call on a valid form."""
        first, last = self.cleaned_data["first_day"], self.cleaned_data["last_day"] or self.cleaned_data["first_day"]
        return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


class CalendarForm(AdoptionForm):
    """Open hours by weekday, as in “9:00-12:30, 13:30-17:00”; empty is closed."""

    name = forms.CharField(max_length=100, help_text="As people call it: “New York office”.")
    time_zone = forms.ChoiceField(choices=ZONES)
    region = forms.CharField(
        max_length=12,
        required=False,
        label="Public holidays of",
        help_text="A country or part of one, as US, US-NY or GB-ENG. Empty for none.",
    )
    years = forms.CharField(max_length=60, required=False, help_text="As 2026-2028; the next three years if left empty.")
    closed = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), required=False, label="Also closed on", help_text="Dates as 2026-12-24, one a line."
    )

    def __init__(self, *args: Any, named: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number, day in enumerate(DAYS):
            self.fields[f"day_{number}"] = forms.CharField(max_length=60, required=False, label=day)
        self.fields["day_0"].help_text = "As 9:00-17:00 or 9:00-12:30, 13:30-17:00. Past midnight: 22:00-6:00. Empty is closed."
        if not named:
            del self.fields["name"]
        self.order_fields(["name", "time_zone", *(f"day_{number}" for number in range(7)), "region", "years", "closed"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        weekly = {}
        for number in range(7):
            try:
                weekly[str(number)] = parse_shifts(data.get(f"day_{number}", ""))
            except ValueError as error:
                self.add_error(f"day_{number}", str(error))
        data["weekly"] = weekly
        for name, parse in (("years", parse_years), ("closed", parse_dates)):
            try:
                data[name] = parse(data.get(name, ""))
            except ValueError as error:
                self.add_error(name, str(error))
        return data


def parse_shifts(text: str) -> list[list[int]]:
    """ "9:00-17:00" → [[540, 1020]]; an end at or before its start lies on the next day. Raises `ValueError`."""
    shifts = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = _SHIFT.match(part)
        hours = [int(group or 0) for group in match.groups()] if match else []
        if len(hours) != 4 or hours[0] > 23 or hours[2] > 24 or max(hours[1], hours[3]) > 59:
            raise ValueError(f"“{part}” are no hours. Write them as 9:00-17:00.")
        start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
        shifts.append([start, end if end > start else end + 1440])
    return shifts


def write_shifts(shifts: Sequence[Sequence[int]]) -> str:
    """[[540, 1020]] → 9:00-17:00."""
    return ", ".join(
        f"{start // 60}:{start % 60:02d}-{end // 60 % 24 or (24 if end == 1440 else 0)}:{end % 60:02d}" for start, end in shifts
    )


def parse_years(text: str) -> list[int]:
    """ "2026-2028" → the three years; nothing → this year and the next two. Raises `ValueError`."""
    if not text.strip():
        first = timezone.localdate().year
        return [first, first + 1, first + 2]
    bounds = re.fullmatch(r"\s*(\d{4})(?:\s*[-–]\s*(\d{4}))?\s*", text)
    if bounds is None:
        raise ValueError(f"“{text}” are no years. Write them as 2026-2028.")
    first, last = int(bounds[1]), int(bounds[2] or bounds[1])
    if not 1970 <= first <= last <= 2199:
        raise ValueError("Years lie between 1970 and 2199.")
    return list(range(first, last + 1))


def parse_dates(text: str) -> list[date]:
    """One ISO date a line. Raises `ValueError` naming the line."""
    found = []
    for line in filter(None, (piece.strip() for piece in text.replace(",", "\n").splitlines())):
        try:
            found.append(date.fromisoformat(line))
        except ValueError:
            raise ValueError(f"“{line}” is no date. Write it as 2026-12-24.") from None
    return found


def initial_of_calendar(version: CalendarVersion) -> Mapping[str, Any]:
    days = {f"day_{number}": write_shifts(version.weekly.get(str(number), [])) for number in range(7)}
    return {**days, "time_zone": version.time_zone, "closed": "\n".join(version.holidays)}
