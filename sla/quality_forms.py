"""What people fill in to draw a sample, check an item of it and adjudicate what was found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from engagements import states
from engagements.file_fields import SafeFile
from engagements.forms import Moment, PlainDecimal, Refusable
from engagements.models import WorkItem
from lpo.accounts.models import Membership
from sla.actions import Declared, Found
from sla.calendar_forms import date_field
from sla.frames import STRATA
from sla.models import Adjudicator, Allocation, Category, Purpose, RootCause, ServiceLevel, Severity, Sizing

ROWS, MOST_ROWS = 3, 40


class PlanForm(Refusable, forms.Form):
    from_day = date_field(label="First delivered from")
    to_day = date_field(label="To", help_text="This day included.")
    purpose = forms.ChoiceField(choices=Purpose.choices, label="What it measures")
    disposition = forms.ChoiceField(
        choices=[
            ("", "Every disposition"),
            ("human_reviewed", "Human-reviewed"),
            ("machine_coded", "Machine-coded"),
            ("discarded", "Discarded"),
        ],
        required=False,
        label="Drawn from",
    )
    sizing = forms.ChoiceField(choices=Sizing.choices, label="Size by")
    confidence_percent = PlainDecimal(max_digits=5, decimal_places=2, required=False, label="Confidence, %")
    margin_percent = PlainDecimal(max_digits=5, decimal_places=2, required=False, label="Margin, ± %")
    expected_percent = PlainDecimal(
        max_digits=5, decimal_places=2, required=False, label="Expected rate, %", help_text="50 where nothing is known: the largest sample."
    )
    number = forms.IntegerField(
        min_value=1,
        required=False,
        label="Items",
        help_text="For an acceptance plan or a number; of each stratum where each gives the same.",
    )
    accepted_errors = forms.IntegerField(min_value=0, required=False, label="Errors accepted")
    strata_by = forms.MultipleChoiceField(
        choices=list(STRATA.items()), required=False, widget=forms.CheckboxSelectMultiple, label="Strata by"
    )
    allocation = forms.ChoiceField(choices=Allocation.choices, label="Spread over strata")
    adjudicator = forms.ChoiceField(choices=Adjudicator.choices, label="Who decides where the two reviews differ")
    relevant_found = forms.IntegerField(
        min_value=0, required=False, label="Relevant documents found elsewhere", help_text="For the recall of what was not set aside."
    )

    PARTS = (
        ("", ("from_day", "to_day", "purpose", "disposition")),
        ("Size", ("sizing", "confidence_percent", "margin_percent", "expected_percent", "number", "accepted_errors")),
        ("Strata", ("strata_by", "allocation")),
        ("Then", ("adjudicator", "relevant_found")),
    )

    def parts(self) -> list[tuple[str, list[Any]]]:
        return [(title, [self[name] for name in names]) for title, names in self.PARTS]

    def declared(self, zone: ZoneInfo) -> Declared:
        """Days are those of `zone`. Call on a valid form."""
        data = self.cleaned_data
        whole = {name: data[name] for name in ("purpose", "disposition", "sizing", "allocation", "adjudicator", "relevant_found")}
        by_margin = {name: data[name] for name in ("confidence_percent", "margin_percent", "expected_percent")}
        from_at, to_at = (datetime.combine(day, clock.min, tzinfo=zone) for day in (data["from_day"], data["to_day"] + timedelta(days=1)))
        return Declared(
            from_at=from_at,
            to_at=to_at,
            number=data["number"],
            accepted_errors=data["accepted_errors"],
            strata_by=tuple(data["strata_by"]),
            **whole,
            **by_margin,
        )


INITIAL: Mapping[str, Any] = {
    "purpose": Purpose.ACCURACY.value,
    "sizing": Sizing.MARGIN.value,
    "confidence_percent": Decimal(95),
    "margin_percent": Decimal(5),
    "expected_percent": Decimal(50),
    "allocation": Allocation.PROPORTIONAL.value,
    "adjudicator": Adjudicator.THIRD.value,
}


class CheckersForm(Refusable, forms.Form):
    checkers: Any = forms.ModelMultipleChoiceField(queryset=None, widget=forms.CheckboxSelectMultiple, label="Who checks")

    def __init__(self, *args: Any, people: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["checkers"]
        field.queryset = people
        field.label_from_instance = _named


def _named(member: Membership) -> str:
    return f"{member.display_name}, {member.role_label.lower()}"


class ExtendForm(Refusable, forms.Form):
    number = forms.IntegerField(min_value=1, max_value=20_000, label="How many more")


class CheckForm(Refusable, forms.Form):
    """`relevant` is asked of a sample of what was set aside; there is nothing else to find in it."""

    units = forms.IntegerField(min_value=1, max_value=10_000_000, label="Units checked")
    relevant = forms.IntegerField(min_value=0, max_value=10_000_000, label="Relevant among them")
    note = forms.CharField(max_length=500, required=False, label="On the item as a whole")

    def __init__(self, *args: Any, elusion: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not elusion:
            del self.fields["relevant"]
        self.fields["units"].widget.attrs["autofocus"] = True


class FindingForm(forms.Form):
    """One kind of error; a row without a severity is none."""

    severity = forms.ChoiceField(choices=[("", "No finding"), *Severity.choices], required=False)
    category = forms.ChoiceField(choices=Category.choices, required=False)
    root_cause = forms.ChoiceField(choices=RootCause.choices, required=False, initial=RootCause.UNKNOWN, label="Root cause")
    wrong = forms.IntegerField(min_value=0, max_value=10_000_000, required=False, initial=1)
    note = forms.CharField(max_length=300, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("severity") and data.get("note"):
            self.add_error("severity", "Say how severe it is.")
        return data

    def found(self) -> Found | None:
        data = self.cleaned_data
        errors = 1 if data.get("wrong") is None else data["wrong"]
        if not data.get("severity") or not errors:
            return None
        return Found(
            severity=data["severity"],
            category=data.get("category") or Category.OTHER.value,
            root_cause=data.get("root_cause") or RootCause.UNKNOWN.value,
            errors=errors,
            note=data.get("note", ""),
        )


def finding_rows(posted: Any, initial: list[dict[str, Any]] | None = None) -> list[FindingForm]:
    """As many rows as the form says it has, one more where they are asked for."""
    given = initial or []
    text = posted.get("rows", "") if posted is not None else ""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else max(ROWS, len(given))
    number = min(number + (ROWS if posted is not None and posted.get("do") == "more" else 0), MOST_ROWS)
    rows = []
    for place in range(number):
        start = given[place] if place < len(given) else None
        rows.append(FindingForm(posted, prefix=f"f{place}", initial=start, use_required_attribute=False))
    return rows


class AdjudicateForm(Refusable, forms.Form):
    relevant = forms.IntegerField(min_value=0, max_value=10_000_000, label="Relevant among them")
    reason = forms.CharField(
        max_length=500, widget=forms.Textarea(attrs={"rows": 3}), label="Why", help_text="It is kept beside the figure."
    )

    def __init__(self, *args: Any, elusion: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not elusion:
            del self.fields["relevant"]


class SpanForm(forms.Form):
    from_day = date_field(label="From", required=False)
    to_day = date_field(label="To", required=False)


class QualityForm(Refusable, forms.Form):
    units = forms.IntegerField(min_value=1, label="Units checked", help_text="Documents, fields or clauses looked at.")
    wrong = forms.IntegerField(min_value=0, label="Wrong")
    checked_at = Moment(label="When", required=False, help_text="Now, if left empty.")
    note = forms.CharField(max_length=500, required=False)


class ExclusionForm(Refusable, forms.Form):
    level: Any = forms.ModelChoiceField(queryset=None, empty_label=None)
    reason = forms.CharField(max_length=300, help_text="The client reads it beside the figure.")
    evidence = SafeFile(required=False, help_text="The mail or file that shows it.")

    def __init__(self, *args: Any, item: WorkItem, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["level"]
        field.queryset = ServiceLevel.objects.filter(workstream_id=item.workstream_id).order_by("id")
        if item.kind == states.ERROR:
            self.fields["evidence"].required = True
            self.fields["evidence"].help_text = "What shows that it is not our error."
