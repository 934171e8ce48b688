"""Client › engagement › matter › workstream, the provider's legal entities, and what was published of them."""

from __future__ import annotations

from datetime import date, timedelta

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from lpo.tenancy.models import TenantForeignKey, TenantModel

code_validator = RegexValidator(r"^[A-Z][A-Z0-9]{1,7}$", "Use 2 to 8 capital letters and digits, beginning with a letter.")


class LegalEntity(TenantModel):
    """The company that signs and invoices. Its zone governs billing periods, number years and ageing."""

    name = models.CharField(max_length=200)
    address = models.TextField()
    country = models.CharField(max_length=2)
    tax_id = models.CharField("tax ID", max_length=40, blank=True)
    registration_number = models.CharField(max_length=60, blank=True)
    time_zone = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    number_prefix = models.CharField(max_length=12)
    remittance = models.TextField(help_text="Bank, account and reference, as they stand on the invoice.")
    query_contact = models.CharField(max_length=200)
    colour = models.CharField(
        max_length=7, default="#0b57d0", validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", "Write a colour as #0b57d0.")]
    )
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="legalentity_name_once"),
            models.UniqueConstraint(fields=["organization", "number_prefix"], name="legalentity_prefix_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Cycle(models.TextChoices):
    MONTH = "month", "Monthly"
    QUARTER = "quarter", "Quarterly"


class Status(models.TextChoices):
    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"


class Client(TenantModel):
    code = models.CharField(max_length=8, validators=[code_validator], help_text="Begins every reference, as in ACME-0003.")
    name = models.CharField(max_length=200)
    legal_name = models.CharField(max_length=200)
    billing_address = models.TextField()
    country = models.CharField(max_length=2)
    tax_id = models.CharField("tax ID", max_length=40, blank=True)
    tax_category = models.CharField(
        max_length=2,
        default="O",
        choices=[("S", "Standard rate"), ("Z", "Zero rate"), ("E", "Exempt"), ("AE", "Reverse charge"), ("O", "Out of scope")],
    )
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2, default=0, validators=[MinValueValidator(0)], help_text="Percent.")
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=64)
    accounts_payable = models.CharField("accounts payable contact", max_length=200, blank=True)
    accounts_payable_email = models.EmailField(blank=True)
    billing_cycle = models.CharField(max_length=10, choices=Cycle.choices, default=Cycle.MONTH)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    # Counters are drawn by UPDATE … RETURNING inside the creating transaction.
    engagement_count = models.PositiveIntegerField(default=0)
    matter_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "code"], name="client_code_once"),
            models.CheckConstraint(condition=models.Q(tax_category="S") | models.Q(tax_rate=0), name="client_rate_only_if_standard"),
        ]
        indexes = [models.Index(fields=["organization", "name", "id"], name="client_by_name")]

    def __str__(self) -> str:
        return self.name


DELIVERY_MODELS = [("managed", "Managed service"), ("augmentation", "Staff augmentation"), ("pilot", "Pilot")]


class Renewal(models.TextChoices):
    NONE = "none", "Ends with its term"
    AGREED = "agreed", "Renewed by agreement"
    AUTO = "auto", "Renews by itself"


class Engagement(TenantModel):
    client = TenantForeignKey(Client)
    legal_entity = TenantForeignKey(LegalEntity)
    reference = models.CharField(max_length=20)
    title = models.CharField(max_length=200)
    delivery_model = models.CharField(
        max_length=20,
        choices=DELIVERY_MODELS,
        default="managed",
    )
    location = models.CharField(
        max_length=10,
        choices=[("onshore", "Onshore"), ("offshore", "Offshore"), ("nearshore", "Nearshore"), ("hybrid", "Hybrid")],
        default="onshore",
    )
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    renewal = models.CharField(max_length=8, choices=Renewal.choices, default=Renewal.NONE)
    renewal_months = models.PositiveSmallIntegerField(default=12, help_text="How long each renewal runs.")
    notice_days = models.PositiveSmallIntegerField(default=0, help_text="Days before the end by which notice is given.")
    notice_given_on = models.DateField(null=True, blank=True, help_text="Notice keeps it from renewing by itself.")
    manager = TenantForeignKey("accounts.Membership", null=True, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "reference"], name="engagement_reference_once"),
            models.CheckConstraint(
                condition=models.Q(ends_on__isnull=True) | models.Q(ends_on__gte=models.F("starts_on")), name="engagement_dates"
            ),
            models.CheckConstraint(
                condition=~models.Q(renewal="auto") | models.Q(ends_on__isnull=False, renewal_months__gt=0),
                name="engagement_renews_from_an_end",
                violation_error_message="What renews by itself has a last day, and renews for a month or more.",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "client", "reference"], name="engagement_by_client"),
            models.Index(fields=["organization", "ends_on"], condition=models.Q(status="open"), name="engagement_ending"),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"

    @property
    def notice_by(self) -> date | None:
        """The last day on which notice can be given; None where the engagement has no end."""
        return self.ends_on - timedelta(days=self.notice_days) if self.ends_on is not None else None


class CapPeriod(models.TextChoices):
    PERIOD = "period", "Each billing period"
    QUARTER = "quarter", "Each quarter, to date"
    YEAR = "year", "Each calendar year, to date"


class CreditBase(models.TextChoices):
    FEES = "fees", "The fees of the terms marked for it"
    BASELINE = "baseline", "The baseline amount"


class IncidentCredits(models.TextChoices):
    CHOICE = "choice", "One credit, the client's choice"
    LARGER = "larger", "One credit, the larger"
    EACH = "each", "A credit of each level"


class Contract(TenantModel):
    """One version of the engagement's contract. The contract's zone governs service-level windows."""

    client_id = models.BigIntegerField()
    engagement = TenantForeignKey(Engagement, via=["client_id"])
    number = models.PositiveSmallIntegerField(default=1)
    effective_from = models.DateField()
    signed_on = models.DateField(null=True, blank=True)
    time_zone = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    payment_days = models.PositiveSmallIntegerField(default=30)
    contest_days = models.PositiveSmallIntegerField(default=5, help_text="Business days in which a pause may be contested.")
    acceptance_days = models.PositiveSmallIntegerField(default=5, help_text="Business days after delivery in which work may be returned.")
    purchase_order = models.CharField(max_length=60, blank=True)
    at_risk_percent = models.DecimalField(
        max_digits=5, decimal_places=2, default=10, help_text="Credits of a period add up to at most this share of its credit base."
    )
    cap_period = models.CharField(
        max_length=8, choices=CapPeriod.choices, default=CapPeriod.PERIOD, help_text="Over which time the share at risk is reckoned."
    )
    credit_base = models.CharField(
        max_length=8, choices=CreditBase.choices, default=CreditBase.FEES, help_text="What credits are a share of."
    )
    incident_credits = models.CharField(
        max_length=6,
        choices=IncidentCredits.choices,
        default=IncidentCredits.CHOICE,
        help_text="Where several levels missed the same work in one invoice period.",
    )
    choice_days = models.PositiveSmallIntegerField(
        default=10, help_text="Business days of silence after which the larger credit stands; 0: it waits for the client's word."
    )
    baseline_period = models.CharField(max_length=8, choices=Cycle.choices, default=Cycle.MONTH)
    baseline_volume = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True, validators=[MinValueValidator(0)])
    baseline_unit = models.CharField(max_length=30, blank=True, help_text="As workstreams call it: document, NDA, page.")
    baseline_amount = models.DecimalField(max_digits=16, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(0)])
    volume_ceiling = models.DecimalField(
        max_digits=14,
        decimal_places=3,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="The most the provider holds capacity for in the same time.",
    )
    rework_terms = models.CharField(
        max_length=300, blank=True, help_text="Who bears rework, and until when, as in “free of charge within 30 days”."
    )
    # Hands are contracted, not results: without a word of the contract a late piece of work earns no credit there.
    turnaround_credits = models.BooleanField(
        "turnaround credits agreed", default=False, help_text="Counts for staff augmentation only: elsewhere the service level decides."
    )
    signed_file = TenantForeignKey("audit.Document", null=True, blank=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "engagement", "number"], name="contract_number_once"),
            models.CheckConstraint(
                condition=models.Q(volume_ceiling__isnull=True)
                | models.Q(baseline_volume__isnull=True)
                | models.Q(volume_ceiling__gte=models.F("baseline_volume")),
                name="contract_ceiling_above_baseline",
                violation_error_message="The ceiling lies below the baseline.",
            ),
            models.CheckConstraint(
                condition=models.Q(baseline_volume__isnull=True) | ~models.Q(baseline_unit=""),
                name="contract_baseline_has_unit",
                violation_error_message="Say what the baseline volume counts.",
            ),
            models.CheckConstraint(
                condition=~models.Q(credit_base="baseline") | models.Q(baseline_amount__isnull=False),
                name="contract_credit_base_known",
                violation_error_message="Credits as a share of the baseline need its amount.",
            ),
        ]

    def __str__(self) -> str:
        return f"Version {self.number} from {self.effective_from}"


class Matter(TenantModel):
    client = TenantForeignKey(Client)
    engagement = TenantForeignKey(Engagement, via=["client_id"])
    reference = models.CharField(max_length=20)
    client_matter_id = models.CharField("client's matter ID", max_length=60, blank=True)
    own_matter_id = models.CharField(
        "our matter ID", max_length=60, blank=True, help_text="In our other systems; the reference here is given by itself."
    )
    title = models.CharField(max_length=200)
    jurisdiction = models.CharField(max_length=80, blank=True)
    end_client = models.CharField(max_length=200, blank=True, help_text="For whom the client acts, where it is not the client itself.")
    bill_to = models.TextField(max_length=1000, blank=True, help_text="Name and address, where it is not the client's billing address.")
    supervising_attorney = TenantForeignKey("accounts.Membership", null=True, blank=True)
    # A walled matter is invisible to everyone but its insiders; the database refuses the row.
    walled = models.BooleanField(default=False)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    published_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "reference"], name="matter_reference_once")]
        indexes = [
            models.Index(fields=["organization", "engagement", "reference"], name="matter_by_engagement"),
            models.Index(fields=["organization", "client_matter_id"], name="matter_by_client_id"),
            models.Index(fields=["organization", "own_matter_id"], name="matter_by_own_id"),
            models.Index(fields=["organization", "supervising_attorney"], name="matter_by_attorney"),
            models.Index(fields=["organization", "id"], condition=models.Q(walled=True), name="matter_walled"),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"


class MatterInsider(TenantModel):
    """Who is inside the wall of a matter. Not itself behind the wall, or nobody could find the way in."""

    matter = TenantForeignKey(Matter, on_delete=models.CASCADE)
    member = TenantForeignKey("accounts.Membership")
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "matter", "member"], name="insider_once")]

    def __str__(self) -> str:
        return f"{self.member_id} inside {self.matter_id}"


class WorkstreamKind(models.TextChoices):
    NDA_REVIEW = "nda_review", "NDA review"
    CONTRACT_REVIEW = "contract_review", "Contract review"
    EDISCOVERY = "ediscovery", "E-discovery review"
    DRAFTING = "drafting", "Drafting"
    RESEARCH = "research", "Legal research"
    TRANSCRIPTION = "transcription", "Transcription"
    COMPLIANCE = "compliance", "Compliance"
    OTHER = "other", "Other"


class Workstream(TenantModel):
    client = TenantForeignKey(Client)
    matter = TenantForeignKey(Matter, via=["client_id"])
    kind = models.CharField(max_length=20, choices=WorkstreamKind.choices)
    title = models.CharField(max_length=200)
    unit = models.CharField(max_length=30, help_text="What one unit of work is called: document, NDA, page.")
    item_prefix = models.CharField(max_length=8, validators=[code_validator], help_text="Begins the items' references, as in NDA-0042.")
    item_count = models.PositiveIntegerField(default=0)
    requires_admission = models.BooleanField(
        "needs an admission", default=False, help_text="Only people admitted in the matter's jurisdiction may be given this work."
    )
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "item_prefix"], name="workstream_prefix_once")]
        indexes = [models.Index(fields=["organization", "matter", "id"], name="workstream_by_matter")]

    def __str__(self) -> str:
        return self.title


class StatusUpdate(TenantModel):
    """What the client was told of a matter, frozen: a note and the figures of that moment. Append-only."""

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"])
    note = models.TextField(blank=True)
    figures = models.JSONField(default=dict)
    published_at = models.DateTimeField(default=timezone.now)
    published_by_label = models.CharField(max_length=200)

    class Meta:
        indexes = [models.Index(fields=["organization", "client_id", "matter", "-id"], name="statusupdate_recent")]

    def __str__(self) -> str:
        return f"Update of {self.published_at:%Y-%m-%d}"
