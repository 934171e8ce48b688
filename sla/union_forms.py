"""The form of a calendar that follows the sun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from engagements.forms import ZONES
from sla.calendar_forms import AdoptionForm, latest_calendars
from sla.models import CalendarVersion


class SitesField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """The last version of each calendar that is no union itself."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.calendar.name}, version {obj.number} ({obj.time_zone})"


class UnionForm(AdoptionForm):
    name = forms.CharField(max_length=100, help_text="As people call it: “Follow the sun”.")
    sites = SitesField(
        queryset=None,
        widget=forms.CheckboxSelectMultiple,
        help_text="Open whenever one of them is. Each keeps its own zone, holidays and exceptions, as they are now.",
    )
    time_zone = forms.ChoiceField(choices=ZONES, help_text="Whose days are told: for the month, and where a level counts business days.")

    def __init__(self, *args: Any, named: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sites: Any = self.fields["sites"]
        sites.queryset = latest_calendars().filter(sites=[])
        if not named:
            del self.fields["name"]
        self.order_fields(["name", "sites", "time_zone"])

    def content(self) -> dict[str, Any]:
        """What the actions take. Call on a valid form."""
        sites: Sequence[CalendarVersion] = list(self.cleaned_data["sites"])
        return {"time_zone": self.cleaned_data["time_zone"], "weekly": {}, "sites": sites}
