"""What is known of the people who do the work: what they may be given, how much of it, and when they are away."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from engagements.models.clients import Client, WorkstreamKind
from lpo.tenancy.models import TenantForeignKey, TenantModel


class ReviewerProfile(TenantModel):
    """Where somebody works and how much a week holds. Capacity in units is set against open work, in hours against time recorded."""

    member = TenantForeignKey("accounts.Membership")
    location = models.CharField(max_length=80, blank=True, help_text="City and country where the work is done.")
    capacity = models.DecimalField(
        max_digits=7, decimal_places=1, null=True, blank=True, validators=[MinValueValidator(0)], help_text="A full week. Empty if unknown."
    )
    capacity_unit = models.CharField(max_length=5, choices=[("items", "Units of work"), ("hours", "Hours")], default="items")
    # Drawn by UPDATE … RETURNING: the number of this person's next time entry.
    time_count = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "member"], name="profile_once"),
            models.CheckConstraint(condition=models.Q(capacity__isnull=True) | models.Q(capacity__gte=0), name="profile_capacity"),
        ]

    def __str__(self) -> str:
        return f"Profile of {self.member_id}"


class Level(models.TextChoices):
    BASIC = "basic", "Basic"
    WORKING = "working", "Working"
    FLUENT = "fluent", "Fluent"
    NATIVE = "native", "Native"


class SpokenLanguage(TenantModel):
    """A language somebody works in."""

    member = TenantForeignKey("accounts.Membership")
    language = models.CharField(max_length=8)
    level = models.CharField(max_length=8, choices=Level.choices, default=Level.WORKING)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "member", "language"], name="language_once")]

    def __str__(self) -> str:
        return f"{self.language} ({self.level})"


class Admission(TenantModel):
    """An admission to a bar. Valid through the last day; without one, until further notice."""

    member = TenantForeignKey("accounts.Membership")
    jurisdiction = models.CharField(max_length=80)
    number = models.CharField(max_length=60, blank=True)
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "member", "jurisdiction", "number"], name="admission_once"),
            models.CheckConstraint(
                condition=models.Q(valid_from__isnull=True)
                | models.Q(valid_to__isnull=True)
                | models.Q(valid_to__gte=models.F("valid_from")),
                name="admission_dates",
            ),
        ]

    def __str__(self) -> str:
        return self.jurisdiction


class Training(TenantModel):
    """A training passed for one kind of work, with its score where there was one."""

    member = TenantForeignKey("accounts.Membership")
    kind = models.CharField(max_length=20, choices=WorkstreamKind.choices)
    title = models.CharField(max_length=120)
    passed_on = models.DateField()
    score = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Percent.",
    )
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "member", "kind", "title", "passed_on"], name="training_once"),
            models.CheckConstraint(condition=models.Q(score__isnull=True) | models.Q(score__range=(0, 100)), name="training_score"),
            models.CheckConstraint(
                condition=models.Q(valid_to__isnull=True) | models.Q(valid_to__gte=models.F("passed_on")), name="training_dates"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Conflict(TenantModel):
    """For whom somebody must not work: one of the clients, or a party by name."""

    member = TenantForeignKey("accounts.Membership")
    client = TenantForeignKey(Client, null=True, blank=True)
    party = models.CharField(max_length=200, blank=True, help_text="A company or person by name, where it is no client of ours.")
    note = models.CharField(max_length=300, blank=True)
    since = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "member", "client", "party"], name="conflict_once", nulls_distinct=False),
            models.CheckConstraint(
                condition=models.Q(client__isnull=False, party="") | (models.Q(client__isnull=True) & ~models.Q(party="")),
                name="conflict_names_one",
            ),
        ]

    def __str__(self) -> str:
        return f"Conflict of {self.member_id}"


class Absence(TenantModel):
    """Days somebody is away, first and last included."""

    member = TenantForeignKey("accounts.Membership")
    starts_on = models.DateField()
    ends_on = models.DateField()
    reason = models.CharField(
        max_length=10,
        choices=[("leave", "Leave"), ("sickness", "Sickness"), ("training", "Training"), ("other", "Other")],
        default="leave",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "member", "starts_on", "ends_on"], name="absence_once"),
            models.CheckConstraint(condition=models.Q(ends_on__gte=models.F("starts_on")), name="absence_dates"),
        ]
        indexes = [models.Index(fields=["organization", "ends_on"], name="absence_by_end")]

    def __str__(self) -> str:
        return f"{self.starts_on} to {self.ends_on}"


class Measure(models.TextChoices):
    PERCENT = "percent", "Percent of a full week"
    ITEMS = "items", "Units of work"
    HOURS = "hours", "Hours"


class WeekCapacity(TenantModel):
    """What one week, or several in a row, hold in place of the usual. Weeks are named by their Mondays, both included."""

    member = TenantForeignKey("accounts.Membership")
    first_week = models.DateField()
    last_week = models.DateField()
    capacity = models.DecimalField(max_digits=7, decimal_places=1, validators=[MinValueValidator(0)])
    measure = models.CharField(max_length=7, choices=Measure.choices, default=Measure.PERCENT)
    reason = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = "capacity of a week"
        constraints = [
            models.UniqueConstraint(fields=["organization", "member", "first_week"], name="weekcapacity_once"),
            models.CheckConstraint(
                condition=models.Q(last_week__gte=models.F("first_week"), first_week__iso_week_day=1, last_week__iso_week_day=1),
                name="weekcapacity_weeks",
            ),
            models.CheckConstraint(condition=models.Q(capacity__gte=0), name="weekcapacity_not_negative"),
        ]

    def __str__(self) -> str:
        """`W49`, or `W49 to W51`."""
        first, last = (f"W{week.isocalendar().week:02}" for week in (self.first_week, self.last_week))
        return first if first == last else f"{first} to {last}"

    @property
    def key(self) -> str:
        """How addresses name it: `2026-W49`."""
        return f"{self.first_week:%G-W%V}"

    @property
    def amount(self) -> str:
        """`50 %`, `20 units`, `16 hours`."""
        said = {Measure.PERCENT: "%", Measure.ITEMS: "units", Measure.HOURS: "hours"}[Measure(self.measure)]
        return f"{self.capacity.normalize():f} {said}"
