"""What a default is worth: a percentage of the credit base, and what it was reckoned from. Billing makes money of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from engagements.queries import contract_on
from sla.augmentation import credit_applies
from sla.models import ServiceLevelVersion
from sla.verdict import Default
from sla.wording import number


def share_of(version: ServiceLevelVersion, window: datetime) -> tuple[Decimal, dict[str, Any]]:
    """What a default in the window that begins then is worth in percent of the credit base, and its factors as text."""
    if version.pool_percent is None or version.allocation_percent is None:
        return version.credit_percent, {"credit_percent": number(version.credit_percent)}
    day = window.astimezone(ZoneInfo(version.time_zone)).date()
    contract = contract_on(version.level.workstream.matter.engagement_id, day)
    at_risk = contract.at_risk_percent if contract is not None else Decimal(0)
    shares = {"pool_percent": version.pool_percent, "allocation_percent": version.allocation_percent, "at_risk_percent": at_risk}
    percent = version.pool_percent * version.allocation_percent * at_risk / 10_000
    return percent, {name: number(value) for name, value in shares.items()}


def earned(version: ServiceLevelVersion, window: datetime, ruling: Default) -> Decimal:
    """The percentage a ruling earns the client in a window; 0 where it earns none."""
    if not ruling.due:
        return Decimal(0)
    percent, _ = share_of(version, window)
    return percent if percent and credit_applies(version, window) else Decimal(0)
