"""Fees against the baseline amount of a contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from billing.models import Invoice, InvoiceState
from engagements.budget import periods_back
from engagements.contracts import governing
from engagements.models import Contract, Engagement
from engagements.queries import contracts_of
from lpo.core.localtime import to_epoch

SHOWN = 3


@dataclass(frozen=True)
class Spent:
    """One period of the baseline: what was issued for it and what is in preparation, before tax."""

    label: str
    contract: Contract
    issued: Decimal
    prepared: Decimal
    running: bool

    @property
    def share(self) -> Fraction | None:
        baseline = self.contract.baseline_amount
        return Fraction(self.issued + self.prepared) / Fraction(baseline) if baseline else None

    @property
    def kind(self) -> str:
        return "risk" if self.share is not None and self.share > 1 else "progressing"


def spent(engagement: Engagement, now: datetime, versions: Sequence[Contract] | None = None) -> list[Spent]:
    """The last periods with a baseline amount, the running one first. An invoice counts where the time it bills begins.

    `versions`: those of the contract in order of their numbers, where they were read already.
    """
    versions = contracts_of(engagement.id) if versions is None else versions
    present = governing(versions, now.date())
    if present is None or present.baseline_amount is None:
        return []
    periods = periods_back(present, now, SHOWN)
    live = Invoice.objects.filter(engagement=engagement, currency=present.currency, period__starts_on__gte=periods[-1].first_day)
    rows = list(live.exclude(state=InvoiceState.DISCARDED).values_list("period__starts_on", "state", "net").order_by("id"))
    found = []
    for period in periods:
        contract = governing(versions, period.first_day) or present
        if period.next_day <= engagement.starts_on or contract.baseline_amount is None or contract.currency != present.currency:
            continue
        mine = [(state, net) for day, state, net in rows if period.first_day <= day < period.next_day]
        issued = sum((net for state, net in mine if state == InvoiceState.ISSUED), Decimal(0))
        running = period.start <= to_epoch(now) < period.end
        found.append(Spent(period.label, contract, issued, sum((net for _, net in mine), Decimal(0)) - issued, running))
    return found
