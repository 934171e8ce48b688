"""Charge terms, usage, periods, charges and invoices. Amounts are Decimal; the currency is the invoice's."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from billing.units import counted_in
from lpo.accounts.roles import Role
from lpo.tenancy.models import TenantForeignKey, TenantModel

MONEY: Any = {"max_digits": 16, "decimal_places": 4}
PRICE: Any = {"max_digits": 20, "decimal_places": 8}
DIRECTIONS = [("in", "In"), ("out", "Out"), ("hosted", "Hosted")]


class ChargeTerm(TenantModel):
    """What an engagement is charged for. The price is in its versions."""

    client_id = models.BigIntegerField()
    engagement = TenantForeignKey("engagements.Engagement", via=["client_id"])
    name = models.CharField(max_length=120)
    model = models.CharField(
        max_length=11,
        choices=[
            ("fixed", "Fixed"),
            ("unit", "Per unit"),
            ("per_user", "Per user"),
            ("staff", "Staff"),
            ("hourly", "Hourly"),
            ("data_volume", "Data volume"),
            ("outcome", "Outcome"),
            ("expense", "Expenses"),
        ],
    )
    active = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(default=1)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "engagement", "name"], name="chargeterm_name_once")]

    def __str__(self) -> str:
        return self.name


class ChargeTermVersion(TenantModel):
    """A price by effective date. `tiers` is [[upper bound or null, unit price], …] for graduated and volume pricing."""

    client_id = models.BigIntegerField()
    term = TenantForeignKey(ChargeTerm, via=["client_id"])
    number = models.PositiveSmallIntegerField()
    effective_from = models.DateField()
    effective_to = models.DateField(null=True, blank=True)
    clause = models.CharField(max_length=60, blank=True)
    shape = models.CharField(
        max_length=10,
        choices=[("standard", "Standard"), ("graduated", "Graduated"), ("volume", "Volume"), ("package", "Package")],
        default="standard",
    )
    price = models.DecimalField(**PRICE, null=True, blank=True)
    tiers = models.JSONField(default=list, blank=True)
    package_size = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)
    free_units = models.DecimalField(max_digits=14, decimal_places=3, default=0)
    discount_percent = models.DecimalField(max_digits=5, decimal_places=2, default=0)
    cap = models.DecimalField(**MONEY, null=True, blank=True)
    minimum = models.DecimalField(**MONEY, null=True, blank=True)
    unit = models.CharField(max_length=30, default="unit")
    unit_plural = models.CharField(max_length=30, blank=True, help_text="What several are called; empty: by the rule of English.")
    # Which work feeds a unit term: one workstream's items, of one disposition or all, once they reach `billable_state`.
    workstream = TenantForeignKey("engagements.Workstream", null=True, blank=True)
    disposition = models.CharField(max_length=16, blank=True)
    # Codes of the types it prices, with what they were called when it was agreed; empty for every type.
    item_types = models.JSONField(default=dict, db_default={}, blank=True)
    billable_state = models.CharField(max_length=10, choices=[("delivered", "Delivered"), ("accepted", "Accepted")], default="delivered")
    recurring = models.BooleanField(default=True, help_text="Fixed: every period; otherwise once, in the period it starts.")
    prorate = models.BooleanField(default=True)
    credit_base = models.BooleanField(default=True, help_text="Whether the term's fees are the base of service credits.")
    # Which people a staff term prices: one placement, else those of a level, else everybody placed; and by which rules.
    placement = TenantForeignKey("engagements.Placement", via=["client_id"], null=True, blank=True)
    staff_level = models.CharField(max_length=40, blank=True)
    rate_per = models.CharField(max_length=5, choices=[("month", "Month"), ("day", "Day worked"), ("hour", "Hour worked")], default="month")
    month_basis = models.CharField(max_length=8, choices=[("calendar", "Calendar days"), ("working", "Working days")], default="calendar")
    overtime = models.DecimalField(
        max_digits=5, decimal_places=2, default=0, help_text="What an hour's price is multiplied by; 0: overtime is not charged."
    )
    overtime_price = models.DecimalField(**PRICE, null=True, blank=True)
    charged_away = models.JSONField(default=list, blank=True, help_text="Kinds of absence charged as if worked.")
    overlap_charged = models.BooleanField(default=False, help_text="Whether both people are charged while one hands over to the other.")
    unapproved = models.CharField(
        max_length=5, choices=[("block", "Block the invoice"), ("warn", "Warn")], default="block", help_text="What a missing approval does."
    )
    # Hourly: whose time a term prices, a person's before that of a role, and where a begun increment counts whole.
    timekeeper = TenantForeignKey("accounts.Membership", null=True, blank=True)
    role = models.CharField(max_length=20, blank=True, choices=Role.choices)
    increment = models.CharField(
        max_length=9, choices=[("per_entry", "Each entry"), ("on_total", "The total"), ("exact", "Nowhere")], default="per_entry"
    )
    increment_minutes = models.DecimalField(max_digits=5, decimal_places=2, default=6)
    # Data volume: what of a period's readings is priced, in `unit`; and which way the data went, empty for every way.
    measure = models.CharField(
        max_length=7, choices=[("sum", "Sum"), ("average", "Average"), ("peak", "Peak"), ("last", "Month-end")], default="sum"
    )
    direction = models.CharField(max_length=6, blank=True, choices=DIRECTIONS)
    # Outcomes: a share of each event's amount beside `price` for the event itself, and what one event comes to at most.
    percent = models.DecimalField(max_digits=7, decimal_places=4, default=0)
    event_cap = models.DecimalField(**MONEY, null=True, blank=True)
    markup_percent = models.DecimalField(max_digits=6, decimal_places=2, default=0, help_text="Expenses: what is added to their cost.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "term", "number"], name="chargetermversion_once"),
            models.UniqueConstraint(fields=["organization", "term", "effective_from"], name="chargetermversion_date_once"),
            models.CheckConstraint(
                condition=Q(price__isnull=False) | Q(shape__in=["graduated", "volume"]), name="chargetermversion_priced"
            ),
            models.CheckConstraint(
                condition=Q(shape="package", package_size__gt=0) | ~Q(shape="package"), name="chargetermversion_package"
            ),
            models.CheckConstraint(condition=Q(overtime__gte=0), name="chargetermversion_overtime"),
            models.CheckConstraint(condition=Q(percent__gte=0, percent__lte=100, markup_percent__gte=0), name="chargetermversion_shares"),
            models.CheckConstraint(condition=Q(increment_minutes__gt=0), name="chargetermversion_increment"),
            models.CheckConstraint(condition=Q(timekeeper__isnull=True) | Q(role=""), name="chargetermversion_one_or_a_role"),
            models.CheckConstraint(condition=Q(placement__isnull=True) | Q(staff_level=""), name="chargetermversion_one_or_a_level"),
        ]

    def __str__(self) -> str:
        return f"version {self.number} from {self.effective_from}"

    @property
    def types(self) -> list[str]:
        """Codes of the types it prices; none of them means all."""
        return sorted(self.item_types)


class UsageRecord(TenantModel):
    """What was used, as reported from outside: a seat, a day's volume, an expense, an outcome. Idempotent on (source, event id);
    another payload is refused. `starts_on` is the day it happened, or a seat's first."""

    client_id = models.BigIntegerField()
    term = TenantForeignKey(ChargeTerm, via=["client_id"])
    source = models.CharField(max_length=40)
    event_id = models.CharField(max_length=120)
    subject = models.CharField(max_length=200, help_text="The user or what it was for, in words that name nothing privileged.")
    quantity = models.DecimalField(max_digits=18, decimal_places=6, default=1)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True, help_text="Last day, inclusive; empty while it lasts.")
    # A volume's own unit and way; the amount of an expense or of what an outcome is a share of; an expense's code.
    unit = models.CharField(max_length=3, blank=True)
    direction = models.CharField(max_length=6, blank=True, choices=DIRECTIONS)
    amount = models.DecimalField(**MONEY, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    code = models.CharField(max_length=4, blank=True)
    receipt = TenantForeignKey("audit.Document", null=True, blank=True)
    payload_hash = models.CharField(max_length=64)
    recorded_at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)
    by_member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    # An expense is billed once somebody else than who entered it approved it.
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = TenantForeignKey("accounts.Membership", null=True, blank=True)
    # A record that an issued invoice counted stays as it was counted; the one that corrects it is counted from then on.
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "source", "event_id"], name="usagerecord_event_once"),
            models.CheckConstraint(condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")), name="usagerecord_dates"),
            models.CheckConstraint(condition=Q(amount__isnull=True) | ~Q(currency=""), name="usagerecord_amount_in_a_currency"),
            # What is hosted is read once a day; a second reading would count it twice.
            models.UniqueConstraint(
                fields=["organization", "term", "starts_on", "subject"],
                condition=Q(direction="hosted", withdrawn_at__isnull=True),
                name="usagerecord_hosted_once_a_day",
            ),
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True, approved_by__isnull=True) | Q(approved_at__isnull=False, approved_by__isnull=False),
                name="usagerecord_approved_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | Q(by_member__isnull=True) | ~Q(approved_by=F("by_member")),
                name="usagerecord_not_approved_by_oneself",
            ),
        ]
        indexes = [models.Index(fields=["organization", "term", "starts_on"], name="usagerecord_by_term")]

    def __str__(self) -> str:
        return f"{self.subject} from {self.starts_on}"


class BillingPeriod(TenantModel):
    """Period k of an engagement, between local midnights of the legal entity's zone; first and last day inclusive."""

    client_id = models.BigIntegerField()
    engagement = TenantForeignKey("engagements.Engagement", via=["client_id"])
    index = models.PositiveIntegerField()
    starts_on = models.DateField()
    ends_on = models.DateField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    label = models.CharField(max_length=40)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "engagement", "index"], name="billingperiod_once"),
            models.UniqueConstraint(fields=["organization", "engagement", "starts_at"], name="billingperiod_start_once"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="billingperiod_order"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def slug(self) -> str:
        """The period in addresses: the month it begins in. Periods of an engagement begin on the first of different months."""
        return f"{self.starts_on:%Y-%m}"


class NumberSeries(TenantModel):
    """The locked counter row behind gapless numbers: one per legal entity and number year."""

    legal_entity = TenantForeignKey("engagements.LegalEntity")
    year = models.PositiveSmallIntegerField()
    last_number = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "legal_entity", "year"], name="numberseries_once")]

    def __str__(self) -> str:
        return f"{self.year}: {self.last_number}"


class InvoiceState(models.TextChoices):
    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    APPROVED = "approved", "Approved"
    ISSUED = "issued", "Issued"
    DISCARDED = "discarded", "Discarded"


class Invoice(TenantModel):
    client = TenantForeignKey("engagements.Client")
    engagement = TenantForeignKey("engagements.Engagement", via=["client_id"])
    period = TenantForeignKey(BillingPeriod, via=["client_id"])
    legal_entity = TenantForeignKey("engagements.LegalEntity")
    state = models.CharField(max_length=10, choices=InvoiceState.choices, default=InvoiceState.DRAFT)
    currency = models.CharField(max_length=3)
    net = models.DecimalField(**MONEY, default=0)
    tax = models.DecimalField(**MONEY, default=0)
    gross = models.DecimalField(**MONEY, default=0)
    number = models.CharField(max_length=40, blank=True)
    issue_date = models.DateField(null=True)
    due_date = models.DateField(null=True)
    # The order an issued invoice draws on; until then `orders.chosen` says which it would be.
    purchase_order = TenantForeignKey("engagements.PurchaseOrder", via=["client_id"], null=True)
    prepared_by = TenantForeignKey("accounts.Membership", null=True)
    approved_by = TenantForeignKey("accounts.Membership", null=True)
    approved_at = models.DateTimeField(null=True)
    issued_by = TenantForeignKey("accounts.Membership", null=True)
    issued_at = models.DateTimeField(null=True)
    snapshot = models.TextField(blank=True)
    snapshot_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    computed_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], condition=~Q(number=""), name="invoice_number_once"),
            models.UniqueConstraint(fields=["organization", "period"], condition=~Q(state="discarded"), name="invoice_one_live_per_period"),
            models.CheckConstraint(
                condition=Q(state="issued", issued_at__isnull=False, issue_date__isnull=False, due_date__isnull=False)
                & ~Q(number="")
                & ~Q(snapshot="")
                | (~Q(state="issued") & Q(number="", issued_at__isnull=True)),
                name="invoice_issued_is_complete",
            ),
            models.CheckConstraint(condition=Q(gross=F("net") + F("tax")), name="invoice_gross_is_net_plus_tax"),
            models.CheckConstraint(
                condition=Q(prepared_by__isnull=True) | Q(approved_by__isnull=True) | ~Q(prepared_by=F("approved_by")),
                name="invoice_preparer_is_not_approver",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-id"], name="invoice_recent"),
            models.Index(fields=["organization", "client", "-id"], name="invoice_by_client"),
            models.Index(fields=["organization", "purchase_order"], name="invoice_by_order"),
        ]

    def __str__(self) -> str:
        return self.number or f"Draft {self.pk}"


class InvoiceLine(TenantModel):
    """One line with its explanation tree, whose leaves sum to the amount exactly."""

    client_id = models.BigIntegerField()
    invoice = TenantForeignKey(Invoice, via=["client_id"], on_delete=models.CASCADE)
    position = models.PositiveIntegerField()
    group = models.CharField(max_length=20)
    # Stable for term, version and period, so that a later rating of the same period can be compared with what was billed.
    key = models.CharField(max_length=80, default="")
    rated_period = TenantForeignKey(BillingPeriod, via=["client_id"], null=True)
    term = TenantForeignKey(ChargeTerm, via=["client_id"], null=True)
    claim = TenantForeignKey("sla.CreditClaim", null=True)
    matter_id = models.BigIntegerField(null=True)
    # Of time its task and activity, of an expense its code, by the uniform task-based management system.
    task_code = models.CharField(max_length=4, blank=True)
    activity_code = models.CharField(max_length=4, blank=True)
    expense_code = models.CharField(max_length=4, blank=True)
    description = models.CharField(max_length=300)
    detail = models.CharField(max_length=300, blank=True)
    quantity = models.DecimalField(max_digits=16, decimal_places=4)
    unit = models.CharField(max_length=30, blank=True)
    unit_plural = models.CharField(max_length=30, blank=True)
    unit_price = models.DecimalField(**PRICE)
    amount = models.DecimalField(**MONEY)
    tax_category = models.CharField(max_length=2)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    explanation = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "invoice", "position"], name="invoiceline_position_once")]

    def __str__(self) -> str:
        return self.description

    @property
    def counted_in(self) -> str:
        """The unit as it reads beside the quantity."""
        return counted_in(self.quantity, self.unit, self.unit_plural)


class Charge(TenantModel):
    """Links one source row under one term to one line. Unique while live: nothing is billed twice.

    `source_key` is item:<id>, usage:<id>:<period start>, period:<period start>, claim:<id>, time:<id> or
    day:<placement>:<day>:<what it says>.
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField(null=True)
    line = TenantForeignKey(InvoiceLine, via=["client_id"], on_delete=models.CASCADE)
    term = TenantForeignKey(ChargeTerm, via=["client_id"], null=True)
    item = TenantForeignKey("engagements.WorkItem", null=True)
    usage = TenantForeignKey(UsageRecord, null=True)
    claim = TenantForeignKey("sla.CreditClaim", null=True)
    sheet_day = TenantForeignKey("engagements.TimesheetDay", via=["client_id"], null=True)
    time_entry = TenantForeignKey("engagements.TimeEntry", via=["client_id"], null=True)
    source_key = models.CharField(max_length=80)
    reference = models.CharField(max_length=60)
    happened_at = models.DateTimeField(null=True)
    quantity = models.DecimalField(max_digits=16, decimal_places=4)
    voided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                F("organization"),
                Coalesce(F("term"), models.Value(0, output_field=models.BigIntegerField())),
                F("source_key"),
                condition=Q(voided_at__isnull=True),
                name="charge_once_while_live",
            ),
            # A day of a person is priced by one term: whatever the term, it is charged once.
            models.UniqueConstraint(
                fields=["organization", "source_key"],
                condition=Q(voided_at__isnull=True, sheet_day__isnull=False) & ~Q(source_key__startswith="return:"),
                name="charge_day_once_while_live",
            ),
            models.UniqueConstraint(
                fields=["organization", "source_key"],
                condition=Q(voided_at__isnull=True, time_entry__isnull=False) & ~Q(source_key__startswith="return:"),
                name="charge_time_once_while_live",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "line", "id"], name="charge_by_line"),
            models.Index(fields=["organization", "item"], name="charge_by_item"),
            models.Index(fields=["organization", "sheet_day"], condition=Q(sheet_day__isnull=False), name="charge_by_sheet_day"),
            models.Index(fields=["organization", "time_entry"], condition=Q(time_entry__isnull=False), name="charge_by_time_entry"),
        ]

    def __str__(self) -> str:
        return self.source_key
