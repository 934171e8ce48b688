"""Forms of the pages about people. The actions check again."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django import forms

from engagements.forms import PlainDecimal, Refusable, Versioned, WithPeople
from engagements.models import Absence, Admission, Client, Conflict, ReviewerProfile, SpokenLanguage, Training, WeekCapacity
from engagements.queries import staff
from engagements.staffing import language_names
from lpo.accounts.models import Membership
from lpo.core.validators import validate_year

_WEEK = re.compile(r"(\d{4})-W(\d{2})")


def day(**kwargs: Any) -> forms.DateField:
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), validators=[validate_year], **kwargs)


class ProfileForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    version = Versioned.base_fields["version"]

    class Meta:
        model = ReviewerProfile
        fields = ["location", "capacity", "capacity_unit"]
        field_classes = {"capacity": PlainDecimal}


class LanguageForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    language = forms.ChoiceField(choices=lambda: sorted(language_names().items(), key=lambda pair: pair[1]), initial="en")

    class Meta:
        model = SpokenLanguage
        fields = ["language", "level"]


class AdmissionForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    valid_from = day(required=False)
    valid_to = day(required=False, help_text="Its last day. Empty if it does not end.")

    class Meta:
        model = Admission
        fields = ["jurisdiction", "number", "valid_from", "valid_to"]
        help_texts = {"jurisdiction": "As the matters name it: New York, Germany."}


class TrainingForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    passed_on = day()
    valid_to = day(required=False)

    field_order = ["kind", "title", "passed_on", "score", "valid_to"]

    class Meta:
        model = Training
        fields = ["kind", "title", "score"]
        labels = {"kind": "Kind of work"}


class ConflictForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    client: Any = forms.ModelChoiceField(queryset=None, required=False, empty_label="No client")
    since = day()

    class Meta:
        model = Conflict
        fields = ["party", "note"]

    field_order = ["client", "party", "since", "note"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["client"].queryset = Client.objects.order_by("name")  # type: ignore[attr-defined]


class AbsenceForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    starts_on = day(label="First day")
    ends_on = day(label="Last day")

    class Meta:
        model = Absence
        fields = ["starts_on", "ends_on", "reason"]


def monday_of(text: str) -> date | None:
    """The Monday of `2026-W49`; None for what names no week."""
    if (named := _WEEK.fullmatch(text.strip())) is None:
        return None
    try:
        return date.fromisocalendar(int(named[1]), int(named[2]), 1)
    except ValueError:
        return None


class WeekField(forms.DateField):
    """A week, written `2026-W49` and kept as its Monday."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.DateInput(attrs={"type": "week", "placeholder": "2026-W49"}), validators=[validate_year], **kwargs)

    def to_python(self, value: Any) -> date | None:
        if value in self.empty_values:
            return None
        if (monday := monday_of(str(value))) is None:
            raise forms.ValidationError("Write a week as 2026-W49.", code="invalid")
        return monday

    def prepare_value(self, value: Any) -> Any:
        return f"{value:%G-W%V}" if isinstance(value, date) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class WeekCapacityForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    first_week = WeekField(label="Week")
    last_week = WeekField(label="Through week", required=False, help_text="Empty for one week.")

    field_order = ["first_week", "last_week", "capacity", "measure", "reason"]

    class Meta:
        model = WeekCapacity
        fields = ["first_week", "last_week", "capacity", "measure", "reason"]
        labels = {"capacity": "Holds", "measure": "Of"}
        field_classes = {"capacity": PlainDecimal}
        help_texts = {"capacity": "0 where there is no room at all."}

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        first, last = data.get("first_week"), data.get("last_week")
        if first is not None and last is not None and last < first:
            self.add_error("last_week", "This lies before the first week.")
        return data


class WeekChangeForm(Versioned, WeekCapacityForm):
    pass


class DistributeForm(WithPeople, forms.Form):
    people = forms.ModelMultipleChoiceField(queryset=Membership.objects.none(), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["people"].queryset = staff()  # type: ignore[attr-defined]
