"""What assembling a period comes to: lines, each with the rows it bills."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from billing.models import BillingPeriod, ChargeTerm
from billing.rating import RatedLine
from sla.models import CreditClaim


@dataclass(frozen=True)
class Source:
    """A row that a line bills. A key `return:<charge id>` takes an earlier charge back, which is released at issue."""

    key: str
    reference: str
    quantity: Decimal
    item_id: int | None = None
    matter_id: int | None = None
    usage_id: int | None = None
    claim_id: int | None = None
    sheet_day_id: int | None = None
    time_entry_id: int | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Codes:
    """What a line is called by the uniform task-based management system; empty where it has no such name."""

    task: str = ""
    activity: str = ""
    expense: str = ""


@dataclass(frozen=True)
class Assembled:
    """One line of the draft with where it comes from. `group` is the pricing model or `credit`."""

    rated: RatedLine
    group: str
    period: BillingPeriod
    term: ChargeTerm | None = None
    claim: CreditClaim | None = None
    matter_id: int | None = None
    sources: tuple[Source, ...] = field(default=())
    codes: Codes = Codes()
