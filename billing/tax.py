"""Tax: once per (category, rate) on the sum of the lines, never line by line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from lpo.core.money import EXACT, add, is_money, largest_remainder, require_decimal, round_money


@dataclass(frozen=True, order=True)
class TaxKey:
    """A tax category (S standard, Z zero, E exempt, AE reverse charge, O out of scope …) at a rate in percent."""

    category: str
    rate: Decimal

    def __post_init__(self) -> None:
        require_decimal(self.rate)
        if self.rate < 0:
            raise ValueError(f"a tax rate is never negative: {self.rate}")


@dataclass(frozen=True)
class Taxed:
    """A line's net amount and what it is taxed as."""

    net: Decimal
    key: TaxKey


@dataclass(frozen=True)
class TaxRow:
    """The tax of one (category, rate): its base is the sum of the lines, its tax is rounded half up once."""

    key: TaxKey
    base: Decimal
    tax: Decimal


@dataclass(frozen=True)
class Totals:
    """What a document comes to: net = Σ lines, gross = net + tax."""

    net: Decimal
    rows: tuple[TaxRow, ...]
    tax: Decimal
    gross: Decimal


def tax_on(base: Decimal, rate: Decimal, currency: str) -> Decimal:
    """Tax at `rate` percent, half up to the currency's exponent."""
    with localcontext(EXACT):
        return round_money(base * rate / 100, currency)


def bases(lines: Iterable[Taxed], currency: str) -> dict[TaxKey, Decimal]:
    """The sum of the lines per (category, rate). Raises `ValueError` for a line finer than the currency."""
    sums: dict[TaxKey, Decimal] = {}
    for line in lines:
        require_decimal(line.net)
        if not is_money(line.net, currency):
            raise ValueError(f"a line is rounded before it is taxed; {line.net} is finer than {currency}")
        sums[line.key] = add(sums.get(line.key, Decimal(0)), line.net)
    return sums


def totals(lines: Iterable[Taxed], currency: str) -> Totals:
    """Net, tax and gross of an invoice; rows come in order of category, then rate."""
    return _totals({key: (base, tax_on(base, key.rate, currency)) for key, base in bases(lines, currency).items()}, currency)


def credit_note_totals(credited_before: Mapping[TaxKey, Decimal], lines: Iterable[Taxed], currency: str) -> Totals:
    """Totals of one credit note of several against the same invoice, tax by cumulative difference.

    The tax of this note is tax(all credited so far, this note included) − tax(credited before), so notes that together cover the
    invoice sum to its tax exactly, in any order. Signs are as printed: negative amounts on credit notes, in `credited_before` too.
    """
    rows: dict[TaxKey, tuple[Decimal, Decimal]] = {}
    for key, base in bases(lines, currency).items():
        before = credited_before.get(key, Decimal(0))
        rows[key] = (base, add(tax_on(add(before, base), key.rate, currency), -tax_on(before, key.rate, currency)))
    return _totals(rows, currency)


def line_taxes(lines: Sequence[Taxed], currency: str) -> tuple[Decimal, ...]:
    """Tax per line for formats that ask for one (LEDES 98BI): the row's tax shared by largest remainder, ties by position.

    Lines of the opposite sign to their row take their own rounded tax first, since a share cannot be negative; the rest is shared.
    """
    result = [Decimal(0)] * len(lines)
    for row in totals(lines, currency).rows:
        members = [position for position, line in enumerate(lines) if line.key == row.key]
        sign = -1 if row.base < 0 else 1
        against = [position for position in members if lines[position].net * sign < 0]
        sharing = [position for position in members if lines[position].net * sign > 0]
        for position in against:
            result[position] = tax_on(lines[position].net, row.key.rate, currency)
        if sharing:
            rest = add(row.tax, *(-result[position] for position in against))
            shares = largest_remainder(rest, [abs(lines[position].net) for position in sharing], currency)
            for position, share in zip(sharing, shares, strict=True):
                result[position] = share
    return tuple(result)


def _totals(rows: Mapping[TaxKey, tuple[Decimal, Decimal]], currency: str) -> Totals:
    ordered = tuple(TaxRow(key, round_money(base, currency), round_money(tax, currency)) for key, (base, tax) in sorted(rows.items()))
    net = round_money(add(*(row.base for row in ordered)), currency)
    tax = round_money(add(*(row.tax for row in ordered)), currency)
    return Totals(net=net, rows=ordered, tax=tax, gross=add(net, tax))
