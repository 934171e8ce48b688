"""What to look for in the audit log."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import QuerySet
from django.utils.formats import date_format

from lpo.accounts.models import Membership, Organization
from lpo.audit.models import Event


class EventSearch(forms.Form):
    """All fields are optional and narrow the list together. Dates are the viewer's own days."""

    action = forms.CharField(required=False, max_length=80, help_text="As in invoice.issue.")
    object = forms.CharField(required=False, max_length=120, help_text="As in ACME-0003.")
    person = forms.ChoiceField(required=False)
    since = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, data: Any, *, organization: Organization, zone: ZoneInfo) -> None:
        super().__init__(data)
        self.zone = zone
        members = Membership.objects.filter(organization=organization).select_related("user").order_by("user__name", "user__email")
        people = [(str(member.id), member.display_name) for member in members]
        self.fields["person"] = forms.ChoiceField(
            required=False, choices=[("", "Anybody"), ("system", "The system"), ("token", "Any API token"), *people]
        )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("since") and values.get("until") and values["until"] < values["since"]:
            self.add_error("until", "The last day lies before the first.")
        return values

    def chosen(self) -> list[tuple[str, str]]:
        """What the list is narrowed to, in words."""
        people = dict(self.fields["person"].choices)  # type: ignore[attr-defined]
        values = self.cleaned_data
        said = {
            "action": values["action"],
            "object": values["object"],
            "person": str(people.get(values["person"], "")) if values["person"] else "",
            "since": date_format(values["since"]) if values["since"] else "",
            "until": date_format(values["until"]) if values["until"] else "",
        }
        return [(str(self[name].label), text) for name, text in said.items() if text]

    def narrow(self, events: QuerySet[Event]) -> QuerySet[Event]:
        values = self.cleaned_data
        if values["action"]:
            # A range instead of LIKE: an operator that is not leakproof cannot use an index under row-level security.
            events = events.filter(action__gte=values["action"], action__lt=values["action"] + "\U0010ffff")
        if values["object"]:
            events = events.filter(object_reference=values["object"])
        if values["person"] in {"system", "token"}:
            events = events.filter(actor_kind=values["person"])
        elif values["person"]:
            events = events.filter(actor_member_id=int(values["person"]))
        if values["since"]:
            events = events.filter(at__gte=self._midnight(values["since"]))
        if values["until"]:
            events = events.filter(at__lt=self._midnight(values["until"] + timedelta(days=1)))
        return events

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time.min, self.zone)
