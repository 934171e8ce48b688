"""What people fill in. The actions check again; a form only lets a person see every mistake at once."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from babel import Locale
from django import forms
from django.conf import settings

from engagements import states
from engagements.imports.reader import ENCODINGS
from engagements.models import Client, Contract, Engagement, LegalEntity, Matter, Pause, WorkItem, Workstream
from engagements.queries import staff
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.core.validators import validate_year

PARTIES: Any = Pause._meta.get_field("party").choices
REASONS: Any = Pause._meta.get_field("reason").choices
_LOCALE = Locale("en")
ZONES = [(zone, zone.replace("_", " ")) for zone in sorted(available_timezones()) if "/" in zone or zone == "UTC"]
COUNTRIES = sorted(((code, name) for code, name in _LOCALE.territories.items() if len(code) == 2 and code.isalpha()), key=lambda c: c[1])
CURRENCIES = sorted((code, f"{code} · {name}") for code, name in _LOCALE.currencies.items())


class PersonField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """An active member of staff of the current organization."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=Membership.objects.none(), **{"required": False, "empty_label": "Nobody", **kwargs})

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.display_name}, {obj.role_label.lower()}"


class Moment(forms.DateTimeField):
    """A date and time in the viewer's own zone."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M")
        formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        super().__init__(widget=widget, input_formats=formats, validators=[validate_year], **kwargs)


def _day(**kwargs: Any) -> forms.DateField:
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), validators=[validate_year], **kwargs)


class Refusable:
    """A form that takes an action's refusal back to its field."""

    def refuse(self, refusal: Refused) -> None:
        field = refusal.field if refusal.field in self.fields else None  # type: ignore[attr-defined]
        self.add_error(field, refusal.message)  # type: ignore[attr-defined]


class WithPeople(Refusable):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # type: ignore[attr-defined]
            if isinstance(field, PersonField):
                field.queryset = staff()


class Versioned(forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)


class ClientForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    country = forms.ChoiceField(choices=COUNTRIES, initial="US")
    currency = forms.ChoiceField(choices=CURRENCIES, initial="USD")
    time_zone = forms.ChoiceField(choices=ZONES, initial="America/New_York")

    class Meta:
        model = Client
        fields = [
            *["code", "name", "legal_name", "billing_address", "country", "time_zone", "currency"],
            *["tax_id", "tax_category", "tax_rate", "accounts_payable", "accounts_payable_email", "billing_cycle"],
        ]
        widgets = {"billing_address": forms.Textarea(attrs={"rows": 3})}

    def clean_code(self) -> str:
        return str(self.cleaned_data["code"])


class ClientEditForm(Versioned, ClientForm):
    class Meta(ClientForm.Meta):
        fields = [name for name in ClientForm.Meta.fields if name != "code"]


class EngagementForm(WithPeople, forms.ModelForm):  # type: ignore[type-arg]
    legal_entity: Any = forms.ModelChoiceField(queryset=None, empty_label=None, help_text="Who signs and invoices.")
    manager = PersonField(label="Project manager")
    starts_on = _day()
    ends_on = _day(required=False)

    field_order = ["title", "legal_entity", "manager", "delivery_model", "location", "starts_on", "ends_on"]

    class Meta:
        model = Engagement
        fields = ["title", "delivery_model", "location", "starts_on", "ends_on"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["legal_entity"].queryset = LegalEntity.objects.order_by("name")  # type: ignore[attr-defined]
        if self.instance.pk:
            self.initial["legal_entity"], self.initial["manager"] = self.instance.legal_entity_id, self.instance.manager_id


class EngagementEditForm(Versioned, EngagementForm):
    pass


class ContractForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    """Saving writes the next version; `number` is the version this began from."""

    number = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    effective_from = _day()
    signed_on = _day(required=False)
    time_zone = forms.ChoiceField(choices=ZONES, help_text="Governs the windows of service levels.")
    currency = forms.ChoiceField(choices=CURRENCIES)

    class Meta:
        model = Contract
        fields = [
            *["effective_from", "signed_on", "time_zone", "currency", "payment_days", "contest_days", "acceptance_days"],
            *["purchase_order", "at_risk_percent"],
        ]


class MatterForm(WithPeople, forms.ModelForm):  # type: ignore[type-arg]
    supervising_attorney = PersonField()

    class Meta:
        model = Matter
        fields = ["title", "client_matter_id", "jurisdiction"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["supervising_attorney"] = self.instance.supervising_attorney_id


class MatterEditForm(Versioned, MatterForm):
    pass


class WorkstreamForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Workstream
        fields = ["title", "kind", "unit", "item_prefix", "requires_admission"]


class WorkstreamEditForm(Versioned, WorkstreamForm):
    pass


class UpdateForm(Refusable, forms.Form):
    note = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}), max_length=4000, help_text="The client reads this with today's figures."
    )


class ItemForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    received_at = Moment(label="Received")
    due_hint = Moment(label="Wanted by", required=False)

    class Meta:
        model = WorkItem
        fields = ["title", "kind", "received_at", "quantity", "priority", "language", "disposition", "severity", "due_hint", "external_id"]

    def clean_external_id(self) -> str | None:
        return self.cleaned_data["external_id"] or None


class ItemEditForm(Versioned, ItemForm):
    reason = forms.CharField(max_length=300, required=False, label="Reason", help_text="Needed when the time of receipt changes.")

    class Meta(ItemForm.Meta):
        fields = [name for name in ItemForm.Meta.fields if name not in {"kind", "external_id"}]

    clean_external_id = None  # type: ignore[assignment]


class MoveForm(Refusable, forms.Form):
    to = forms.ChoiceField(choices=list(states.LABELS.items()), widget=forms.HiddenInput)
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    at = Moment(label="When", required=False, help_text="Now, if left empty.")
    reason = forms.CharField(max_length=300, required=False, help_text="Needed when it is recorded more than 15 minutes later.")


class UndoForm(Refusable, forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    reason = forms.CharField(max_length=300, required=False)


class PauseForm(Refusable, forms.Form):
    party = forms.ChoiceField(choices=PARTIES, label="Waiting for")
    reason = forms.ChoiceField(choices=REASONS)
    note = forms.CharField(max_length=500, required=False, help_text="What was asked, of whom. The client reads it.")
    at = Moment(
        label="Since", required=False, help_text="Now, if left empty. Earlier than 15 minutes ago needs the right to approve pauses."
    )
    evidence = forms.FileField(required=False, help_text="The mail or note that shows it.")

    def clean_evidence(self) -> Any:
        file = self.cleaned_data["evidence"]
        if file is not None and file.size > settings.UPLOAD_LIMIT_BYTES:
            raise forms.ValidationError("This file is too large.")
        return file


class ResumeForm(Refusable, forms.Form):
    at = Moment(label="Until", required=False, help_text="Now, if left empty.")


class NoteForm(Refusable, forms.Form):
    note = forms.CharField(max_length=300)


class AssignForm(WithPeople, forms.Form):
    assignee = PersonField(label="Assigned to")


class WallForm(WithPeople, forms.Form):
    insiders = forms.ModelMultipleChoiceField(
        queryset=Membership.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label="Inside the wall, besides you"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["insiders"].queryset = staff()  # type: ignore[attr-defined]


class UploadForm(Refusable, forms.Form):
    file = forms.FileField(
        label="CSV file",
        help_text=f"The first line names the columns. At most {settings.UPLOAD_LIMIT_BYTES // 1024 // 1024} MB.",
        allow_empty_file=True,
    )
    source = forms.RegexField(
        r"^[a-z0-9][a-z0-9_-]*$",
        max_length=40,
        initial="upload",
        help_text="Names the system the IDs come from: an ID is one item within its source.",
        error_messages={"invalid": "Use lower-case letters, digits, hyphens and underscores."},
    )
    encoding = forms.ChoiceField(choices=ENCODINGS, initial="utf-8")
