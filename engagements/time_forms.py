"""Forms of the pages about time. The actions check again."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms

from engagements import utbms
from engagements.forms import Refusable
from engagements.models import TimeEntry, WorkItem, Workstream
from engagements.people_forms import day

_BLANK = [("", "—")]


class DurationField(forms.CharField):
    """Minutes, written as 1:30, 1.5 h, 1.5h, 90 or 90 min."""

    def __init__(self, **kwargs: Any) -> None:
        help_text = "As 1:30, 1.5 h or 90 (minutes)."
        super().__init__(max_length=12, help_text=help_text, widget=forms.TextInput(attrs={"inputmode": "text"}), **kwargs)

    def clean(self, value: Any) -> Decimal:
        text = super().clean(value).strip().lower().replace(",", ".")
        try:
            return _minutes(text)
        except (InvalidOperation, ValueError) as error:
            raise forms.ValidationError("Write it as 1:30, 1.5 h or 90.") from error


def _minutes(text: str) -> Decimal:
    hours, colon, rest = text.partition(":")
    if colon:
        if not (hours.isdecimal() and rest.isdecimal() and len(rest) == 2 and int(rest) < 60):
            raise ValueError(text)
        return Decimal(int(hours) * 60 + int(rest))
    number = text.removesuffix("min").removesuffix("m").removesuffix("h").strip()
    value = Decimal(number)
    if not value.is_finite():
        raise ValueError(text)
    return value * 60 if text.endswith("h") else value


class TimeForm(Refusable, forms.Form):
    workstream: Any = forms.ModelChoiceField(queryset=None, required=False, empty_label="That of the item")
    item = forms.CharField(max_length=24, required=False, help_text="Its reference, as NDA-0042, if it was one.")
    day = day()
    minutes = DurationField(label="Time")
    narrative = forms.CharField(
        max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="One task: what was done, to what, about what."
    )
    task_code = forms.ChoiceField(label="Task", required=False, choices=_BLANK + utbms.choices(utbms.TASKS))
    activity_code = forms.ChoiceField(label="Activity", required=False, choices=_BLANK + utbms.choices(utbms.ACTIVITIES))
    billable = forms.BooleanField(required=False, initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Workstream.objects.filter(status="open").select_related("client").order_by("client__name", "title")
        self.fields["workstream"].queryset = rows  # type: ignore[attr-defined]
        self.fields["workstream"].label_from_instance = lambda row: f"{row.client.name}, {row.title}"  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        reference = data.get("item", "").strip()
        item = WorkItem.objects.filter(reference=reference).select_related("workstream").first() if reference else None
        if reference and item is None:
            self.add_error("item", "There is no such item.")
        elif item is None and data.get("workstream") is None:
            self.add_error("workstream", "Choose a workstream or write an item.")
        data["item"] = item
        data["workstream"] = data.get("workstream") or (item.workstream if item else None)
        return data

    @property
    def values(self) -> dict[str, Any]:
        """What the action takes; codes left empty become the usual ones of the work."""
        return {name: value for name, value in self.cleaned_data.items() if name not in {"task_code", "activity_code"} or value}


class TimeEditForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    day = day()
    minutes = DurationField(label="Time")

    class Meta:
        model = TimeEntry
        fields = ["narrative", "task_code", "activity_code", "billable"]
        widgets = {"narrative": forms.Textarea(attrs={"rows": 3})}

    field_order = ["version", "day", "minutes", "narrative", "task_code", "activity_code", "billable"]


class ReturnForm(Refusable, forms.Form):
    note = forms.CharField(max_length=300, label="What is to be changed")


class LockForm(Refusable, forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    locked_through = day(required=False, help_text="Time of this day and before is closed. Empty: nothing is.")
    grace_days = forms.IntegerField(min_value=0, max_value=90, help_text="For so many days after it, late entries are still taken.")
