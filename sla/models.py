"""Calendars, service levels, clocks, quality checks, attainment and credit claims. No money lives here."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from engagements import states
from lpo.tenancy.models import TenantForeignKey, TenantModel
from sla.samples import Adjudication, Adjudicator, QualityFinding, SampleItem, SamplePlan
from sla.verdict import Basis, Test


class Calendar(TenantModel):
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="calendar_name_once")]

    def __str__(self) -> str:
        return self.name


class CalendarVersion(TenantModel):
    """Open hours, frozen. `weekly` maps "0".."6" (Monday first) to [[start minute, end minute], …]; `holidays` are ISO dates.

    A version that follows the sun has `sites` instead, each with name, calendar, version, time_zone, weekly, holidays, exceptions and
    names as they were then: open whenever one of them is. Its business days are dates of its own zone.
    """

    calendar = TenantForeignKey(Calendar)
    number = models.PositiveSmallIntegerField()
    time_zone = models.CharField(max_length=64)
    weekly = models.JSONField()
    holidays = models.JSONField(default=list)
    exceptions = models.JSONField(default=dict)
    sites = models.JSONField(default=list)
    # What a holiday is called, and why a date is an exception, by ISO date. Said, not counted by.
    names = models.JSONField(default=dict)
    holiday_source = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "calendar", "number"], name="calendarversion_once")]

    def __str__(self) -> str:
        return f"version {self.number}, {self.time_zone}"


class LevelKind(models.TextChoices):
    TURNAROUND = "turnaround", "Turnaround"
    RESPONSE = "response", "Response"
    ERROR_RESOLUTION = "error_resolution", "Error resolution"
    ACCURACY = "accuracy", "Accuracy"


class Population(models.TextChoices):
    ALL = "all", "Every check of delivered work"
    RANDOM = "random", "Checks of random samples only"


class Importance(models.TextChoices):
    CRITICAL = "critical", "Critical: a miss may earn a credit"
    KEY = "key", "Key: measured and reported only"


class Unit(models.TextChoices):
    ELAPSED = "elapsed", "Elapsed time"
    BUSINESS = "business", "Business hours"
    BUSINESS_DAYS = "business_days", "Business days"


class ServiceLevel(TenantModel):
    """What was promised for a workstream. The promise itself is in its versions."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    workstream = TenantForeignKey("engagements.Workstream", via=["client_id", "matter_id"])
    kind = models.CharField(max_length=20, choices=LevelKind.choices)
    name = models.CharField(max_length=120)
    active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "workstream", "name"], name="servicelevel_name_once")]

    def __str__(self) -> str:
        return self.name


class ServiceLevelVersion(TenantModel):
    """One version of a promise, by effective date; a clock pins the version in force when it started.

    Percentages are 0–100. `target` counts seconds (elapsed, business) or days (business_days); an accuracy level has
    `max_error_percent` instead. `credit_percent` applies to the credit base that billing resolves, when the window is missed.
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    level = TenantForeignKey(ServiceLevel, via=["client_id", "matter_id"])
    number = models.PositiveSmallIntegerField()
    effective_from = models.DateField()
    clause = models.CharField(max_length=60, blank=True, help_text="The contract's clause, as in “Schedule B 2.1”.")
    item_kind = models.CharField(max_length=8, choices=list(states.KINDS.items()), default=states.WORK)
    priority = models.CharField(max_length=20, blank=True, help_text="Only items of this priority; empty for all.")
    severity = models.CharField(max_length=10, blank=True, help_text="Only errors of this severity; empty for all.")
    unit = models.CharField(max_length=14, choices=Unit.choices, default=Unit.ELAPSED)
    target = models.PositiveIntegerField(null=True, blank=True)
    calendar_version = TenantForeignKey(CalendarVersion, null=True, blank=True)
    # Receipt where it is empty; else the first time the item reaches the state.
    start_state = models.CharField(max_length=16, choices=list(states.LABELS.items()), blank=True)
    stop_state = models.CharField(max_length=16, choices=list(states.LABELS.items()), default=states.DELIVERED)
    decides = models.CharField(max_length=5, choices=[("first", "First delivery"), ("last", "Last delivery")], default="first")
    pausing_parties = models.JSONField(default=list, help_text="Whose pauses stop the clock; the client's by default.")
    expected_percent = models.DecimalField(max_digits=7, decimal_places=4, null=True, blank=True)
    max_error_percent = models.DecimalField(max_digits=7, decimal_places=4, null=True, blank=True)
    error_unit = models.CharField(max_length=20, blank=True, help_text="Document, field or clause.")
    # What decides an accuracy level: the measured rate, the upper bound of it, or an acceptance plan.
    test = models.CharField(max_length=11, choices=[(test.value, test.value) for test in Test], default=Test.RATE.value)
    test_confidence_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    accepted_sample = models.PositiveIntegerField(null=True, blank=True)
    accepted_errors = models.PositiveIntegerField(null=True, blank=True)
    severity_weights = models.JSONField(default=dict, blank=True, help_text="What an error counts by its severity; 1 unless it says.")
    population = models.CharField(max_length=6, choices=Population.choices, default=Population.ALL)
    adjudicator = models.CharField(max_length=8, choices=Adjudicator.choices, blank=True)
    window = models.CharField(max_length=8, choices=[("month", "Month"), ("quarter", "Quarter")], default="month")
    time_zone = models.CharField(max_length=64, help_text="The contract's zone: where windows begin and end.")
    minimum_percent = models.DecimalField(max_digits=7, decimal_places=4, null=True, blank=True)
    misses_before_default = models.PositiveSmallIntegerField(
        default=3, help_text="Misses in twelve months, none below the minimum, that earn no credit yet."
    )
    allowed_misses = models.JSONField(default=list, blank=True, help_text="[up to so many counted, misses allowed], in order.")
    roll_up_below = models.PositiveIntegerField(default=0, help_text="With fewer counted a window is judged with its quarter.")
    no_credit_below = models.PositiveIntegerField(default=0, help_text="With fewer counted a miss earns no credit.")
    importance = models.CharField(max_length=8, choices=Importance.choices, default=Importance.CRITICAL)
    # A credit is a share of the credit base; or pool × allocation of the amount at risk, which is the contract's share of that base.
    credit_percent = models.DecimalField(max_digits=7, decimal_places=4, default=0)
    pool_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    allocation_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(minimum_percent__isnull=True)
                | Q(expected_percent__isnull=False, minimum_percent__gt=0, minimum_percent__lt=F("expected_percent")),
                name="servicelevelversion_minimum_below_expected",
            ),
            models.CheckConstraint(
                condition=Q(pool_percent__isnull=True, allocation_percent__isnull=True)
                | Q(pool_percent__gt=0, allocation_percent__gt=0, credit_percent=0),
                name="servicelevelversion_one_credit",
            ),
            models.CheckConstraint(
                condition=~Q(importance="key") | Q(credit_percent=0, pool_percent__isnull=True),
                name="servicelevelversion_key_without_credit",
            ),
            models.CheckConstraint(condition=Q(roll_up_below=0) | ~Q(window="quarter"), name="servicelevelversion_roll_up_to_quarter"),
            models.UniqueConstraint(fields=["organization", "level", "number"], name="servicelevelversion_once"),
            models.UniqueConstraint(fields=["organization", "level", "effective_from"], name="servicelevelversion_date_once"),
            models.CheckConstraint(
                condition=Q(target__isnull=False, expected_percent__isnull=False, max_error_percent__isnull=True)
                | Q(target__isnull=True, expected_percent__isnull=True, max_error_percent__isnull=False),
                name="servicelevelversion_clock_or_accuracy",
            ),
            models.CheckConstraint(
                condition=Q(test="rate", test_confidence_percent__isnull=True, accepted_sample__isnull=True, accepted_errors__isnull=True)
                | Q(test="upper_bound", test_confidence_percent__gt=0, test_confidence_percent__lt=100, max_error_percent__isnull=False)
                & Q(accepted_sample__isnull=True, accepted_errors__isnull=True)
                | Q(test="acceptance", test_confidence_percent__isnull=True, max_error_percent__isnull=False, accepted_sample__gt=0)
                & Q(accepted_errors__lt=F("accepted_sample")),
                name="servicelevelversion_test",
            ),
            models.CheckConstraint(
                condition=Q(unit="elapsed") | Q(calendar_version__isnull=False) | Q(target__isnull=True),
                name="servicelevelversion_business_needs_calendar",
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number} from {self.effective_from}"


class Exclusion(TenantModel):
    """An item taken out of a level's fraction, with the reason and who decided."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    level = TenantForeignKey(ServiceLevel, via=["client_id", "matter_id"])
    item = TenantForeignKey("engagements.WorkItem", via=["client_id", "matter_id"])
    reason = models.CharField(max_length=300)
    # What shows it; an error that is not ours leaves the fraction only with it.
    evidence = TenantForeignKey("audit.Document", null=True, blank=True)
    at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)
    # As with a pause: the client may contest it until this day, and silence settles it. Empty where there is no contract.
    contest_by = models.DateField(null=True, blank=True)
    contested_at = models.DateTimeField(null=True, blank=True)
    contest_note = models.CharField(max_length=500, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=500, blank=True)
    # Since when the client reads it in its ledger, and the item's reference as it reads it there.
    published_at = models.DateTimeField(null=True, blank=True)
    shown_as = models.CharField(max_length=24, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "at", "id"], include=["matter_id"], name="exclusion_recent"),
            models.Index(
                fields=["organization", "client_id", "at", "id"],
                condition=Q(published_at__isnull=False),
                name="exclusion_published",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "level", "item"], condition=Q(withdrawn_at__isnull=True), name="exclusion_one_live"
            )
        ]

    def __str__(self) -> str:
        return self.reason


class Clock(TenantModel):
    """One item against one level, one cycle: a stored projection, replaced whenever the item's facts change.

    Seconds are of the level's own unit. `due_at` is the projected due instant; while `held_since` is set it is what would be
    due if the pause ended at the moment of projection, and the clock cannot breach. `decided_at` = min(stop, due).
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey("engagements.WorkItem", via=["client_id", "matter_id"])
    level = TenantForeignKey(ServiceLevel, via=["client_id", "matter_id"])
    level_version = TenantForeignKey(ServiceLevelVersion)
    cycle = models.PositiveSmallIntegerField(default=1)
    started_at = models.DateTimeField()
    due_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    held_since = models.DateTimeField(null=True)
    cancelled = models.BooleanField(default=False)
    excluded = models.BooleanField(default=False)
    target_seconds = models.BigIntegerField()
    used_seconds = models.BigIntegerField(default=0)
    paused_seconds = models.BigIntegerField(default=0)
    late_seconds = models.BigIntegerField(null=True)
    # Start of the window (contract zone) that holds `due_at`, and that of `stopped_at`: which one counts depends on now only
    # while the clock is open.
    window_start = models.DateTimeField()
    computed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "item", "level", "cycle"], name="clock_once"),
            models.CheckConstraint(condition=Q(stopped_at__isnull=True) | Q(stopped_at__gte=F("started_at")), name="clock_order"),
        ]
        indexes = [
            models.Index(
                fields=["organization", "level", "window_start"],
                include=["stopped_at", "due_at", "held_since", "excluded", "cancelled", "used_seconds"],
                name="clock_window",
            ),
            models.Index(
                fields=["organization", "due_at", "id"],
                condition=Q(stopped_at__isnull=True, cancelled=False),
                include=["matter_id"],
                name="clock_open",
            ),
            models.Index(
                fields=["organization", "held_since", "id"],
                condition=Q(stopped_at__isnull=True, cancelled=False, held_since__isnull=False),
                include=["matter_id"],
                name="clock_held",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.level_id} on {self.item_id}"


class QualityCheck(TenantModel):
    """How many units of an item were looked at and how many were wrong: of a random plan where it has `sampled`, else targeted.

    In a sample of what was set aside `errors` are the relevant ones found. `reviewer` is whose calls were checked.
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey("engagements.WorkItem", via=["client_id", "matter_id"])
    checked_at = models.DateTimeField()
    units = models.PositiveIntegerField(help_text="Documents, fields or clauses looked at.")
    errors = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=500, blank=True)
    sampled = TenantForeignKey(SampleItem, via=["client_id", "matter_id"], null=True, blank=True)
    reviewer = TenantForeignKey("accounts.Membership", null=True, blank=True)
    by_member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    by_label = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(errors__lte=F("units"), units__gt=0), name="qualitycheck_counts"),
            models.UniqueConstraint(fields=["organization", "sampled"], name="qualitycheck_once_sampled"),
        ]
        indexes = [models.Index(fields=["organization", "item", "checked_at"], name="qualitycheck_by_item")]

    def __str__(self) -> str:
        return f"{self.errors} of {self.units}"


class Attainment(TenantModel):
    """A level's result in one window: recomputed while open, frozen at closing; a restatement is revision n + 1.

    met + missed + pending + excluded = all. For accuracy: `numerator` errors in `denominator` units checked.
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    level = TenantForeignKey(ServiceLevel, via=["client_id", "matter_id"])
    level_version = TenantForeignKey(ServiceLevelVersion)
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    label = models.CharField(max_length=40)
    revision = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=8, choices=[("open", "Open"), ("closed", "Closed")], default="open")
    numerator = models.BigIntegerField(default=0)
    denominator = models.BigIntegerField(default=0)
    pending = models.BigIntegerField(default=0)
    excluded = models.BigIntegerField(default=0)
    # What earlier windows of the quarter rolled up into this one, where the level says so: judged with it, counted there.
    carried_numerator = models.BigIntegerField(default=0)
    carried_denominator = models.BigIntegerField(default=0)
    basis = models.CharField(max_length=10, choices=[(basis.value, basis.value) for basis in Basis], default=Basis.FRACTION.value)
    # Where the rate is not `numerator` ÷ `denominator` (severities weigh, strata do), and what a bound was tested by: see `sla.rates`.
    measured = models.JSONField(default=dict, blank=True)
    # None is "not measured", or judged with the quarter: a zero denominator is never 0 or 100.
    met = models.BooleanField(null=True)
    below_minimum = models.BooleanField(default=False)
    median_seconds = models.BigIntegerField(null=True)
    p90_seconds = models.BigIntegerField(null=True)
    computed_at = models.DateTimeField(default=timezone.now)
    snapshot = models.JSONField(null=True)
    snapshot_sha256 = models.CharField(max_length=64, blank=True)
    closed_at = models.DateTimeField(null=True)
    closed_by_label = models.CharField(max_length=200, blank=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "level", "window_start", "revision"], name="attainment_once"),
            models.CheckConstraint(
                condition=Q(state="open", closed_at__isnull=True) | Q(state="closed", closed_at__isnull=False, snapshot__isnull=False),
                name="attainment_closed_has_snapshot",
            ),
            models.CheckConstraint(
                condition=Q(numerator__lte=F("denominator"), carried_numerator__lte=F("carried_denominator")), name="attainment_fraction"
            ),
            models.CheckConstraint(
                condition=Q(denominator=0, carried_denominator=0, met__isnull=True)
                | Q(denominator__gt=0, basis__in=["rolled_up", "short"], met__isnull=True)
                | ((Q(denominator__gt=0) | Q(carried_denominator__gt=0)) & ~Q(basis__in=["rolled_up", "short"]) & Q(met__isnull=False)),
                name="attainment_measured_iff_counted",
            ),
        ]
        indexes = [models.Index(fields=["organization", "client_id", "-window_start"], name="attainment_recent")]

    def __str__(self) -> str:
        return f"{self.label}: {self.numerator} of {self.denominator}"


class AttainmentRow(TenantModel):
    """A row behind a closed figure, as it stood: what the client can check. Insert-only."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    attainment = TenantForeignKey(Attainment, via=["client_id", "matter_id"])
    item_reference = models.CharField(max_length=24)
    external_id = models.CharField(max_length=120, blank=True)
    outcome = models.CharField(
        max_length=9,
        choices=[("met", "Met"), ("missed", "Missed"), ("pending", "Pending"), ("excluded", "Excluded"), ("checked", "Checked")],
    )
    started_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    used_seconds = models.BigIntegerField(null=True)
    paused_seconds = models.BigIntegerField(null=True)
    late_seconds = models.BigIntegerField(null=True)
    units = models.BigIntegerField(null=True)
    errors = models.BigIntegerField(null=True)
    # What the errors count by their severity, and the stratum a row stands for: "3/1" is the second stratum of plan 3.
    weighted = models.DecimalField(max_digits=14, decimal_places=4, null=True)
    stratum = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "attainment", "outcome", "id"], name="attainmentrow_by_outcome")]

    def __str__(self) -> str:
        return f"{self.item_reference} {self.outcome}"


class DirtyWindow(TenantModel):
    """A (level, window) pair whose attainment no longer follows from its clocks; a worker recomputes and removes it."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    level = TenantForeignKey(ServiceLevel, via=["client_id", "matter_id"], on_delete=models.CASCADE)
    window_start = models.DateTimeField()
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "level", "window_start"], name="dirtywindow_once")]

    def __str__(self) -> str:
        return f"{self.level_id} {self.window_start}"


class CreditClaim(TenantModel):
    """A missed window's claim: percentages and inputs, no money. Billing resolves base and cap and makes the charge."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    attainment = TenantForeignKey(Attainment, via=["client_id", "matter_id"])
    level = TenantForeignKey(ServiceLevel, via=["client_id", "matter_id"])
    # The claim of an earlier revision whose place this one takes once it is final. Then 0 % may be what is due.
    replaces = TenantForeignKey("self", via=["client_id", "matter_id"], null=True)
    # Pool × allocation × share at risk has ten decimals.
    percent = models.DecimalField(max_digits=13, decimal_places=10)
    state = models.CharField(
        max_length=12, choices=[("provisional", "Provisional"), ("final", "Final"), ("withdrawn", "Withdrawn")], default="provisional"
    )
    formula = models.TextField()
    inputs = models.JSONField()
    contestable_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    final_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "attainment"], name="creditclaim_once"),
            models.CheckConstraint(condition=Q(percent__gt=0) | Q(percent=0, replaces__isnull=False), name="creditclaim_percent_positive"),
        ]
        indexes = [models.Index(fields=["organization", "client_id", "state"], name="creditclaim_by_state")]

    def __str__(self) -> str:
        return self.formula


class Scenario(TenantModel):
    """A past replayed under a proposed contract. Nothing that holds is touched by it: it keeps what was asked and what came of it."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    level = TenantForeignKey(ServiceLevel, via=["client_id", "matter_id"])
    name = models.CharField(max_length=120)
    first_month = models.DateField()
    last_month = models.DateField()
    effective_from = models.DateField(help_text="Work received on or after this day falls under the proposal.")
    calendar_version = TenantForeignKey(CalendarVersion, null=True, blank=True)
    proposal = models.JSONField(help_text="The other fields of the proposed version.")
    result = models.JSONField(null=True)
    computed_at = models.DateTimeField(null=True)
    by_label = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(first_month__lte=F("last_month")), name="scenario_months_in_order"),
            models.CheckConstraint(
                condition=Q(result__isnull=True, computed_at__isnull=True) | Q(result__isnull=False, computed_at__isnull=False),
                name="scenario_result_and_when",
            ),
        ]
        indexes = [models.Index(fields=["organization", "level", "-id"], name="scenario_by_level")]

    def __str__(self) -> str:
        return self.name


__all__ = [
    "Adjudication",
    "Attainment",
    "AttainmentRow",
    "Calendar",
    "CalendarVersion",
    "Clock",
    "CreditClaim",
    "DirtyWindow",
    "Exclusion",
    "Importance",
    "LevelKind",
    "Population",
    "QualityCheck",
    "QualityFinding",
    "SampleItem",
    "SamplePlan",
    "Scenario",
    "ServiceLevel",
    "ServiceLevelVersion",
    "Unit",
]
