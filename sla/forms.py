"""What people fill in of a promise. The actions check again; a form only lets a person see every mistake at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone

from engagements import states
from engagements.forms import ZONES, PlainDecimal, Refusable
from engagements.models import ItemType
from sla.actions import Promise
from sla.calendar_forms import date_field, latest_calendars
from sla.clock import Party
from sla.models import WINDOWS, Adjudicator, Importance, LevelKind, Population, ServiceLevelVersion, Severity, Unit, VolumeBy
from sla.verdict import MISSES_BEFORE_DEFAULT, Test

UNITS = [
    ("elapsed", "hours, day and night"),
    ("business", "business hours"),
    ("business_days", "business days"),
]
# The promises that recur in contracts.
TEMPLATES: dict[str, dict[str, Any]] = {
    LevelKind.TURNAROUND: {"name": "Turnaround", "amount": Decimal(24), "unit": "elapsed", "expected_percent": Decimal(95)},
    LevelKind.RESPONSE: {"name": "Enquiry response", "amount": Decimal(2), "unit": "business", "expected_percent": Decimal(100)},
    LevelKind.ERROR_RESOLUTION: {
        "name": "Critical errors",
        "amount": Decimal(4),
        "unit": "elapsed",
        "expected_percent": Decimal(100),
        "severity": "critical",
    },
    LevelKind.THROUGHPUT: {"name": "Throughput", "min_volume": 1200, "volume_by": "units", "window": "week"},
    LevelKind.ACCURACY: {"name": "Accuracy", "max_error_percent": Decimal(1), "error_unit": "document"},
}
_BAND = re.compile(r"(\d{1,7})\s*:\s*(\d{1,7})")


class CalendarField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """The latest version of each calendar."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=None, required=False, empty_label="None: every hour counts", **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.calendar.name} ({obj.time_zone}, version {obj.number})"


def weight_field(label: str) -> forms.DecimalField:
    return forms.DecimalField(
        max_digits=4,
        decimal_places=3,
        min_value=Decimal(0),
        max_value=Decimal(1),
        required=False,
        label=label,
        help_text="1 if left empty.",
    )


class PromiseForm(Refusable, forms.Form):
    """The fields of a level's version. Its kind is chosen before and does not change."""

    effective_from = date_field(label="In force from", help_text="Work received on or after this day falls under it.")
    clause = forms.CharField(max_length=60, required=False, label="Contract clause", help_text="As in “Schedule B 2.1”.")
    priority = forms.CharField(max_length=20, required=False, label="Only priority", help_text="Empty for all, else as in “standard”.")
    item_types = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Only these types", help_text="None ticked: items of every type."
    )
    severity = forms.ChoiceField(
        choices=[("", "Every severity"), ("critical", "Critical"), ("major", "Major"), ("minor", "Minor")],
        required=False,
        label="Only severity",
    )
    expected_percent = forms.DecimalField(max_digits=7, decimal_places=4, label="Share promised, %", required=False)
    amount = forms.DecimalField(max_digits=7, decimal_places=2, min_value=Decimal("0.01"), label="Within", required=False)
    unit = forms.ChoiceField(choices=UNITS, label="Counted in")
    start_state = forms.ChoiceField(
        choices=[("", "Receipt"), (states.ASSIGNED, "Assignment"), (states.IN_REVIEW, "Start of review")], required=False, label="From"
    )
    calendar_version = CalendarField(label="Calendar", help_text="Open hours and holidays for business time.")
    decides = forms.ChoiceField(choices=[("first", "First delivery"), ("last", "Last delivery")], label="Which delivery decides")
    third_party = forms.BooleanField(required=False, label="Waiting on a third party stops the clock too")
    max_error_percent = forms.DecimalField(max_digits=7, decimal_places=4, label="Errors stay under, %", required=False)
    min_volume = PlainDecimal(
        max_digits=14, decimal_places=3, min_value=Decimal("0.001"), label="Delivered at least", help_text="In each window."
    )
    volume_by = forms.ChoiceField(choices=VolumeBy.choices, label="Counted as")
    volume_offered = forms.BooleanField(
        required=False,
        label="Where less was there to deliver, all of that is due",
        help_text="Without it a window with less work than that is missed.",
    )
    error_unit = forms.ChoiceField(choices=[("document", "Document"), ("field", "Field"), ("clause", "Clause")], label="Counted by")
    window = forms.ChoiceField(choices=WINDOWS, label="Measured by the", initial="month", help_text="Weeks begin on Monday.")
    time_zone = forms.ChoiceField(choices=ZONES, label="Contract's time zone", help_text="Windows begin and end at its midnight.")
    allowed_misses = forms.CharField(
        max_length=200, required=False, label="Misses allowed", help_text="As “9: 1, 19: 2”: one with up to 9 counted, two with up to 19."
    )
    roll_up_below = forms.IntegerField(
        min_value=0, max_value=1_000_000, required=False, label="Judged with its quarter below", help_text="So many counted in a window."
    )
    importance = forms.ChoiceField(choices=Importance.choices, required=False)
    credit_percent = forms.DecimalField(
        max_digits=7, decimal_places=4, min_value=Decimal(0), required=False, label="Credit when missed, % of the credit base"
    )
    pool_percent = forms.DecimalField(
        max_digits=5,
        decimal_places=2,
        required=False,
        label="Or: pool, % of the amount at risk",
        help_text="The contract says what share of the credit base is at risk.",
    )
    allocation_percent = forms.DecimalField(max_digits=5, decimal_places=2, required=False, label="This level's part of the pool, %")
    no_credit_below = forms.IntegerField(
        min_value=0, max_value=1_000_000, required=False, label="No credit below", help_text="So many counted in a window."
    )
    minimum_percent = forms.DecimalField(
        max_digits=7, decimal_places=4, required=False, label="Minimum, %", help_text="Below it each miss earns its credit at once."
    )
    misses_before_default = forms.IntegerField(
        min_value=0,
        max_value=11,
        required=False,
        label="Misses above the minimum that earn none",
        help_text="Within twelve months; usually 3.",
    )
    earn_back_percent = forms.DecimalField(
        max_digits=7,
        decimal_places=4,
        required=False,
        label="Earn-back target, %",
        help_text="Beyond what is promised. A following window that is not measured, or too small to earn a credit, does not reach it.",
    )
    earn_back_windows = forms.IntegerField(
        min_value=1,
        max_value=12,
        required=False,
        label="Reached in each of the next",
        help_text="So many windows, one after the other; then the credit is given back.",
    )

    test = forms.ChoiceField(
        choices=[("rate", "The measured rate"), ("upper_bound", "The upper bound of the rate"), ("acceptance", "An acceptance plan")],
        required=False,
        label="What is tested",
    )
    test_confidence_percent = forms.DecimalField(
        max_digits=5, decimal_places=2, required=False, label="Bound at, %", help_text="One-sided; usually 95."
    )
    accepted_sample = forms.IntegerField(min_value=1, max_value=1_000_000, required=False, label="Acceptance plan: sample of")
    accepted_errors = forms.IntegerField(min_value=0, max_value=1_000_000, required=False, label="Errors accepted in it")
    population = forms.ChoiceField(choices=Population.choices, required=False, label="Which checks count")
    weight_critical = weight_field("A critical error counts")
    weight_major = weight_field("A major error counts")
    weight_minor = weight_field("A minor error counts")
    adjudicator = forms.ChoiceField(
        choices=[("", "Not said"), *Adjudicator.choices], required=False, label="Who decides where two reviews differ"
    )

    CLOCK = (
        "expected_percent",
        "amount",
        "unit",
        "start_state",
        "calendar_version",
        "decides",
        "third_party",
        "minimum_percent",
        "misses_before_default",
    )
    DECIDES = (
        "test",
        "test_confidence_percent",
        "accepted_sample",
        "accepted_errors",
        "population",
        "weight_critical",
        "weight_major",
        "weight_minor",
        "adjudicator",
    )
    RATE = ("max_error_percent", "error_unit", *DECIDES)
    VOLUME = ("min_volume", "volume_by", "volume_offered")
    # Terms for shares and for low counts: a volume is reached or not.
    SHARES = ("allowed_misses", "roll_up_below", "no_credit_below", "earn_back_percent", "earn_back_windows")
    # The form in parts, each under its heading; the last two are seldom needed and begin closed.
    PARTS = (
        ("What decides", DECIDES),
        ("At low volume", ("allowed_misses", "roll_up_below")),
        (
            "When missed",
            (
                "importance",
                "credit_percent",
                "pool_percent",
                "allocation_percent",
                "no_credit_below",
                "minimum_percent",
                "misses_before_default",
                "earn_back_percent",
                "earn_back_windows",
            ),
        ),
    )

    def __init__(self, *args: Any, kind: str, types: Sequence[ItemType], **kwargs: Any) -> None:
        """`types`: those of the level's workstream. A retired one is offered where it is agreed already."""
        super().__init__(*args, **kwargs)
        self.kind, self.types = kind, types
        agreed = self.initial.get("item_types", ())
        offered = [(each.code, each.name) for each in types if each.active or each.code in agreed]
        if offered:
            self.fields["item_types"].choices = offered  # type: ignore[attr-defined]
        else:
            del self.fields["item_types"]
        for name in self._others(kind):
            del self.fields[name]
        if kind != LevelKind.ERROR_RESOLUTION:
            del self.fields["severity"]
        if kind in (LevelKind.RESPONSE, LevelKind.ERROR_RESOLUTION):
            del self.fields["decides"], self.fields["start_state"]
        if kind == LevelKind.THROUGHPUT:
            self.fields["effective_from"].help_text = "The first whole window from this day on is measured."
        for name in ("expected_percent", "amount", "max_error_percent"):
            if name in self.fields:
                self.fields[name].required = True
        if "calendar_version" in self.fields:
            self.fields["calendar_version"].queryset = latest_calendars()  # type: ignore[attr-defined]

    def _others(self, kind: str) -> tuple[str, ...]:
        """The fields of other kinds of level."""
        if kind == LevelKind.THROUGHPUT:
            return (*self.CLOCK, *self.RATE, *self.SHARES)
        return (*(self.CLOCK if kind == LevelKind.ACCURACY else self.RATE), *self.VOLUME)

    def clean_allowed_misses(self) -> list[list[int]]:
        try:
            return parse_bands(self.cleaned_data["allowed_misses"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def parts(self) -> list[tuple[str, list[Any]]]:
        """Heading and fields, those of the promise itself first."""
        aside = {name for _, names in self.PARTS for name in names}
        first = [self[name] for name in self.fields if name not in aside]
        parts = [(title, [self[name] for name in names if name in self.fields]) for title, names in self.PARTS]
        return [("", first), *(part for part in parts if part[1])]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        amount, unit = data.get("amount"), data.get("unit")
        if amount is not None and unit == Unit.BUSINESS_DAYS and amount != amount.to_integral_value():
            self.add_error("amount", "Business days are whole.")
        if unit in (Unit.BUSINESS, Unit.BUSINESS_DAYS) and data.get("calendar_version") is None:
            self.add_error("calendar_version", "Business time needs a calendar.")
        return data

    def promise(self) -> Promise:
        """What the actions take. Call on a valid form."""
        data = self.cleaned_data
        found: Promise = {
            "clause": data["clause"],
            "priority": data["priority"].strip(),
            "severity": data.get("severity", ""),
            "item_types": {each.code: each.name for each in self.types if each.code in data.get("item_types", ())},
            "window": data["window"],
            "time_zone": data["time_zone"],
            "importance": data["importance"] or Importance.CRITICAL.value,
            "credit_percent": data["credit_percent"] or Decimal(0),
            "pool_percent": data["pool_percent"],
            "allocation_percent": data["allocation_percent"],
        }
        if self.kind == LevelKind.THROUGHPUT:
            volume: Promise = {"min_volume": data["min_volume"], "volume_by": data["volume_by"], "volume_offered": data["volume_offered"]}
            return {**found, **volume}
        found["allowed_misses"] = data["allowed_misses"]
        found["roll_up_below"], found["no_credit_below"] = data["roll_up_below"] or 0, data["no_credit_below"] or 0
        found["earn_back_percent"], found["earn_back_windows"] = data["earn_back_percent"], data["earn_back_windows"]
        if self.kind == LevelKind.ACCURACY:
            rate: Promise = {"max_error_percent": data["max_error_percent"], "error_unit": data["error_unit"] or "document"}
            return {**found, **rate, **self._what_decides()}
        seconds = 1 if data["unit"] == Unit.BUSINESS_DAYS else 3600
        parties = [Party.CLIENT.value, *([Party.THIRD_PARTY.value] if data["third_party"] else [])]
        return {
            **found,
            "expected_percent": data["expected_percent"],
            "unit": data["unit"] or Unit.ELAPSED.value,
            "target": int(data["amount"] * seconds),
            "calendar_version": data["calendar_version"],
            "decides": data.get("decides") or "first",
            "start_state": data.get("start_state") or "",
            "pausing_parties": parties,
            "minimum_percent": data["minimum_percent"],
            "misses_before_default": MISSES_BEFORE_DEFAULT if data["misses_before_default"] is None else data["misses_before_default"],
        }

    def _what_decides(self) -> Promise:
        data = self.cleaned_data
        given = {severity: data[f"weight_{severity}"] for severity in Severity.values}
        return {
            "test": data["test"] or Test.RATE.value,
            "test_confidence_percent": data["test_confidence_percent"],
            "accepted_sample": data["accepted_sample"],
            "accepted_errors": data["accepted_errors"],
            "population": data["population"] or Population.ALL.value,
            "severity_weights": {severity: str(weight) for severity, weight in given.items() if weight is not None},
            "adjudicator": data["adjudicator"],
        }


class LevelForm(PromiseForm):
    name = forms.CharField(max_length=120, help_text="As people call it: “NDA turnaround”.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(["name"])


class ScenarioForm(PromiseForm):
    """A proposed contract and the months to replay under it."""

    name = forms.CharField(max_length=120, help_text="As “36 hours, table of misses”: by it others find this replay.")
    first_month = forms.TypedChoiceField(coerce=date.fromisoformat, label="From")
    last_month = forms.TypedChoiceField(coerce=date.fromisoformat, label="To the end of")

    def __init__(self, *args: Any, months: Sequence[date], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(month.isoformat(), f"{month:%B %Y}") for month in months]
        for name in ("first_month", "last_month"):
            self.fields[name].choices = choices  # type: ignore[attr-defined]
        self.fields["effective_from"].label = "The proposal binds work received from"
        self.fields["effective_from"].help_text = "What was received before stays under what holds."
        self.order_fields(["name", "first_month", "last_month", "effective_from"])

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("first_month") and data.get("last_month") and data["last_month"] < data["first_month"]:
            self.add_error("last_month", "The last month lies before the first.")
        return data


def initial_of(version: ServiceLevelVersion) -> dict[str, Any]:
    """The form of a new version begins with the last one."""
    return {
        "effective_from": timezone.localdate(),
        "clause": version.clause,
        "priority": version.priority,
        "severity": version.severity,
        "item_types": version.types,
        "expected_percent": _short(version.expected_percent),
        "amount": amount_of(version),
        "unit": version.unit,
        "calendar_version": version.calendar_version_id,
        "decides": version.decides,
        "start_state": version.start_state,
        "third_party": Party.THIRD_PARTY.value in version.pausing_parties,
        "max_error_percent": _short(version.max_error_percent),
        "min_volume": _short(version.min_volume),
        "volume_by": version.volume_by,
        "volume_offered": version.volume_offered,
        "error_unit": version.error_unit,
        "test": version.test,
        "test_confidence_percent": _short(version.test_confidence_percent),
        "accepted_sample": version.accepted_sample,
        "accepted_errors": version.accepted_errors,
        "population": version.population,
        **{f"weight_{severity}": version.severity_weights.get(severity) for severity in Severity.values},
        "adjudicator": version.adjudicator,
        "window": version.window,
        "time_zone": version.time_zone,
        "importance": version.importance,
        "credit_percent": _short(version.credit_percent) or None,
        "pool_percent": _short(version.pool_percent),
        "allocation_percent": _short(version.allocation_percent),
        "allowed_misses": write_bands(version.allowed_misses),
        "roll_up_below": version.roll_up_below or None,
        "no_credit_below": version.no_credit_below or None,
        "earn_back_percent": _short(version.earn_back_percent),
        "earn_back_windows": version.earn_back_windows,
        "minimum_percent": _short(version.minimum_percent),
        "misses_before_default": version.misses_before_default if version.minimum_percent is not None else None,
    }


def parse_bands(text: str) -> list[list[int]]:
    """ "9: 1, 19: 2" → [[9, 1], [19, 2]]: up to so many counted, so many misses allowed. Raises `ValueError`."""
    bands = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = _BAND.fullmatch(part)
        if match is None:
            raise ValueError(f"“{part}” is no band. Write it as 9: 1, for one miss with up to 9 counted.")
        bands.append([int(match[1]), int(match[2])])
    return bands


def write_bands(bands: Sequence[Sequence[int]]) -> str:
    """[[9, 1], [19, 2]] → 9: 1, 19: 2."""
    return ", ".join(f"{most}: {misses}" for most, misses in bands)


def _short(value: Decimal | None) -> Decimal | None:
    """95, not 95.0000."""
    return None if value is None else Decimal(f"{value.normalize():f}")


def amount_of(version: ServiceLevelVersion) -> Decimal | None:
    if version.target is None:
        return None
    whole = Decimal(version.target)
    return whole if version.unit == Unit.BUSINESS_DAYS else _short((whole / 3600).quantize(Decimal("0.01")))


class UpdateLevelForm(Refusable, forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    name = forms.CharField(max_length=120)
    active = forms.BooleanField(required=False, label="Starts clocks for new work", help_text="A retired level keeps the clocks it has.")
