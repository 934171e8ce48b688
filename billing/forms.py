"""What people fill in about money. The actions check again; a form lets a person see every mistake at once."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.db.models import QuerySet

from billing.codes import COUNTRIES, CURRENCIES
from billing.models import ChargeTermVersion
from engagements.contract_forms import Suggesting
from engagements.models import Engagement, ItemType, LegalEntity, Placement, PlacementTerms, Workstream
from engagements.models.placements import AwayKind
from engagements.queries import staff
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission, Role, permissions_of
from lpo.core.errors import Refused
from lpo.core.validators import validate_year
from lpo.core.zones import zone_names

ZONES = [(zone, zone.replace("_", " ")) for zone in sorted(zone_names()) if "/" in zone or zone == "UTC"]
MODELS = {
    "fixed": "Fixed fee",
    "unit": "Unit price",
    "per_user": "Price per user",
    "data_volume": "Data volume",
    "outcome": "Outcome fee",
    "expense": "Expenses",
    "hourly": "Hourly rate",
    "staff": "Rate for people",
}


class Refusable(forms.Form):
    """A form that takes an action's refusal back to its field."""

    def refuse(self, refusal: Refused) -> None:
        self.add_error(refusal.field if refusal.field in self.fields else None, refusal.message)


def day_field(**kwargs: Any) -> forms.DateField:
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), validators=[validate_year], **kwargs)


def _amount(**kwargs: Any) -> forms.DecimalField:
    return Amount(**{"min_value": Decimal(0), "max_digits": 16, "decimal_places": 4, "required": False, **kwargs})


class Amount(forms.DecimalField):
    """A number as people write it: 12,480.50 and 12 480.50 are 12480.50."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        return super().to_python(value.replace(",", "").replace(" ", "") if isinstance(value, str) else value)

    def prepare_value(self, value: Any) -> Any:
        """Without the zeros the column pads with."""
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value


class TiersField(forms.CharField):
    """One tier a line, `100,000 = 0.11`, the last `above = 0.09`; as [[upper bound or null, price], …]."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "placeholder": "100,000 = 0.11\nabove = 0.09"})

    def to_python(self, value: Any) -> Any:
        rows = []
        for position, line in enumerate((super().to_python(value) or "").splitlines(), start=1):
            if line.strip():
                rows.append(self._tier(line, position))
        return rows

    def _tier(self, line: str, position: int) -> list[str | None]:
        bound, equals, price = (part.strip() for part in line.partition("="))
        if not equals:
            raise forms.ValidationError(f"Line {position}: write a bound, an equals sign and a price, as 100,000 = 0.11.")
        above = bound.lower() in {"above", "beyond", "rest"}
        return [None if above else self._number(bound, position, "bound"), self._number(price, position, "price")]

    def _number(self, text: str, position: int, what: str) -> str:
        try:
            number = Decimal(text.replace(",", "").replace(" ", ""))
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or number < 0:
            raise forms.ValidationError(f"Line {position}: “{text}” is not a {what}.")
        return f"{number:f}"

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return "\n".join(f"{'above' if bound is None else bound} = {price}" for bound, price in value)


class TermForm(Refusable):
    """Fields every model has; the models add theirs."""

    effective_from = day_field(label="In force from")
    minimum = _amount(label="Minimum a period", help_text="What falls short is added as a line of its own.")
    cap = _amount(label="Cap a period", help_text="What exceeds it is taken off as a line of its own.")
    discount_percent = _amount(label="Discount, percent", max_value=Decimal(100), decimal_places=2, initial=Decimal(0))
    clause = forms.CharField(max_length=60, required=False, label="Clause", help_text="Of the contract, as in “Schedule B 2.1”.")
    prorate = forms.BooleanField(required=False, initial=True, label="Charge a part of a period by its calendar days")
    credit_base = forms.BooleanField(required=False, initial=True, label="Service credits are reckoned on these fees")

    def __init__(self, *args: Any, engagement: Engagement, currency: str, named: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.engagement, self.currency = engagement, currency
        for name in ("price", "minimum", "cap", "event_cap"):
            if name in self.fields:
                self.fields[name].label = f"{self.fields[name].label}, {currency}"
        if named:
            self.fields = {"name": forms.CharField(max_length=120, label="Name", help_text="As it reads on the invoice."), **self.fields}

    _SECTIONS = (
        (
            "What is charged",
            [
                ["name"],
                ["placement", "staff_level"],
                ["timekeeper", "role"],
                ["workstream"],
                ["item_types"],
                ["billable_state", "disposition"],
                ["unit", "unit_plural"],
                ["measure", "direction"],
                ["effective_from"],
            ],
        ),
        (
            "Price",
            [
                *[["shape"], ["rate_per"], ["price", "package_size"], ["tiers"], ["recurring"], ["month_basis"]],
                *[["increment"], ["increment_minutes"]],
                *[["overtime", "overtime_price"], ["percent", "event_cap"], ["markup_percent"]],
                *[["free_units", "discount_percent"]],
            ],
        ),
        ("Absence and handover", [["charged_away"], ["overlap_charged"]]),
        ("Approval", [["unapproved"]]),
        ("Limits and contract", [["minimum", "cap"], ["clause"], ["prorate"], ["credit_base"]]),
    )

    def sections(self) -> list[tuple[str, list[list[forms.BoundField]]]]:
        """The fields this model has, in rows under headings; a heading over nothing is left out."""
        kept = [(title, [[self[name] for name in row if name in self.fields] for row in rows]) for title, rows in self._SECTIONS]
        filled = [(title, [row for row in rows if row]) for title, rows in kept]
        return [(title, rows) for title, rows in filled if rows]

    def version_fields(self) -> dict[str, Any]:
        """The columns of a version; what this model does not ask for keeps its default."""
        columns = {field.name for field in ChargeTermVersion._meta.get_fields()}
        values = {name: value for name, value in self.cleaned_data.items() if name in columns}
        return {**values, "discount_percent": values.get("discount_percent") or Decimal(0)}


class FixedForm(TermForm):
    price = Amount(min_value=Decimal(0), max_digits=20, decimal_places=8, label="Fee")
    recurring = forms.TypedChoiceField(
        label="Charged",
        choices=[("yes", "Every billing period"), ("no", "Once, in the period it begins")],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        initial="yes",
    )

    def version_fields(self) -> dict[str, Any]:
        return {**super().version_fields(), "unit": "period"}


class _PricedForm(TermForm):
    unit = forms.CharField(max_length=30, label="Unit", help_text="What one is called: NDA, document, seat.")
    unit_plural = forms.CharField(max_length=30, required=False, label="Several are called", help_text="Left empty: NDAs, batches, seats.")
    shape = forms.ChoiceField(
        label="How it is priced",
        widget=forms.RadioSelect,
        initial="standard",
        choices=[
            ("standard", "One price"),
            ("graduated", "Graduated: each tier's units at that tier's price"),
            ("volume", "By volume: all units at the price of the tier reached"),
            ("package", "By package, a begun package counted whole"),
        ],
    )
    price = Amount(
        min_value=Decimal(0), max_digits=20, decimal_places=8, required=False, label="Price each", help_text="Of a unit, or of a package."
    )
    tiers = TiersField(required=False, label="Tiers", help_text="One a line: the bound it reaches up to, then the price.")
    package_size = _amount(label="Units in a package", decimal_places=3, max_digits=14)
    free_units = _amount(label="Free units a period", decimal_places=3, max_digits=14, initial=Decimal(0))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        shape = data.get("shape")
        tiered = shape in {"graduated", "volume"}
        if tiered and not data.get("tiers") and "tiers" not in self.errors:
            self.add_error("tiers", "Write at least one tier.")
        if shape in {"standard", "package"} and data.get("price") is None and "price" not in self.errors:
            self.add_error("price", "Write the price.")
        if shape == "package" and not data.get("package_size") and "package_size" not in self.errors:
            self.add_error("package_size", "Say how many units a package holds.")
        # What another shape would use is not kept: a stale tier beside one price would be read as agreed.
        data["tiers"] = data.get("tiers") if tiered else []
        data["price"] = None if tiered else data.get("price")
        data["package_size"] = data.get("package_size") if shape == "package" else None
        data["free_units"] = data.get("free_units") or Decimal(0)
        return data


class UnitForm(_PricedForm):
    workstream: forms.ModelChoiceField[Workstream] = forms.ModelChoiceField(
        queryset=None, label="Workstream", empty_label="Choose one", help_text="Whose items are counted."
    )
    billable_state = forms.ChoiceField(
        label="Counted once", choices=[("delivered", "Delivered"), ("accepted", "Accepted by the client")], widget=forms.RadioSelect
    )
    disposition = forms.ChoiceField(
        label="Which items",
        required=False,
        choices=[
            ("", "All"),
            ("machine_coded", "Machine-coded only"),
            ("human_reviewed", "Human-reviewed only"),
            ("discarded", "Discarded only"),
        ],
    )
    item_types = forms.MultipleChoiceField(
        label="Only these types", required=False, widget=forms.CheckboxSelectMultiple, help_text="None ticked: items of every type."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        streams = Workstream.objects.filter(matter__engagement=self.engagement).select_related("matter").order_by("title")
        self.fields["workstream"].queryset = streams  # type: ignore[attr-defined]
        self.initial.setdefault("billable_state", "delivered")
        self._offer_types(streams)

    def _offer_types(self, streams: QuerySet[Workstream]) -> None:
        """Those of every workstream of the engagement; a retired one where it is agreed already."""
        of, agreed = getattr(self.initial.get("workstream"), "pk", None), self.initial.get("item_types") or {}
        known = ItemType.objects.filter(workstream__in=streams).select_related("workstream").order_by("workstream__title", "name")
        self._types = {
            f"{row.workstream_id}:{row.code}": row for row in known if row.active or (row.workstream_id == of and row.code in agreed)
        }
        if not self._types:
            del self.fields["item_types"]
            return
        choices = [(key, f"{row.name} ({row.workstream.title})") for key, row in self._types.items()]
        self.fields["item_types"].choices = choices  # type: ignore[attr-defined]
        self.initial["item_types"] = [f"{of}:{code}" for code in agreed]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        chosen = [self._types[key] for key in data.get("item_types", ())]
        stream = data.get("workstream")
        if stream is not None and (strange := [row.name for row in chosen if row.workstream_id != stream.pk]):
            self.add_error("item_types", f"{', '.join(strange)}: no type of {stream.title}.")
        data["item_types"] = {row.code: row.name for row in chosen}
        return data


class PerUserForm(_PricedForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["price"].help_text = "For a whole period."
        self.initial.setdefault("unit", "seat")


class VolumeForm(_PricedForm):
    unit: Any = forms.ChoiceField(
        label="Priced by", choices=[("GB", "GB, 1,000 MB"), ("GiB", "GiB, 1,024 MiB"), ("TB", "TB, 1,000 GB"), ("TiB", "TiB, 1,024 GiB")]
    )
    measure = forms.ChoiceField(
        label="What is charged of a period",
        choices=[
            ("sum", "The sum of its readings"),
            ("average", "The average of its measured days"),
            ("peak", "Its highest day"),
            ("last", "Its last measured day, as at month-end"),
        ],
        widget=forms.RadioSelect,
        initial="average",
    )
    direction = forms.ChoiceField(
        label="Which volume", required=False, choices=[("", "Every"), ("in", "In only"), ("out", "Out only"), ("hosted", "Hosted only")]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["unit_plural"]


class OutcomeForm(TermForm):
    """A fee for the event itself, a share of its amount, or both."""

    unit = forms.CharField(max_length=30, label="Event", help_text="What one is called: settlement, filing, recovery.")
    unit_plural = forms.CharField(max_length=30, required=False, label="Several are called", help_text="Left empty: settlements.")
    price = Amount(min_value=Decimal(0), max_digits=20, decimal_places=8, required=False, label="Fee for each")
    percent = _amount(label="Share of its amount, percent", max_value=Decimal(100), max_digits=7)
    event_cap = _amount(label="Cap for one")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("unit", "outcome")

    def version_fields(self) -> dict[str, Any]:
        values = super().version_fields()
        return {**values, "price": values.get("price") or Decimal(0), "percent": values.get("percent") or Decimal(0)}


class ExpenseForm(TermForm):
    """Expenses at cost, or with a percentage added."""

    markup_percent = _amount(label="Added to the cost, percent", decimal_places=2, max_digits=6, help_text="Empty: at cost.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What was laid out for the client is no fee.
        self.initial.setdefault("credit_base", False)

    def version_fields(self) -> dict[str, Any]:
        values = super().version_fields()
        return {**values, "markup_percent": values.get("markup_percent") or Decimal(0), "price": Decimal(0), "unit": "expense"}


class HourlyForm(TermForm):
    """A rate by the hour for one person, a role, or everybody whose approved time an engagement holds."""

    timekeeper: forms.ModelChoiceField[Membership] = forms.ModelChoiceField(
        queryset=None,
        required=False,
        label="Person",
        empty_label="By role, or everybody",
        help_text="Their own rate goes before that of a role.",
    )
    role = forms.ChoiceField(label="Role", required=False)
    workstream: forms.ModelChoiceField[Workstream] = forms.ModelChoiceField(
        queryset=None, required=False, label="Workstream", empty_label="Every one"
    )
    price = Amount(min_value=Decimal(0), max_digits=20, decimal_places=8, label="Rate", help_text="Of an hour.")
    increment = forms.ChoiceField(
        label="A begun unit counts whole",
        choices=[("per_entry", "For each entry"), ("on_total", "On a line’s total"), ("exact", "Nowhere: exact minutes")],
        widget=forms.RadioSelect,
        initial="per_entry",
    )
    increment_minutes = _amount(label="Unit, minutes", max_digits=5, decimal_places=2, initial=Decimal(6))
    unapproved = forms.ChoiceField(
        label="Time that is not approved",
        choices=[("block", "Blocks the invoice"), ("warn", "Is a warning")],
        widget=forms.RadioSelect,
        initial="block",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        streams = Workstream.objects.filter(matter__engagement=self.engagement).select_related("matter").order_by("title")
        self.fields["workstream"].queryset = streams  # type: ignore[attr-defined]
        self.fields["timekeeper"].queryset = staff()  # type: ignore[attr-defined]
        keepers = [(role.value, role.label) for role in Role if Permission.RECORD_TIME in permissions_of(role)]
        self.fields["role"].choices = [("", "Any"), *keepers]  # type: ignore[attr-defined]
        self.fields["price"].label = f"Rate, {self.currency}"

    def version_fields(self) -> dict[str, Any]:
        values = super().version_fields()
        return {**values, "unit": "hour", "increment_minutes": values.get("increment_minutes") or Decimal(6)}


class StaffForm(TermForm):
    """A rate by month, day or hour for one person, those of a level, or everybody placed."""

    placement: forms.ModelChoiceField[Placement] = forms.ModelChoiceField(
        queryset=None,
        required=False,
        label="Person",
        empty_label="By level, or everybody",
        help_text="Their own rate goes before that of a level.",
    )
    staff_level = forms.CharField(
        max_length=40, required=False, label="Level", help_text="As the placements name it. Empty: everybody else."
    )
    rate_per = forms.ChoiceField(
        label="Charged by",
        choices=[("month", "Month"), ("day", "Day worked, by its hours"), ("hour", "Hour worked")],
        widget=forms.RadioSelect,
        initial="month",
    )
    price = Amount(min_value=Decimal(0), max_digits=20, decimal_places=8, label="Rate", help_text="Of a month, a full day or an hour.")
    month_basis = forms.ChoiceField(
        label="A part of a month by",
        choices=[("calendar", "Its calendar days"), ("working", "Its working days")],
        widget=forms.RadioSelect,
        initial="calendar",
        required=False,
    )
    overtime = _amount(
        label="Overtime, times an hour's price", max_digits=5, decimal_places=2, help_text="1.5 for half more. Empty: it is not charged."
    )
    overtime_price = _amount(
        label="Price of an hour of overtime",
        decimal_places=8,
        max_digits=20,
        help_text="Needed beside a rate by month; else the rate's own hour.",
    )
    charged_away = forms.MultipleChoiceField(
        label="Absences charged as if worked", required=False, choices=AwayKind.choices, widget=forms.CheckboxSelectMultiple
    )
    overlap_charged = forms.BooleanField(required=False, label="Charge both people while one hands over to the other")
    unapproved = forms.ChoiceField(
        label="A timesheet the client has not approved",
        choices=[("block", "Blocks the invoice"), ("warn", "Is a warning")],
        widget=forms.RadioSelect,
        initial="block",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["prorate"]
        placed = Placement.objects.filter(matter__engagement=self.engagement).select_related("matter").order_by("name", "id")
        self.fields["placement"].queryset = placed  # type: ignore[attr-defined]
        levels = PlacementTerms.objects.filter(placement__matter__engagement=self.engagement).exclude(level="").order_by("level")
        self.fields["staff_level"].widget = Suggesting([(name, "") for name in levels.values_list("level", flat=True).distinct()])
        self.fields["overtime_price"].label = f"Price of an hour of overtime, {self.currency}"

    def version_fields(self) -> dict[str, Any]:
        values = super().version_fields()
        hour = values.get("overtime_price") if values.get("overtime") else None
        rules = {"overtime": values.get("overtime") or Decimal(0), "overtime_price": hour, "unit": values["rate_per"]}
        return {**values, **rules, "month_basis": values.get("month_basis") or "calendar"}


FORMS: dict[str, type[TermForm]] = {
    "fixed": FixedForm,
    "unit": UnitForm,
    "per_user": PerUserForm,
    "data_volume": VolumeForm,
    "outcome": OutcomeForm,
    "expense": ExpenseForm,
    "hourly": HourlyForm,
    "staff": StaffForm,
}


class CloseTermForm(Refusable):
    last_day = day_field(label="Last day charged")


class SeatForm(Refusable):
    subject = forms.CharField(
        max_length=200, label="User", help_text="An identifier that names nothing privileged, as the platform shows it."
    )
    starts_on = day_field(label="First day")
    ends_on = day_field(label="Last day", required=False, help_text="Empty while it lasts.")


class EndSeatForm(Refusable):
    last_day = day_field(label="Last day held")


class ReturnForm(Refusable):
    reason = forms.CharField(max_length=300, label="What has to change", widget=forms.Textarea(attrs={"rows": 3}))


class EntityForm(forms.ModelForm):  # type: ignore[type-arg]
    country = forms.ChoiceField(choices=list(COUNTRIES.items()), initial="US")
    currency = forms.ChoiceField(choices=[(code, f"{code} · {name}") for code, name in CURRENCIES.items()], initial="USD")
    time_zone = forms.ChoiceField(
        choices=ZONES, initial="America/New_York", label="Time zone", help_text="Billing periods and number years run in it."
    )
    version = forms.IntegerField(widget=forms.HiddenInput, initial=1)

    class Meta:
        model = LegalEntity
        fields = [
            "name",
            "number_prefix",
            "address",
            "country",
            "tax_id",
            "registration_number",
            "time_zone",
            "currency",
            "remittance",
            "query_contact",
            "colour",
        ]
        widgets = {
            "address": forms.Textarea(attrs={"rows": 3}),
            "remittance": forms.Textarea(attrs={"rows": 3}),
            "colour": forms.TextInput(attrs={"type": "color"}),
        }
        labels = {"query_contact": "Contact for questions", "number_prefix": "Number prefix"}
        help_texts = {
            "number_prefix": "Begins every invoice number, as in AL-2026-0001. It cannot be changed later.",
            "query_contact": "Name and e-mail address, as in Billing, billing@example.com.",
            "colour": "Of the mark on the invoice.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            del self.fields["number_prefix"]

    def _post_clean(self) -> None:
        """The action validates and writes the row it locks; the form leaves its instance alone."""

    def refuse(self, refusal: Refused) -> None:
        self.add_error(refusal.field if refusal.field in self.fields else None, refusal.message)
