"""What a level came to in each window, the rows behind it, and the credit it led to."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from lpo.tenancy.models import TenantForeignKey, TenantModel
from sla.models.levels import ServiceLevel, ServiceLevelVersion
from sla.verdict import Basis

UNDECIDED = [Basis.ROLLED_UP.value, Basis.SHORT.value, Basis.RUNNING.value]


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
                condition=Q(numerator__lte=F("denominator"), carried_numerator__lte=F("carried_denominator"))
                | Q(basis__in=["volume", "running"]),
                name="attainment_fraction",
            ),
            models.CheckConstraint(
                condition=Q(denominator=0, carried_denominator=0, met__isnull=True)
                | Q(denominator__gt=0, basis__in=UNDECIDED, met__isnull=True)
                | ((Q(denominator__gt=0) | Q(carried_denominator__gt=0)) & ~Q(basis__in=UNDECIDED) & Q(met__isnull=False)),
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
    # The last of the windows that earned the credit back: then this is a claim of 0 %, and says what it gives back.
    earned_in = TenantForeignKey(Attainment, via=["client_id", "matter_id"], null=True)
    # Pool × allocation × share at risk has ten decimals.
    percent = models.DecimalField(max_digits=13, decimal_places=10)
    state = models.CharField(
        max_length=12, choices=[("provisional", "Provisional"), ("final", "Final"), ("withdrawn", "Withdrawn")], default="provisional"
    )
    formula = models.TextField()
    inputs = models.JSONField()
    contestable_until = models.DateTimeField(null=True)
    # Claims of other levels over the same missed items, while the contract pays one of them: see `sla.incidents`. Empty: none.
    incident = models.JSONField(default=dict, blank=True)
    # The claim that is paid instead of this one. A final claim stands until that one is final.
    yields_to = TenantForeignKey("self", via=["client_id", "matter_id"], null=True)
    decision = TenantForeignKey("engagements.ClientDecision", null=True)
    note = models.CharField(max_length=500, blank=True, help_text="Why it is the one that is paid, or is not; the client reads this.")
    created_at = models.DateTimeField(default=timezone.now)
    final_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # One that gave way to another is made anew where that one no longer stands.
            models.UniqueConstraint(
                fields=["organization", "attainment"], condition=~Q(state="withdrawn") & Q(earned_in__isnull=True), name="creditclaim_once"
            ),
            # What gives a final credit back stands beside it until nobody can contest it.
            models.UniqueConstraint(
                fields=["organization", "attainment"],
                condition=~Q(state="withdrawn") & Q(earned_in__isnull=False),
                name="creditclaim_earned_back_once",
            ),
            models.CheckConstraint(
                condition=Q(earned_in__isnull=True) | Q(percent=0, replaces__isnull=False), name="creditclaim_earned_back_to_nothing"
            ),
            models.CheckConstraint(condition=Q(yields_to__isnull=True) | ~Q(note=""), name="creditclaim_yields_for_a_reason"),
            models.CheckConstraint(condition=Q(percent__gt=0) | Q(percent=0, replaces__isnull=False), name="creditclaim_percent_positive"),
        ]
        indexes = [models.Index(fields=["organization", "client_id", "state"], name="creditclaim_by_state")]

    def __str__(self) -> str:
        return self.formula
