"""Forms of what was agreed: contract versions, their clauses and files."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from engagements.file_fields import SafeFile
from engagements.forms import CURRENCIES, ZONES, KeepsWhatIsLeftOut, PersonField, Refusable, Versioned, WithPeople, day_field
from engagements.models import Contract, ContractClause, PurchaseOrder
from engagements.models.team import TeamRole


class Suggesting(forms.TextInput):
    """A text that may be anything, with the usual answers offered as one types."""

    def __init__(self, options: Iterable[tuple[str, str]], attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.options = list(options)

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        listed = f"{(attrs or {}).get('id', name)}_offered"
        control = super().render(name, value, {**(attrs or {}), "list": listed}, renderer)
        options = format_html_join("", '<option value="{}">{}</option>', self.options)
        return format_html('{}<datalist id="{}">{}</datalist>', control, listed, options)


def offer_clauses(form: forms.BaseForm, clauses: Iterable[ContractClause]) -> None:
    """Let the form's clause field offer what the contract has; it stays a text, for contracts not written down here."""
    offered = [(clause.number, clause.title) for clause in clauses]
    if offered and "clause" in form.fields:
        form.fields["clause"].widget = Suggesting(offered, {"maxlength": "60"})
        form.fields["clause"].help_text = f"The contract has {len(offered)} to choose from, beginning with “{offered[0][0]}”."


def _number(**kwargs: Any) -> forms.DecimalField:
    return forms.DecimalField(required=False, min_value=Decimal(0), **kwargs)


class ShortNumbers:
    """A form that shows 50 and 10, not 50.000 and 10.00."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, value in self.initial.items():  # type: ignore[attr-defined]
            if isinstance(value, Decimal):
                self.initial[name] = Decimal(f"{value.normalize():f}")  # type: ignore[attr-defined]


class ContractForm(ShortNumbers, KeepsWhatIsLeftOut, Refusable, forms.ModelForm):  # type: ignore[type-arg]
    """Saving writes the next version; `number` is the version this began from."""

    KEPT = ("cap_period", "credit_base", "baseline_period", "incident_credits", "choice_days")

    number = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    effective_from = day_field(label="In force from")
    signed_on = day_field(required=False, label="Signed on")
    time_zone = forms.ChoiceField(choices=ZONES, help_text="Governs the windows of service levels.")
    currency = forms.ChoiceField(choices=CURRENCIES)
    baseline_volume = _number(max_digits=14, decimal_places=3, label="Baseline volume")
    volume_ceiling = _number(
        max_digits=14, decimal_places=3, label="Volume ceiling", help_text="The most that capacity is held for in the same time."
    )
    baseline_amount = _number(max_digits=16, decimal_places=4, label="Baseline amount", help_text="In the contract's currency.")
    rework_terms = forms.CharField(
        required=False, max_length=300, label="Rework", help_text="Who bears it, and until when, as in “free of charge within 30 days”."
    )

    SECTIONS = (
        ("In force", [["effective_from", "signed_on"], ["time_zone", "currency"]]),
        ("Acceptance and payment", [["acceptance_days", "contest_days"], ["payment_days", "purchase_order"], ["rework_terms"]]),
        ("Baseline", [["baseline_period", "baseline_unit"], ["baseline_volume", "volume_ceiling"], ["baseline_amount"]]),
        (
            "Service credits",
            [["credit_base", "at_risk_percent"], ["cap_period"], ["incident_credits", "choice_days"], ["turnaround_credits"]],
        ),
    )

    class Meta:
        model = Contract
        fields = [
            *["effective_from", "signed_on", "time_zone", "currency", "acceptance_days", "contest_days", "payment_days", "purchase_order"],
            *["rework_terms", "baseline_period", "baseline_unit", "baseline_volume", "volume_ceiling", "baseline_amount"],
            *["credit_base", "at_risk_percent", "cap_period", "incident_credits", "choice_days", "turnaround_credits"],
        ]
        labels = {
            "acceptance_days": "Acceptance, business days",
            "contest_days": "Contest, business days",
            "payment_days": "Payment, days",
            "at_risk_percent": "Share at risk, percent",
            "cap_period": "Cap reckoned over",
            "credit_base": "Credits are a share of",
            "incident_credits": "One incident, several levels",
            "choice_days": "Silence, business days",
            "baseline_period": "Baseline of each",
            "baseline_unit": "Unit",
            "turnaround_credits": "Turnaround earns credits on staff augmentation",
        }
        help_texts = {
            "credit_base": "",
            "cap_period": "",
            "at_risk_percent": "The most that credits come to.",
            "incident_credits": "The same NDA missed its turnaround (5 %) and its response (3 %): one of the two credits, or both.",
            "choice_days": "From when both figures are published; then the larger stands. 0: it waits for the client's word.",
            "acceptance_days": "",
            "contest_days": "Of a pause.",
        }

    def sections(self) -> list[tuple[str, list[list[forms.BoundField]]]]:
        """The fields in rows under headings."""
        return [(title, [[self[name] for name in row] for row in rows]) for title, rows in self.SECTIONS]

    def _post_clean(self) -> None:
        """The action validates and writes; the form leaves the version it began from alone."""


class ContractCorrectForm(Versioned, ContractForm):
    """The same fields, saved in place."""

    number = None  # type: ignore[assignment]


class ClauseForm(Refusable, forms.Form):
    number = forms.CharField(max_length=60, help_text="As it is cited: “Schedule B 2.1”.")
    title = forms.CharField(max_length=200)
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 8}), required=False, max_length=20_000)


class SignedFileForm(Refusable, forms.Form):
    file = SafeFile(label="Signed contract", help_text="The file as it was signed. It is kept with its hash and never replaced.")
    signed_on = day_field(required=False, label="Signed on")


class OrderForm(ShortNumbers, Refusable, forms.ModelForm):  # type: ignore[type-arg]
    amount = forms.DecimalField(max_digits=16, decimal_places=4, min_value=Decimal("0.01"), help_text="Before tax.")
    currency = forms.ChoiceField(choices=CURRENCIES)
    valid_from = day_field()
    valid_to = day_field(required=False, help_text="The last day; empty while it has none.")

    class Meta:
        model = PurchaseOrder
        fields = ["number", "amount", "currency", "valid_from", "valid_to", "note"]

    def _post_clean(self) -> None:
        """The action validates and writes the row it locks."""


class OrderEditForm(Versioned, OrderForm):
    pass


class RenewForm(Refusable, Versioned):
    ends_on = day_field(label="New last day")


class ConvertForm(Refusable, Versioned):
    starts_on = day_field(label="Managed service from", help_text="The pilot's term ends the day before.")
    ends_on = day_field(label="Last day", required=False, help_text="Empty while it has none.")


class CloseForm(Refusable, Versioned):
    reason = forms.CharField(max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3}), label="What becomes of what is open")


class ReopenForm(Refusable, Versioned):
    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 3}), label="Why it is opened again")


class TeamForm(WithPeople, forms.Form):
    member = PersonField(required=True, empty_label=None)
    role = forms.ChoiceField(choices=TeamRole.choices, label="Part", initial=TeamRole.REVIEWER)
    starts_on = day_field(label="First day")
    ends_on = day_field(label="Last day", required=False, help_text="Empty while it lasts.")


class EndTeamForm(Refusable, forms.Form):
    last_day = day_field(label="Last day")


class ProtocolForm(Refusable, forms.Form):
    title = forms.CharField(max_length=200)
    effective_from = day_field(label="In force from", help_text="From this day, once the supervising attorney has signed it.")
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 14}), required=False, max_length=100_000)
    file = SafeFile(required=False, help_text="The protocol as a file, in place of the text or beside it.")
