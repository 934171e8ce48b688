"""What people fill in. The actions check again; a form only lets a person see every mistake at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from babel import Locale
from django import forms

from engagements import states
from engagements.file_fields import SafeFile
from engagements.imports.documents import UNITS
from engagements.imports.load_file import ENCODINGS as LOAD_FILE_ENCODINGS
from engagements.imports.load_file import FIELDS as LOAD_FILE_FIELDS
from engagements.imports.reader import ENCODINGS
from engagements.models import Client, Engagement, ItemType, LegalEntity, Matter, Pause, WorkItem, Workstream
from engagements.queries import parties_of, staff
from engagements.uploads import most
from lpo.accounts.models import Membership
from lpo.core.errors import Refused, StaleVersion
from lpo.core.validators import validate_year
from lpo.core.zones import zone_names

PARTIES: Any = Pause._meta.get_field("party").choices
REASONS: Any = Pause._meta.get_field("reason").choices
_LOCALE = Locale("en")
ZONES = [(zone, zone.replace("_", " ")) for zone in sorted(zone_names()) if "/" in zone or zone == "UTC"]
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


class PlainDecimal(forms.DecimalField):
    """A number as people write it: `1`, not `1.000`."""

    def prepare_value(self, value: Any) -> Any:
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def day_field(**kwargs: Any) -> forms.DateField:
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), validators=[validate_year], **kwargs)


class Refusable:
    """A form that takes an action's refusal back to its field."""

    def refuse(self, refusal: Refused) -> None:
        field = refusal.field if refusal.field in self.fields else None  # type: ignore[attr-defined]
        self.add_error(field, refusal.message)  # type: ignore[attr-defined]

    def outdate(self, stale: StaleVersion) -> bool:
        """Somebody else saved first: what was typed stays, each field that differs says what stands now, and sending the form once
        more saves over it, knowingly. False where the form cannot show what differs."""
        form: Any = self
        differing = [name for name in stale.theirs if name in form.fields]
        if stale.version is None or "version" not in form.fields or not differing:
            return False
        form.data = form.data.copy()
        form.data[form.add_prefix("version")] = stale.version
        for name in differing:
            form.add_error(name, f"Somebody else saved “{_as_read(form.fields[name], stale.theirs[name])}” here in the meantime.")
        kept = "Your entries are kept below: save again to put them in place of what stands now."
        form.add_error(None, f"This was changed after you opened it. {kept}")
        self.late = True
        return True


def _as_read(field: forms.Field, value: object) -> str:
    """A stored value in the words its field offers it in."""
    if value in (None, ""):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(field, forms.DateField):
        return f"{date.fromisoformat(str(value)):%-d %B %Y}"
    choices = getattr(field, "choices", ())
    return next((str(label) for key, label in choices if str(key) == str(value)), str(value))


class KeepsWhatIsLeftOut:
    """Choices with a usual answer may be left out of what is sent: the row keeps what it has, a new one begins with the usual."""

    KEPT: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.left_out = [name for name in self.KEPT if self.is_bound and self.add_prefix(name) not in self.data]  # type: ignore[attr-defined]
        for name in self.left_out:
            self.fields[name].required = False  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}  # type: ignore[misc]
        return data | {name: getattr(self.instance, name) for name in self.left_out}  # type: ignore[attr-defined]


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


class EngagementForm(KeepsWhatIsLeftOut, WithPeople, forms.ModelForm):  # type: ignore[type-arg]
    KEPT = ("renewal", "renewal_months", "notice_days")

    legal_entity: Any = forms.ModelChoiceField(queryset=None, empty_label=None, help_text="Who signs and invoices.")
    manager = PersonField(label="Project manager")
    starts_on = day_field()
    ends_on = day_field(required=False)
    notice_given_on = day_field(required=False, label="Notice given on", help_text="Then it does not renew by itself.")

    field_order = [
        *["title", "legal_entity", "manager", "delivery_model", "location", "starts_on", "ends_on"],
        *["renewal", "renewal_months", "notice_days", "notice_given_on"],
    ]

    class Meta:
        model = Engagement
        fields = [
            *["title", "delivery_model", "location", "starts_on", "ends_on"],
            *["renewal", "renewal_months", "notice_days", "notice_given_on"],
        ]
        labels = {"renewal": "After its last day", "renewal_months": "Months of a renewal", "notice_days": "Days of notice"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["legal_entity"].queryset = LegalEntity.objects.order_by("name")  # type: ignore[attr-defined]
        if self.instance.pk:
            self.initial["legal_entity"], self.initial["manager"] = self.instance.legal_entity_id, self.instance.manager_id

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        starts_on, ends_on = data.get("starts_on"), data.get("ends_on")
        if starts_on is not None and ends_on is not None and ends_on < starts_on:
            self.add_error("ends_on", "This lies before the first day.")
        return data


class EngagementEditForm(Versioned, EngagementForm):
    pass


class LinesField(forms.CharField):
    """Names, one a line, as a list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 3}), required=False, max_length=10_000, **kwargs)

    def to_python(self, value: Any) -> Any:
        # As it was written, for its lines to be named; one of empty lines alone is empty.
        return super().to_python(value) if value is None or not str(value).strip() else str(value)

    def clean(self, value: Any) -> Any:
        return [line.strip() for line in str(super().clean(value) or "").splitlines() if line.strip()]


class MatterForm(WithPeople, forms.ModelForm):  # type: ignore[type-arg]
    supervising_attorney = PersonField()
    supervised_from = Moment(label="Supervises since", required=False, help_text="Now, if left empty.")
    parties = LinesField(label="Other parties", help_text="One name a line: counterparties, affiliates. Search finds the matter by them.")

    field_order = [
        *["title", "client_matter_id", "own_matter_id", "jurisdiction", "supervising_attorney", "supervised_from"],
        *["end_client", "parties", "bill_to"],
    ]

    class Meta:
        model = Matter
        fields = ["title", "client_matter_id", "own_matter_id", "jurisdiction", "end_client", "bill_to"]
        widgets = {"bill_to": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["supervising_attorney"] = self.instance.supervising_attorney_id
            self.initial["parties"] = "\n".join(parties_of(self.instance))

    def clean_parties(self) -> list[str] | None:
        """None where they were not asked about: then they stay."""
        return self.cleaned_data["parties"] if self.add_prefix("parties") in self.data else None


class MatterEditForm(Versioned, MatterForm):
    """Another attorney supervises from the moment it is saved; a term on record does not change."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["supervised_from"]


class WorkstreamForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Workstream
        fields = ["title", "kind", "unit", "item_prefix", "requires_admission"]


class WorkstreamEditForm(Versioned, WorkstreamForm):
    pass


class ItemTypeForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    code = forms.CharField(max_length=20, help_text="As files and the API name it: nda-mutual. It does not change later.")

    class Meta:
        model = ItemType
        fields = ["name", "code"]
        help_texts = {"name": "One item of it, as the contract calls it: mutual NDA."}

    def clean_code(self) -> str:
        return str(self.cleaned_data["code"]).lower()


class ItemTypeEditForm(Versioned, ItemTypeForm):
    code = None  # type: ignore[assignment]

    class Meta(ItemTypeForm.Meta):
        fields = ["name", "active"]
        labels = {"active": "Offered for further items"}
        help_texts = {**ItemTypeForm.Meta.help_texts, "active": "A retired type stays on the items and in the terms that have it."}


class UpdateForm(Refusable, forms.Form):
    note = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}), max_length=4000, help_text="The client reads this with today's figures."
    )


class ItemForm(Refusable, forms.ModelForm):  # type: ignore[type-arg]
    received_at = Moment(label="Received")
    due_hint = Moment(label="Wanted by", required=False)
    quantity = PlainDecimal(max_digits=14, decimal_places=3, min_value=0, initial=1)
    type = forms.ChoiceField(required=False)

    class Meta:
        model = WorkItem
        fields = [
            *["title", "kind", "type", "received_at", "quantity", "priority", "language", "disposition", "severity", "due_hint"],
            "external_id",
        ]

    def __init__(self, *args: Any, types: Sequence[ItemType], **kwargs: Any) -> None:
        """`types`: those of the workstream. A retired one is offered where the item has it."""
        super().__init__(*args, **kwargs)
        offered = [(each.code, each.name) for each in types if each.active or each.code == self.instance.type]
        if offered:
            self.fields["type"].choices = [("", "None"), *offered]  # type: ignore[attr-defined]
        else:
            del self.fields["type"]

    def clean_type(self) -> str | None:
        return self.cleaned_data["type"] or None

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
    reason = forms.CharField(
        max_length=300, required=False, help_text="Needed when it is recorded more than 15 minutes later; then a second person approves it."
    )


class UndoForm(Refusable, forms.Form):
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    reason = forms.CharField(max_length=300, required=False)


class PauseForm(Refusable, forms.Form):
    party = forms.ChoiceField(choices=PARTIES, label="Waiting for")
    reason = forms.ChoiceField(choices=REASONS)
    note = forms.CharField(max_length=500, required=False, help_text="What was asked, of whom. The client reads it.")
    at = Moment(
        label="Since",
        required=False,
        help_text="Now, if left empty. Earlier than 15 minutes ago counts once a second person has approved it.",
    )
    evidence = SafeFile(required=False, help_text="The mail or note that shows it.")


class ResumeForm(Refusable, forms.Form):
    at = Moment(label="Until", required=False, help_text="Now, if left empty.")


class NoteForm(Refusable, forms.Form):
    note = forms.CharField(max_length=300)


class AssignForm(WithPeople, forms.Form):
    assignee = PersonField(label="Assigned to")


class WallForm(WithPeople, forms.Form):
    reason = forms.CharField(max_length=300, help_text="Kept in the audit log with who is inside.")
    insiders = forms.ModelMultipleChoiceField(
        queryset=Membership.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label="Inside the wall, besides you"
    )

    def __init__(self, *args: Any, besides: Membership, **kwargs: Any) -> None:
        """`besides`: who changes the wall, and is inside by that."""
        super().__init__(*args, **kwargs)
        self.fields["insiders"].queryset = staff().exclude(pk=besides.pk)  # type: ignore[attr-defined]


class UploadForm(Refusable, forms.Form):
    file = forms.FileField(
        label="CSV file or Excel workbook",
        help_text=f"The first line names the columns. At most {most()}.",
        allow_empty_file=True,
    )
    source = forms.RegexField(
        r"^[a-z0-9][a-z0-9_-]*$",
        max_length=40,
        initial="upload",
        help_text="Names the system the IDs come from: an ID is one item within its source.",
        error_messages={"invalid": "Use lower-case letters, digits, hyphens and underscores."},
    )
    encoding = forms.ChoiceField(choices=ENCODINGS, initial="utf-8", help_text="Of a CSV file.")
    sheet = forms.CharField(required=False, max_length=60, help_text="Of a workbook. Empty for the first.")


class _SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """As `FileField`, of one or more files; its value is their list."""

    widget = _SeveralFiles

    def clean(self, data: Any, initial: Any = None) -> Any:
        given = data if isinstance(data, list | tuple) else [data]
        return [super(_FilesField, self).clean(each, initial) for each in given or [None]]


class HistoryUploadForm(UploadForm):
    file = _FilesField(
        label="CSV files or Excel workbooks",
        help_text=f"One event log, in one file or several with the same columns. At most {most()}"
        " together. The first line of each names its columns.",
        allow_empty_file=True,
    )


class LoadFileForm(Refusable, forms.Form):
    """A load file; the column names only where they are not the usual ones."""

    file = forms.FileField(label="Load file", help_text="Concordance .dat, CSV or an Excel workbook; its first row names the columns.")
    source = forms.RegexField(
        r"^[a-z0-9][a-z0-9_-]*$",
        max_length=40,
        initial="review",
        help_text="Names the system the control numbers come from: a number is one item within its source.",
        error_messages={"invalid": "Use lower-case letters, digits, hyphens and underscores."},
    )
    encoding = forms.ChoiceField(choices=LOAD_FILE_ENCODINGS, initial="utf-8", help_text="A byte order mark in the file decides over this.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for each in LOAD_FILE_FIELDS:
            label = f"Column of the {each.label.split(' (')[0].lower()}"
            self.fields[f"column_{each.name}"] = forms.CharField(label=label, required=False, max_length=120)

    @property
    def named(self) -> list[Any]:
        """The fields that name columns, for the part of the page that most people leave closed."""
        return [self[f"column_{each.name}"] for each in LOAD_FILE_FIELDS]

    @property
    def plain(self) -> list[Any]:
        return [self[name] for name in ("file", "source", "encoding")]

    @property
    def columns(self) -> dict[str, str]:
        return {each.name: str(self.cleaned_data.get(f"column_{each.name}", "")) for each in LOAD_FILE_FIELDS}


class LoadFileMapping(Refusable, forms.Form):
    unit = forms.ChoiceField(label="What becomes an item", choices=list(UNITS.items()), widget=forms.RadioSelect)
    received = Moment(label="Received", help_text="When all of this was received: clocks of new items start here.")
    type = forms.ChoiceField(required=False, help_text="What all of this is.")

    def __init__(self, *args: Any, types: Sequence[ItemType], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [(each.code, each.name) for each in types if each.active]
        if offered:
            self.fields["type"].choices = [("", "None"), *offered]  # type: ignore[attr-defined]
        else:
            del self.fields["type"]
