"""Forms of the pages about people. The actions check again."""

from __future__ import annotations

from typing import Any

from django import forms

from engagements.forms import Refusable, Versioned, WithPeople
from engagements.models import Absence, Admission, Client, Conflict, ReviewerProfile, SpokenLanguage, Training
from engagements.queries import staff
from engagements.staffing import language_names
from lpo.accounts.models import Membership
from lpo.core.validators import validate_year


def day(**kwargs: Any) -> forms.DateField:
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), validators=[validate_year], **kwargs)


class ProfileForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    version = Versioned.base_fields["version"]

    class Meta:
        model = ReviewerProfile
        fields = ["location", "capacity", "capacity_unit"]


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


class DistributeForm(WithPeople, forms.Form):
    people = forms.ModelMultipleChoiceField(queryset=Membership.objects.none(), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["people"].queryset = staff()  # type: ignore[attr-defined]
