"""What people fill in about usage: a record, a file of records, why one is withdrawn."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils import timezone

from billing.forms import Amount, Refusable, day_field
from billing.models import DIRECTIONS, ChargeTerm, ChargeTermVersion, UsageRecord
from billing.usage import Reported
from billing.usage_file import MOST_ROWS, header_of
from billing.volume import UNITS
from engagements import utbms
from engagements.file_fields import SafeFile
from lpo.core.errors import Refused
from lpo.core.validators import problem_of_text


class UsageForm(Refusable):
    """One record. `token` makes a form sent twice one record."""

    day = day_field(label="Day", help_text="On the legal entity's calendar.")
    subject = forms.CharField(max_length=200, label="What", help_text="In words that name nothing privileged.")
    token = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)

    def __init__(self, *args: Any, term: ChargeTerm, currency: str, usage: UsageRecord | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("initial", _initial(term, usage))
        super().__init__(*args, **kwargs)
        self.term, self.currency = term, currency
        if "amount" in self.fields:
            self.fields["amount"].label = f"{self.fields['amount'].label}, {currency}"
        if usage is not None:
            self.fields.pop("file", None)

    def clean_subject(self) -> str:
        subject: str = self.cleaned_data["subject"]
        if problem := problem_of_text(subject):
            raise forms.ValidationError(problem)
        return subject

    def reported(self) -> Reported:
        data = {name: self.cleaned_data[name] for name in Reported.__dataclass_fields__ if name in self.cleaned_data}
        if data.get("amount") is not None:
            data["currency"] = self.currency
        return Reported(starts_on=self.cleaned_data["day"], **data)

    def refuse(self, refusal: Refused) -> None:
        """What is wrong with the currency stands beside the amount."""
        field = {"currency": "amount", "ends_on": "day"}.get(refusal.field or "", refusal.field)
        self.add_error(field if field in self.fields else None, refusal.message)


def _initial(term: ChargeTerm, usage: UsageRecord | None) -> dict[str, Any]:
    """What a form begins with: the record to correct, or today and what the term's latest version counts."""
    fresh = {"token": uuid.uuid4().hex}
    if usage is None:
        version = ChargeTermVersion.objects.filter(term=term).order_by("-number").first()
        counted = {"unit": version.unit, "direction": version.direction} if version is not None else {}
        return fresh | {"day": timezone.localdate()} | counted
    return fresh | {"day": usage.starts_on} | {name: getattr(usage, name) for name in Reported.__dataclass_fields__}


class VolumeRecordForm(UsageForm):
    subject = forms.CharField(max_length=200, label="Of what", help_text="Workspace or transfer, in words that name nothing privileged.")
    quantity = Amount(min_value=0, max_digits=18, decimal_places=6, label="Volume")
    unit = forms.ChoiceField(choices=[(unit, unit) for unit in UNITS], initial="GB")
    direction = forms.ChoiceField(choices=[("", "Not said"), *DIRECTIONS], required=False)

    field_order = ("day", "subject", "quantity", "unit", "direction")


class OutcomeRecordForm(UsageForm):
    amount = Amount(
        min_value=0, max_digits=16, decimal_places=4, required=False, label="Its amount", help_text="Where a share of it is charged."
    )


class ExpenseRecordForm(UsageForm):
    code = forms.ChoiceField(choices=[(code, f"{code} {label}") for code, label in utbms.EXPENSES.items()], initial="E124")
    amount = Amount(min_value=0, max_digits=16, decimal_places=4, label="Amount")
    file = SafeFile(required=False, label="Receipt")

    field_order = ("day", "subject", "code", "amount", "file")


RECORD_FORMS: dict[str, type[UsageForm]] = {
    "data_volume": VolumeRecordForm,
    "outcome": OutcomeRecordForm,
    "expense": ExpenseRecordForm,
}


class UsageFileForm(Refusable):
    """A CSV, or the text of one that was looked over."""

    file = forms.FileField(label="CSV file", required=False)
    source = forms.RegexField(
        r"^[a-z0-9][a-z0-9_-]*$",
        max_length=40,
        initial="upload",
        help_text="Names the system the event ids come from: an id is one event within its source.",
        error_messages={"invalid": "Use lower-case letters, digits, hyphens and underscores."},
    )
    text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, term: ChargeTerm, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = f"The first line names the columns: {', '.join(header_of(term))}. At most {MOST_ROWS:,} rows."

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("file") and not data.get("text"):
            self.add_error("file", "Choose a file.")
        return data

    def content(self) -> bytes:
        file = self.cleaned_data.get("file")
        return bytes(file.read()) if file else str(self.cleaned_data["text"]).encode()


class WithdrawForm(Refusable):
    reason = forms.CharField(max_length=300, label="Why it no longer counts", widget=forms.Textarea(attrs={"rows": 3}))
