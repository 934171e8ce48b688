"""Service levels and their versions: what was promised, and what is taken out of the fraction."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from engagements import states
from lpo.tenancy.models import TenantForeignKey, TenantModel
from sla.models.calendars import CalendarVersion
from sla.models.samples import Adjudicator
from sla.verdict import Test


class LevelKind(models.TextChoices):
    TURNAROUND = "turnaround", "Turnaround"
    RESPONSE = "response", "Response"
    ERROR_RESOLUTION = "error_resolution", "Error resolution"
    ACCURACY = "accuracy", "Accuracy"
    THROUGHPUT = "throughput", "Throughput"


# Counted from checks or from the items themselves, not by clocks.
UNCLOCKED = (LevelKind.ACCURACY, LevelKind.THROUGHPUT)


class Population(models.TextChoices):
    ALL = "all", "Every check of delivered work"
    RANDOM = "random", "Checks of random samples only"


WINDOWS = [("week", "Week"), ("month", "Month"), ("quarter", "Quarter")]


class Importance(models.TextChoices):
    CRITICAL = "critical", "Critical: a miss may earn a credit"
    KEY = "key", "Key: measured and reported only"


class VolumeBy(models.TextChoices):
    UNITS = "units", "Units, as documents or pages"
    ITEMS = "items", "Items, each as one"


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
    # By their codes, with what they were called when it was agreed.
    item_types = models.JSONField(default=dict, db_default={}, blank=True, help_text="Only items of these types; empty for all.")
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
    # A throughput level: at least so much delivered in each window; or what was there to deliver, where that is less.
    min_volume = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)
    volume_by = models.CharField(max_length=5, choices=VolumeBy.choices, blank=True)
    volume_offered = models.BooleanField(default=False)
    # What decides an accuracy level: the measured rate, the upper bound of it, or an acceptance plan.
    test = models.CharField(max_length=11, choices=[(test.value, test.value) for test in Test], default=Test.RATE.value)
    test_confidence_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    accepted_sample = models.PositiveIntegerField(null=True, blank=True)
    accepted_errors = models.PositiveIntegerField(null=True, blank=True)
    severity_weights = models.JSONField(default=dict, blank=True, help_text="What an error counts by its severity; 1 unless it says.")
    population = models.CharField(max_length=6, choices=Population.choices, default=Population.ALL)
    adjudicator = models.CharField(max_length=8, choices=Adjudicator.choices, blank=True)
    window = models.CharField(max_length=8, choices=WINDOWS, default="month")
    time_zone = models.CharField(max_length=64, help_text="The contract's zone: where windows begin and end.")
    minimum_percent = models.DecimalField(max_digits=7, decimal_places=4, null=True, blank=True)
    misses_before_default = models.PositiveSmallIntegerField(
        default=3, help_text="Misses in twelve months, none below the minimum, that earn no credit yet."
    )
    allowed_misses = models.JSONField(default=list, blank=True, help_text="[up to so many counted, misses allowed], in order.")
    roll_up_below = models.PositiveIntegerField(default=0, help_text="With fewer counted a window is judged with its quarter.")
    no_credit_below = models.PositiveIntegerField(default=0, help_text="With fewer counted a miss earns no credit.")
    # The credit of a missed window is given back once each of so many following ones reaches a target beyond the promise.
    earn_back_percent = models.DecimalField(max_digits=7, decimal_places=4, null=True, blank=True)
    earn_back_windows = models.PositiveSmallIntegerField(null=True, blank=True)
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
                condition=Q(earn_back_percent__isnull=True, earn_back_windows__isnull=True)
                | Q(earn_back_percent__gt=0, earn_back_windows__gte=1, earn_back_windows__lte=12)
                & (Q(earn_back_percent__gt=F("expected_percent")) | Q(earn_back_percent__lt=F("max_error_percent"))),
                name="servicelevelversion_earn_back_beyond",
            ),
            models.CheckConstraint(
                condition=~Q(importance="key") | Q(credit_percent=0, pool_percent__isnull=True),
                name="servicelevelversion_key_without_credit",
            ),
            models.CheckConstraint(condition=Q(roll_up_below=0) | ~Q(window="quarter"), name="servicelevelversion_roll_up_to_quarter"),
            models.UniqueConstraint(fields=["organization", "level", "number"], name="servicelevelversion_once"),
            models.UniqueConstraint(fields=["organization", "level", "effective_from"], name="servicelevelversion_date_once"),
            models.CheckConstraint(
                condition=Q(target__isnull=False, expected_percent__isnull=False, max_error_percent__isnull=True, min_volume__isnull=True)
                | Q(target__isnull=True, expected_percent__isnull=True, max_error_percent__isnull=False, min_volume__isnull=True)
                | Q(target__isnull=True, expected_percent__isnull=True, max_error_percent__isnull=True, min_volume__gt=0),
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

    @property
    def types(self) -> list[str]:
        """Codes of the types it covers; none of them means all."""
        return sorted(self.item_types)

    def covers_type(self, code: str | None) -> bool:
        return not self.item_types or code in self.item_types


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
