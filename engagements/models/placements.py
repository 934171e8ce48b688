"""People placed with a client: who, from when to when, on which terms, and the days they were away. Rates live in billing."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from engagements.models.clients import Matter, Workstream
from lpo.tenancy.models import TenantForeignKey, TenantModel


class SheetCycle(models.TextChoices):
    MONTH = "month", "Each calendar month"
    WEEK = "week", "Each week, Monday to Sunday"


class AwayKind(models.TextChoices):
    LEAVE = "leave", "Leave"
    SICKNESS = "sickness", "Sickness"
    HOLIDAY = "holiday", "Public holiday"
    TRAINING = "training", "Training"
    OTHER = "other", "Other"


class Placement(TenantModel):
    """A named person placed on a matter of a client, first and last day inclusive. Numbered within the matter.

    `name` is the person as the client knows them; `member` says who it is where they sign in here.
    """

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"])
    workstream = TenantForeignKey(Workstream, via=["client_id", "matter_id"], null=True, blank=True)
    number = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    cycle = models.CharField(max_length=5, choices=SheetCycle.choices, default=SheetCycle.MONTH)
    replaces = TenantForeignKey("self", via=["client_id", "matter_id"], null=True, blank=True)
    notice_given_on = models.DateField(null=True, blank=True)
    ended_reason = models.CharField(max_length=300, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "matter", "number"], name="placement_number_once"),
            models.UniqueConstraint(fields=["organization", "replaces"], name="placement_replaced_once"),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="placement_dates",
                violation_error_message="The last day lies before the first.",
            ),
            models.CheckConstraint(condition=Q(replaces__isnull=True) | ~Q(replaces=F("id")), name="placement_replaces_another"),
        ]
        indexes = [models.Index(fields=["organization", "matter", "starts_on"], name="placement_by_matter")]

    def __str__(self) -> str:
        return self.name


class PlacementTerms(TenantModel):
    """What a placement is from a day on: role, level, hours. Append-only; the last that has begun counts.

    `weekdays` are ISO weekdays, 1 Monday to 7 Sunday: "12345". A day's hours are the week's, shared evenly among them.
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    placement = TenantForeignKey(Placement, via=["client_id", "matter_id"])
    number = models.PositiveSmallIntegerField()
    effective_from = models.DateField()
    role = models.CharField(max_length=60, help_text="As the contract calls it: Paralegal, Contract attorney.")
    level = models.CharField(max_length=40, blank=True, help_text="As the rates tell it apart: Senior, Associate.")
    supervisor = models.CharField("supervisor at the client", max_length=120, help_text="Who directs the work and signs timesheets.")
    location = models.CharField(max_length=80, blank=True, help_text="Where the work is done.")
    hours_per_week = models.DecimalField(
        "hours a week", max_digits=5, decimal_places=2, validators=[MinValueValidator(Decimal("0.25")), MaxValueValidator(Decimal(168))]
    )
    weekdays = models.CharField(max_length=7, default="12345", validators=[RegexValidator("^1?2?3?4?5?6?7?$", "Weekdays in order.")])
    recorded_at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "placement", "number"], name="placementterms_once"),
            models.UniqueConstraint(fields=["organization", "placement", "effective_from"], name="placementterms_date_once"),
            models.CheckConstraint(condition=Q(hours_per_week__gt=0, hours_per_week__lte=168), name="placementterms_hours"),
            models.CheckConstraint(condition=Q(weekdays__regex="^1?2?3?4?5?6?7?$") & ~Q(weekdays=""), name="placementterms_weekdays"),
        ]

    def __str__(self) -> str:
        return f"{self.title}, version {self.number}"

    @property
    def title(self) -> str:
        """Senior paralegal; Paralegal."""
        return f"{self.level} {self.role[:1].lower()}{self.role[1:]}" if self.level else self.role

    @property
    def day_hours(self) -> Decimal:
        """Contracted hours of one working day, to the hundredth."""
        return (self.hours_per_week / len(self.weekdays)).quantize(Decimal("0.01"))


class PlacementAbsence(TenantModel):
    """Days a placed person was away from the client's work, first and last included; a correction takes a row back, never rewrites it."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    placement = TenantForeignKey(Placement, via=["client_id", "matter_id"])
    starts_on = models.DateField()
    ends_on = models.DateField()
    kind = models.CharField(max_length=10, choices=AwayKind.choices, default=AwayKind.LEAVE)
    note = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by_label = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="placementabsence_dates",
                violation_error_message="The last day lies before the first.",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "placement", "starts_on"], include=["matter_id"], name="placementabsence_by_placement")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.starts_on} to {self.ends_on}"


class SheetState(models.TextChoices):
    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    APPROVED = "approved", "Approved by the client"
    RETURNED = "returned", "Returned by the client"
    WITHDRAWN = "withdrawn", "Taken back"
    SUPERSEDED = "superseded", "Corrected since"


class Timesheet(TenantModel):
    """One version of a placement's days in a month or week. Its days are frozen once it is submitted; a correction is a new version.

    `period_start` names the month or week; `starts_on` and `ends_on` are it cut to the placement. `weekdays` is the working week
    that a month's working days are counted by.
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    placement = TenantForeignKey(Placement, via=["client_id", "matter_id"])
    period_start = models.DateField()
    label = models.CharField(max_length=40)
    starts_on = models.DateField()
    ends_on = models.DateField()
    number = models.PositiveSmallIntegerField(default=1)
    weekdays = models.CharField(max_length=7)
    state = models.CharField(max_length=10, choices=SheetState.choices, default=SheetState.DRAFT)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True, blank=True)
    submitted_by_label = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=10, blank=True)
    decision = TenantForeignKey("engagements.ClientDecision", null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "placement", "period_start", "number"], name="timesheet_version_once"),
            models.UniqueConstraint(
                fields=["organization", "placement", "period_start"],
                condition=Q(state__in=["draft", "submitted"]),
                name="timesheet_one_in_hand",
            ),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on"), starts_on__gte=F("period_start")), name="timesheet_dates"),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "superseded"])
                | (Q(decided_at__isnull=False, decision__isnull=False, submitted_at__isnull=False) & ~Q(source="")),
                name="timesheet_approved_with_its_source",
            ),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) | Q(state__in=["approved", "superseded"]), name="timesheet_published_once_approved"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "placement", "-period_start", "-number"], include=["matter_id"], name="timesheet_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.label}, version {self.number}"


class TimesheetDay(TenantModel):
    """One day of a timesheet, hours as decimals. `contracted` is what the day holds by contract, `week_hours` what its whole week
    does, both as they stood when the sheet was submitted.

    A day that lay ahead when the sheet was begun is not `written` and has no hours until somebody says what was worked.

    Days before the sheet's first are those of the week it begins in the middle of: overtime is reckoned by whole weeks.
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    timesheet = TenantForeignKey(Timesheet, via=["client_id", "matter_id"])
    day = models.DateField()
    hours = models.DecimalField(max_digits=4, decimal_places=2, default=0)
    contracted = models.DecimalField(max_digits=4, decimal_places=2, default=0)
    day_hours = models.DecimalField(max_digits=4, decimal_places=2)
    week_hours = models.DecimalField(max_digits=5, decimal_places=2)
    away = models.CharField(max_length=10, choices=AwayKind.choices, blank=True)
    away_hours = models.DecimalField(max_digits=4, decimal_places=2, default=0)
    handover = models.BooleanField(default=False, help_text="The person replaced is still there.")
    written = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "timesheet", "day"], name="timesheetday_once"),
            models.CheckConstraint(
                condition=Q(hours__gte=0, away_hours__gte=0, contracted__gte=0, day_hours__gt=0, week_hours__gte=0)
                & Q(hours__lte=24 - F("away_hours")),
                name="timesheetday_hours",
                violation_error_message="A day has 24 hours.",
            ),
            models.CheckConstraint(condition=~Q(away="") | Q(away_hours=0), name="timesheetday_away_is_named"),
            models.CheckConstraint(condition=Q(written=True) | Q(hours=0), name="timesheetday_unwritten_has_no_hours"),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.hours} h"
