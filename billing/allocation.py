"""Which money settles what: grants drawn down, payments allocated, open balances aged. Nothing is ever allocated beyond what there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from lpo.core.money import add, require_decimal


@dataclass(frozen=True)
class Grant:
    """Money a client holds with the provider (retainer, prepaid credit). `expires` is the last day it may be used."""

    reference: str
    remaining: Decimal
    priority: int = 1
    expires: date | None = None


@dataclass(frozen=True)
class Open:
    """What is still open on one invoice."""

    reference: str
    due: date
    balance: Decimal


@dataclass(frozen=True)
class Allocation:
    """An amount of one source put against one target."""

    source: str
    target: str
    amount: Decimal


@dataclass(frozen=True)
class Ageing:
    """Open balances by days past due at an as-of date; the buckets partition the total."""

    current: Decimal
    days_1_30: Decimal
    days_31_60: Decimal
    days_61_90: Decimal
    days_over_90: Decimal

    @property
    def total(self) -> Decimal:
        return add(self.current, self.days_1_30, self.days_31_60, self.days_61_90, self.days_over_90)


BUCKETS = ("current", "days_1_30", "days_31_60", "days_61_90", "days_over_90")


def draw_down(grants: Iterable[Grant], *, invoice: str, amount: Decimal, on: date) -> tuple[Allocation, ...]:
    """Use grants for `amount`: lower priority number first, then the earliest to expire, then by reference; expired ones are left."""
    usable = [grant for grant in grants if grant.expires is None or grant.expires >= on]
    ordered = sorted(usable, key=lambda grant: (grant.priority, grant.expires or date.max, grant.reference))
    return _pour([(grant.reference, grant.remaining) for grant in ordered], [(invoice, amount)])


def allocate_payment(payment: str, amount: Decimal, invoices: Iterable[Open]) -> tuple[Allocation, ...]:
    """Put a payment against open invoices, the earliest due first, then by reference; what is left over stays unallocated."""
    ordered = sorted((invoice for invoice in invoices if invoice.balance > 0), key=lambda invoice: (invoice.due, invoice.reference))
    return _pour([(payment, amount)], [(invoice.reference, invoice.balance) for invoice in ordered])


def bucket(due: date, as_of: date) -> str:
    """The ageing bucket of one balance: due on the as-of date or later is current."""
    days = (as_of - due).days
    if days <= 0:
        return "current"
    return BUCKETS[min((days - 1) // 30 + 1, 4)]


def ageing(invoices: Iterable[Open], as_of: date) -> Ageing:
    """Open balances in their buckets; every balance is in exactly one."""
    sums = dict.fromkeys(BUCKETS, Decimal(0))
    for invoice in invoices:
        require_decimal(invoice.balance)
        sums[bucket(invoice.due, as_of)] = add(sums[bucket(invoice.due, as_of)], invoice.balance)
    return Ageing(**sums)


def _pour(sources: Sequence[tuple[str, Decimal]], targets: Sequence[tuple[str, Decimal]]) -> tuple[Allocation, ...]:
    """Fill the targets from the sources, both in the given order."""
    require_decimal(*(amount for _, amount in sources), *(amount for _, amount in targets))
    if any(amount < 0 for _, amount in (*sources, *targets)):
        raise ValueError("only amounts of zero and above are allocated")
    poured: list[Allocation] = []
    needs = dict(targets)
    for source, available in sources:
        for target, needed in needs.items():
            amount = min(available, needed)
            if amount > 0:
                poured.append(Allocation(source, target, amount))
                available -= amount
                needs[target] = needed - amount
    return tuple(poured)
