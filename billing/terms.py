"""What a contract charges for, as values: a charge term, its pricing shape, and the days a period has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from billing.units import counted_in, several
from lpo.core.money import exponent, is_money, require_decimal

ZERO, ONE = Decimal(0), Decimal(1)


class Model(StrEnum):
    """What is counted."""

    FIXED = "fixed"
    UNIT = "unit"
    PER_USER = "per_user"
    HOURLY = "hourly"
    OUTCOME = "outcome"
    DATA_VOLUME = "data_volume"
    EXPENSE = "expense"
    STAFF = "staff"


class Shape(StrEnum):
    """How a quantity becomes a price. Tiers are (lower, upper]: the upper bound still belongs to the tier.

    Standard: one price. Graduated: each tier's units at that tier's price. Volume: all units at the price of the tier reached.
    Package: begun packages counted whole.
    """

    STANDARD = "standard"
    GRADUATED = "graduated"
    VOLUME = "volume"
    PACKAGE = "package"


class Increment(StrEnum):
    """Where minutes are rounded up to the increment: each entry, the period's total, or nowhere."""

    PER_ENTRY = "per_entry"
    ON_TOTAL = "on_total"
    EXACT = "exact"


@dataclass(frozen=True)
class Days:
    """Local calendar days, half-open: `end` is the first day no longer inside."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"days end before they start: {self.start} to {self.end}")

    def __len__(self) -> int:
        return (self.end - self.start).days

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    def common(self, other: Days) -> Days:
        """The days in both; empty where they do not meet."""
        start = max(self.start, other.start)
        return Days(start, max(start, min(self.end, other.end)))


@dataclass(frozen=True)
class Tier:
    """A price up to and including `up_to` priced units; None is without end."""

    up_to: Decimal | None
    unit_price: Decimal


@dataclass(frozen=True)
class Term:
    """One version of one charge term. Prices are per priced unit and never rounded.

    `source_units` converts: how many counted units make one priced unit (1024**3 bytes a GiB; hours set 60 minutes by themselves).
    `free_units`, tier bounds and `package_size` are in priced units. `minimum` and `cap` hold for a whole period and follow `prorated`.
    """

    reference: str
    description: str
    model: Model
    currency: str
    unit: str = ""
    unit_plural: str = ""  # empty: by the rule of `billing.units`
    shape: Shape = Shape.STANDARD
    unit_price: Decimal = ZERO
    tiers: tuple[Tier, ...] = ()
    package_size: Decimal = ONE
    source_units: Decimal = ONE
    free_units: Decimal = ZERO
    discount_percent: Decimal = ZERO
    discount_amount: Decimal = ZERO
    cap: Decimal | None = None
    minimum: Decimal | None = None
    prorated: bool = True
    increment: Increment = Increment.EXACT
    increment_minutes: Decimal = Decimal(6)

    def __post_init__(self) -> None:
        exponent(self.currency)
        limits = [limit for limit in (self.cap, self.minimum) if limit is not None]
        require_decimal(self.unit_price, self.free_units, self.discount_percent, self.discount_amount, *limits)
        require_decimal(self.package_size, self.source_units, self.increment_minutes, *(tier.unit_price for tier in self.tiers))
        if min(self.package_size, self.source_units, self.increment_minutes) <= 0:
            raise ValueError("package size, source units and increment are above zero")
        if min(self.free_units, self.discount_amount, *limits, self.discount_percent) < 0 or self.discount_percent > 100:
            raise ValueError("free units, discount, cap and minimum are never negative, and a discount never exceeds 100 percent")
        if self.discount_percent and self.discount_amount:
            raise ValueError("a discount is a percentage or an amount, not both")
        if any(not is_money(amount, self.currency) for amount in (self.discount_amount, *limits)):
            raise ValueError(f"discount, cap and minimum are amounts of {self.currency}")
        if self.cap is not None and self.minimum is not None and self.minimum > self.cap:
            raise ValueError("the minimum exceeds the cap")
        self._check_tiers()

    def _check_tiers(self) -> None:
        tiered = self.shape in (Shape.GRADUATED, Shape.VOLUME)
        if tiered != bool(self.tiers):
            raise ValueError("graduated and volume prices have tiers; standard and package prices have none")
        if self.model is Model.FIXED and self.shape is not Shape.STANDARD:
            raise ValueError("a fixed fee has the standard shape")
        lower = ZERO
        for position, tier in enumerate(self.tiers):
            if tier.up_to is None and position < len(self.tiers) - 1:
                raise ValueError("only the last tier is without end")
            if tier.up_to is not None:
                if tier.up_to <= lower:
                    raise ValueError("tiers rise")
                lower = tier.up_to

    @property
    def units(self) -> str:
        """What several are called."""
        return several(self.unit, self.unit_plural)

    def counted(self, quantity: Decimal) -> str:
        """`1 letter`, `1,204 letters`."""
        return f"{quantity:,f} {counted_in(quantity, self.unit, self.unit_plural)}".rstrip()

    @property
    def scale(self) -> Decimal:
        """Counted units in one priced unit, days of a seat aside."""
        return Decimal(60) if self.model is Model.HOURLY else self.source_units


@dataclass(frozen=True, slots=True)
class Usage:
    """One counted row: a delivered item, a time entry (minutes), a user's seat, a day's volume.

    `on` is the local day it counts in. A seat is held from `on` up to `until` (the first day no longer held; None: to the end).
    """

    reference: str
    quantity: Decimal
    on: date
    until: date | None = None
    label: str = ""

    def __post_init__(self) -> None:
        require_decimal(self.quantity)
        if self.quantity < 0:
            raise ValueError(f"a counted row is never negative; leave {self.reference} out and bill the difference")
