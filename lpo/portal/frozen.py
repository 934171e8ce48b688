"""A closed window as the client reads it: from its frozen snapshot alone, never from the promise as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sla import wording
from sla.models import Attainment, Calendar, CalendarVersion, CreditClaim, ServiceLevel, ServiceLevelVersion
from sla.queries import Figure, window_key
from sla.verdict import Test

_AS_STORED = ("number", "clause", "item_kind", "priority", "severity", "unit", "target", "stop_state", "decides", "pausing_parties")
_SINCE_THEN = (
    "item_types",
    "start_state",
    "allowed_misses",
    "roll_up_below",
    "no_credit_below",
    "misses_before_default",
    "earn_back_windows",
)
_WHAT_DECIDES = ("test", "accepted_sample", "accepted_errors", "severity_weights", "population", "adjudicator")
_VOLUME = ("volume_by", "volume_offered")
_TEXT = ("error_unit", "window", "time_zone")


@dataclass(frozen=True, slots=True)
class Window:
    """One published window of a level, with the credit it led to."""

    figure: Figure
    attainment: Attainment
    claim: CreditClaim | None = None

    @property
    def key(self) -> str:
        """Its part of the address: 2026-10, the month it begins in by the contract's own clock; 2026-10-05 for a week."""
        return window_key(self.attainment.window_start, self.figure.version)

    @property
    def exact(self) -> str:
        """The figure in full: 36 of 40 = 90.00 %."""
        return self.figure.result

    @property
    def credit(self) -> str:
        """5 %, provisional."""
        if self.claim is None:
            return ""
        if self.claim.earned_in_id is not None:
            return f"earned back, {self.claim.get_state_display().lower()}"
        return f"{wording.number(self.claim.percent)} %, {self.claim.get_state_display().lower()}"

    @property
    def formula(self) -> str:
        version, attainment = self.figure.version, self.attainment
        if self.figure.accuracy:
            counted = f"{attainment.numerator:,} wrong of {attainment.denominator:,} checked"
            if version.test != Test.RATE:
                return f"{counted} = {self._percent()}; the contract asks for {wording.short_target(version)}"
            return f"{counted} = {self._percent()}; the contract allows less than {wording.number(self._limit())} %"
        if self.figure.throughput:
            return f"{self.exact} of what was due; the contract asks for {wording.short_target(version)}"
        counted = f"{attainment.numerator:,} in time of {attainment.denominator:,} decided"
        return f"{counted} = {self._percent()}; the contract asks for {wording.number(version.expected_percent or Decimal(0))} %"

    def _limit(self) -> Decimal:
        return self.figure.version.max_error_percent or Decimal(0)

    def _percent(self) -> str:
        return self.exact.rpartition("= ")[2]

    @property
    def share(self) -> Fraction | None:
        return self.figure.share


def window_of(attainment: Attainment, claim: CreditClaim | None = None) -> Window:
    version = promised(snapshot_of(attainment))
    figure = Figure(version, attainment.label, attainment.window_start, attainment.window_end, attainment)
    return Window(figure, attainment, claim)


def snapshot_of(attainment: Attainment) -> dict[str, Any]:
    """A closed window always has one; the database sees to it."""
    snapshot: dict[str, Any] | None = attainment.snapshot
    if snapshot is None:
        raise ValueError(f"{attainment.label} is not closed")
    return snapshot


def promised(snapshot: dict[str, Any]) -> ServiceLevelVersion:
    """The promise a window was measured by, read back from its snapshot; it is never saved."""
    values, calendar = snapshot["version"], snapshot["calendar"]
    version = ServiceLevelVersion(
        **{name: values[name] for name in (*_AS_STORED, *_TEXT)},
        effective_from=date.fromisoformat(values["effective_from"]),
        expected_percent=_decimal(values["expected_percent"]),
        max_error_percent=_decimal(values["max_error_percent"]),
        credit_percent=Decimal(values["credit_percent"]),
        # Windows that were closed before these terms existed say nothing of them.
        minimum_percent=_decimal(values.get("minimum_percent")),
        earn_back_percent=_decimal(values.get("earn_back_percent")),
        pool_percent=_decimal(values.get("pool_percent")),
        allocation_percent=_decimal(values.get("allocation_percent")),
        **{name: values[name] for name in (*_SINCE_THEN, *_WHAT_DECIDES, *_VOLUME) if name in values},
        min_volume=_decimal(values.get("min_volume")),
        test_confidence_percent=_decimal(values.get("test_confidence_percent")),
    )
    version.level = ServiceLevel(name=snapshot["level"]["name"], kind=snapshot["level"]["kind"])
    if calendar is not None:
        version.calendar_version = CalendarVersion(calendar=Calendar(name=calendar["name"]), time_zone=calendar["time_zone"])
    return version


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
