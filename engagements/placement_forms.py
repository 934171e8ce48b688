"""Forms of placements and timesheets. The actions check again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from engagements.actions import Entered
from engagements.decision_forms import WithMessage
from engagements.forms import Moment, PersonField, Refusable, Versioned, WithPeople, day_field
from engagements.models import Matter, TimesheetDay, Workstream
from engagements.models.placements import AwayKind, SheetCycle
from engagements.sheets import short_day

WEEKDAYS = [("1", "Mon"), ("2", "Tue"), ("3", "Wed"), ("4", "Thu"), ("5", "Fri"), ("6", "Sat"), ("7", "Sun")]


class Weekdays(forms.MultipleChoiceField):
    """Ticked days as "12345"."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=WEEKDAYS, widget=forms.CheckboxSelectMultiple, **kwargs)

    def clean(self, value: Any) -> str:
        return "".join(sorted(super().clean(value)))

    def prepare_value(self, value: Any) -> Any:
        return list(value) if isinstance(value, str) else value


class AgreedForm(Refusable, forms.Form):
    """What a placement is from a day on."""

    role = forms.CharField(max_length=60, help_text="As the contract calls it: Paralegal, Contract attorney.")
    level = forms.CharField(max_length=40, required=False, help_text="As the rates tell it apart: Senior. Empty if they do not.")
    supervisor = forms.CharField(max_length=120, label="Supervisor at the client", help_text="Who directs the work and signs timesheets.")
    hours_per_week = forms.DecimalField(
        max_digits=5, decimal_places=2, min_value=Decimal("0.25"), max_value=Decimal(168), label="Hours a week", initial=Decimal(40)
    )
    weekdays = Weekdays(label="Working days", initial="12345")
    location = forms.CharField(max_length=80, required=False, help_text="Where the work is done.")


class PlacementForm(WithPeople, AgreedForm):
    member = PersonField(label="Member of staff", empty_label="Somebody who does not sign in here")
    name = forms.CharField(max_length=120, required=False, help_text="As the client knows them. Empty: the member's name.")
    workstream: Any = forms.ModelChoiceField(queryset=None, required=False, empty_label="The whole matter")
    starts_on = day_field(label="First day")
    ends_on = day_field(label="Last day", required=False, help_text="Empty while it has none.")
    cycle = forms.ChoiceField(label="Timesheets", choices=SheetCycle.choices, widget=forms.RadioSelect, initial="month")

    field_order = ["member", "name", "role", "level", "workstream", "starts_on", "ends_on", "hours_per_week", "weekdays", "supervisor"]

    def __init__(self, *args: Any, matter: Matter, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        streams = Workstream.objects.filter(matter=matter, status="open").order_by("title")
        self.fields["workstream"].queryset = streams  # type: ignore[attr-defined]


class RevisePlacementForm(AgreedForm):
    effective_from = day_field(label="From", help_text="What went before stays as it is.")
    field_order = ["effective_from"]


class EndPlacementForm(Refusable, Versioned):
    last_day = day_field(label="Last day", required=False, help_text="Empty: it has none.")
    reason = forms.CharField(max_length=300, required=False, help_text="Stays with us; the client does not read it.")


class ReplaceForm(WithPeople, Versioned):
    member = PersonField(label="Who follows", empty_label="Somebody who does not sign in here")
    name = forms.CharField(max_length=120, required=False, help_text="As the client knows them. Empty: the member's name.")
    starts_on = day_field(label="Their first day", help_text="By the day after the last one of who leaves.")
    last_day = day_field(label="Last day of who leaves", help_text="Days both are there are the handover.")
    notice_given_on = day_field(label="Notice given on")
    notice_waived = forms.BooleanField(required=False, label="The client waived the days of notice")
    reason = forms.CharField(max_length=300, required=False, help_text="Stays with us; the client does not read it.")


class AwayForm(Refusable, forms.Form):
    kind = forms.ChoiceField(choices=AwayKind.choices)
    starts_on = day_field(label="First day")
    ends_on = day_field(label="Last day")
    note = forms.CharField(max_length=200, required=False)


class CorrectForm(Refusable, forms.Form):
    reason = forms.CharField(max_length=300, label="What is corrected")


class DecideSheetForm(Refusable, WithMessage):
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    note = forms.CharField(max_length=500, required=False, help_text="What the client wants changed, or who approved it.")
    at = Moment(label="When the client said so", required=False, help_text="Now, if left empty.")
    publish = forms.BooleanField(required=False, label="Show it in the client's portal")
    field_order = ["message", "message_text", "at", "note", "publish"]


def _hours(label: str) -> forms.DecimalField:
    attrs = {"inputmode": "decimal", "autocomplete": "off", "aria-label": label, "size": "5", "class": "input num"}
    widget = forms.TextInput(attrs=attrs)
    field = forms.DecimalField(
        required=False, min_value=Decimal(0), max_value=Decimal(24), max_digits=4, decimal_places=2, label=label, widget=widget
    )
    for limit in field.validators:
        if isinstance(limit, MinValueValidator | MaxValueValidator):
            limit.message = "A day has from 0 to 24 hours."
    return field


@dataclass(frozen=True)
class DayRow:
    """One day of the grid with its three fields."""

    day: TimesheetDay
    hours: forms.BoundField
    away: forms.BoundField
    away_hours: forms.BoundField


class SheetForm(Refusable, forms.Form):
    """Hours and absence of the days of a draft that have come. `suggested`: hours to begin with where none are written.

    An absence without hours takes what the day lacks to its contracted ones.
    """

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(self, *args: Any, days: Sequence[TimesheetDay], suggested: Mapping[date, Decimal], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.days = days
        for row in days:
            said = short_day(row.day)
            self.fields[f"hours_{row.day}"] = _hours(f"Hours worked, {said}")
            self.fields[f"away_{row.day}"] = forms.ChoiceField(
                choices=[("", "—"), *AwayKind.choices],
                required=False,
                label=f"Absence, {said}",
                widget=forms.Select(attrs={"aria-label": f"Absence, {said}", "class": "input"}),
            )
            self.fields[f"away_hours_{row.day}"] = _hours(f"Hours of absence, {said}")
            hours = row.hours if row.written else suggested[row.day]
            self.initial[f"hours_{row.day}"], self.initial[f"away_{row.day}"] = _short(hours), row.away
            self.initial[f"away_hours_{row.day}"] = _short(row.away_hours) if row.away_hours else None

    def rows(self) -> list[DayRow]:
        return [DayRow(row, *(self[f"{name}_{row.day}"] for name in ("hours", "away", "away_hours"))) for row in self.days]

    def entered(self) -> dict[date, Entered]:
        data, found = self.cleaned_data, {}
        for row in self.days:
            hours, away = data[f"hours_{row.day}"] or Decimal(0), data[f"away_{row.day}"]
            written = data[f"away_hours_{row.day}"]
            rest = max(Decimal(0), row.contracted - hours) if away else Decimal(0)
            found[row.day] = Entered(hours, away, rest if written is None else written)
        return found


def _short(value: Decimal) -> Decimal:
    return Decimal(f"{value.normalize():f}")
