"""Rating: one charge term over one period, from counted rows to lines. Pure; order and batching of the rows change nothing.

Steps, in this order: unit conversion → free units → price → discount → cap → minimum (→ credits, see `billing.credits`).
Each line is rounded half up to the currency's exponent, once; unit prices never are. Division comes last, so a tie is seen as a tie.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal, localcontext
from enum import StrEnum

from billing.explanation import Explanation, Leaf, LeafKind, leaf_amount, tidy
from billing.terms import ZERO, Days, Increment, Model, Shape, Term, Usage
from lpo.core.money import EXACT, add, largest_remainder, round_money, round_up_to

_SHOWN_DIGITS = Decimal("1E-6")


class Unpriced(ValueError):
    """A quantity lies beyond the last tier: no price was agreed for it, and zero is not a price."""


class LineKind(StrEnum):
    CHARGE = "charge"
    DISCOUNT = "discount"
    CAP = "cap"
    MINIMUM = "minimum"
    CREDIT = "credit"
    CORRECTION = "correction"


@dataclass(frozen=True)
class RatedLine:
    """One invoice line. `key` is stable for the term and period, so that a later rating can be compared with what was billed.

    `quantity` is shown with at most six decimals; `amount` comes from the exact one. Raises `ValueError` unless the leaves of
    `explanation` sum to `amount` exactly.
    """

    key: str
    kind: LineKind
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    explanation: Explanation
    detail: str = ""
    unit_plural: str = ""  # what several units are called where the term says so

    def __post_init__(self) -> None:
        if self.explanation.total() != self.amount:
            raise ValueError(f"{self.key}: leaves sum to {self.explanation.total()}, the line is {self.amount}")


@dataclass(frozen=True, slots=True)
class _Row:
    """A counted row in raw units (seat-days, minutes, bytes): whatever stands before the one division by `scale`."""

    reference: str
    label: str
    raw: Decimal
    kind: LeafKind = LeafKind.ROW


@dataclass(frozen=True)
class _Segment:
    """A stretch (low, high] of the raw quantity after free units, at one price."""

    key: str
    detail: str
    low: Decimal
    high: Decimal
    price: Decimal


def rate(term: Term, usage: Iterable[Usage], period: Days, *, active: Days | None = None, closing: bool = True) -> tuple[RatedLine, ...]:
    """The lines of `term` over the whole `period` (local days), for all usage known now.

    `active` is when the term was in force; fixed fees, seats, minimum and cap follow it by calendar days, actual/actual.
    `closing=False` is for an invoice within the period: the minimum waits for the last one. To bill what is still open,
    pass the result to `billing.late.difference` with what was billed.
    Raises `Unpriced` beyond the last tier, `ValueError` for rows of another period.
    """
    held = period.common(active) if active is not None else period
    if not len(period):
        raise ValueError("a period has at least one day")
    with localcontext(EXACT):
        if term.model is Model.FIXED:
            lines = _fixed(term, list(usage), period, held)
        else:
            rows, scale = _rows(term, usage, period, held)
            lines = _package(term, rows, scale) if term.shape is Shape.PACKAGE else _priced(term, rows, scale)
        lines += _limits(term, lines, period, held, closing=closing)
    return tuple(lines)


def limited(term: Term, lines: Sequence[RatedLine], period: Days, active: Days) -> tuple[RatedLine, ...]:
    """`lines` with what the term's discount, cap and minimum make of them: for charges rated elsewhere, as those of placed people are."""
    with localcontext(EXACT):
        return (*lines, *_limits(term, list(lines), period, period.common(active), closing=True))


def _limits(term: Term, charged: list[RatedLine], period: Days, held: Days, *, closing: bool) -> list[RatedLine]:
    lines = list(charged)
    lines += _discount(term, lines)
    lines += _cap(term, lines, period, held)
    if closing:
        lines += _minimum(term, lines, period, held)
    return lines[len(charged) :]


def total(lines: Iterable[RatedLine]) -> Decimal:
    """What the lines come to, before tax."""
    return add(*(line.amount for line in lines))


# --- unit conversion -------------------------------------------------------------------------------------------------


def _rows(term: Term, usage: Iterable[Usage], period: Days, held: Days) -> tuple[list[_Row], Decimal]:
    """Rows in canonical order (day, then reference), whatever order they came in, and the raw units in one priced unit."""
    ordered = sorted(usage, key=lambda row: (row.on, row.reference, row.quantity, row.until or period.end))
    if term.model is Model.PER_USER:
        return list(_seats(term, ordered, period, held)), Decimal(len(period)) * term.scale
    for row in ordered:
        if row.on not in period:
            raise ValueError(f"{row.reference} of {row.on} belongs to another period")
    rows = [_Row(row.reference, row.label or row.reference, row.quantity) for row in ordered]
    if term.model is Model.HOURLY:
        rows = _incremented(term, rows)
    return rows, term.scale


def _seats(term: Term, usage: Sequence[Usage], period: Days, held: Days) -> Iterator[_Row]:
    """Seat-days. Where seats are not prorated, a user with any day in the period counts one whole period, once."""
    whole: set[str] = set()
    for row in usage:
        days = len(held.common(Days(row.on, max(row.on, row.until or period.end))))
        label = row.label or row.reference
        if term.prorated:
            suffix = "" if days == len(period) else f", {days} of {len(period)} days"
            yield _Row(row.reference, label + suffix, row.quantity * days)
        elif days and row.reference not in whole:
            whole.add(row.reference)
            yield _Row(row.reference, label, row.quantity * len(period))


def _incremented(term: Term, rows: Sequence[_Row]) -> list[_Row]:
    """Minutes, a begun increment counted whole: per entry, or once on the total as a row of its own."""
    step = term.increment_minutes
    if term.increment is Increment.PER_ENTRY:
        return [replace(row, raw=round_up_to(row.raw, step), label=_counted(row, round_up_to(row.raw, step))) for row in rows]
    if term.increment is Increment.ON_TOTAL:
        minutes = add(*(row.raw for row in rows))
        extra = round_up_to(minutes, step) - minutes
        if extra:
            return [*rows, _Row("", f"{minutes:f} minutes rounded up to units of {step:f}", extra, LeafKind.INCREMENT)]
    return list(rows)


def _counted(row: _Row, minutes: Decimal) -> str:
    return row.label if minutes == row.raw else f"{row.label}, {row.raw:f} minutes counted as {minutes:f}"


# --- free units and price ---------------------------------------------------------------------------------------------


def _fixed(term: Term, usage: Sequence[Usage], period: Days, held: Days) -> list[RatedLine]:
    if usage:
        raise ValueError("a fixed fee counts no rows")
    days = len(held) if term.prorated or not len(held) else len(period)
    exact = term.unit_price * days / len(period)
    amount = round_money(term.unit_price * days / len(period), term.currency)
    leaves = [Leaf(LeafKind.FEE, "Fee for the whole period", term.unit_price, term.reference)]
    detail = "" if days == len(period) else f"{days} of {len(period)} days"
    if detail:
        label = f"{len(period) - days} of {len(period)} days not in force"
        leaves.append(Leaf(LeafKind.PRORATION, label, leaf_amount(exact - term.unit_price)))
    quantity = _shown(Decimal(days), Decimal(len(period)))
    return [_line(term, "fee", quantity, term.unit or "period", term.unit_price, amount, leaves, detail)]


def _priced(term: Term, rows: Sequence[_Row], scale: Decimal) -> list[RatedLine]:
    """Standard, graduated and volume: one line per segment, each with the pieces of the rows that fall in it."""
    used = add(*(row.raw for row in rows))
    if not used:
        return []
    free = min(used, term.free_units * scale)
    lines = []
    for position, segment in enumerate(_segments(term, used - free, scale)):
        # The free stretch lies before the first segment: its rows are shown at that price and taken off again.
        start = free + segment.low if position else ZERO
        leaves = list(_pieces(rows, start, free + segment.high, segment.price, scale))
        if free and not position:
            leaves.append(_free_leaf(term, free, segment.price, scale))
        raw = segment.high - segment.low
        amount = round_money(raw * segment.price / scale, term.currency)
        quantity = _shown(raw, scale)
        lines.append(_line(term, segment.key, quantity, term.unit, segment.price, amount, leaves, segment.detail))
    return lines


def _segments(term: Term, billable: Decimal, scale: Decimal) -> list[_Segment]:
    if term.shape is Shape.STANDARD:
        return [_Segment("usage", "", ZERO, billable, term.unit_price)]
    segments, lower = [], ZERO
    for number, tier in enumerate(term.tiers, start=1):
        upper = billable if tier.up_to is None else min(billable, tier.up_to * scale)
        inside = billable <= (billable if tier.up_to is None else tier.up_to * scale)
        if term.shape is Shape.VOLUME and inside:
            return [_Segment("usage", _tier_text(term, number), ZERO, billable, tier.unit_price)]
        if term.shape is Shape.GRADUATED and (upper > lower or number == 1):
            segments.append(_Segment(f"tier-{number}", _tier_text(term, number), lower, upper, tier.unit_price))
        if inside:
            return segments
        lower = upper
    raise Unpriced(f"{term.reference}: {term.counted(_shown(billable, scale))}, beyond the last tier")


def _tier_text(term: Term, number: int) -> str:
    lower = term.tiers[number - 2].up_to if number > 1 else None
    upper = term.tiers[number - 1].up_to
    if lower is None:
        return "any quantity" if upper is None else f"up to {tidy(upper):,f}"
    return f"above {tidy(lower):,f}" if upper is None else f"above {tidy(lower):,f} up to {tidy(upper):,f}"


def _package(term: Term, rows: Sequence[_Row], scale: Decimal) -> list[RatedLine]:
    used = add(*(row.raw for row in rows))
    if not used:
        return []
    free, size = min(used, term.free_units * scale), term.package_size * scale
    # A remainder, not a quotient, decides whether a further package is begun.
    whole, rest = divmod(used - free, size)
    packages = whole + (1 if rest else 0)
    exact = packages * term.unit_price
    leaves = list(_pieces(rows, ZERO, used, term.unit_price, size))
    if free:
        leaves.append(_free_leaf(term, free, term.unit_price, size))
    begun = exact - add(*(leaf.amount for leaf in leaves))
    if begun:
        leaves.append(Leaf(LeafKind.PACKAGE, f"Counted in whole packages: {packages:f}", tidy(begun)))
    unit = f"package of {term.counted(tidy(term.package_size))}"
    detail = term.counted(_shown(used - free, scale))
    amount = round_money(exact, term.currency)
    return [_line(term, "usage", tidy(packages), unit, term.unit_price, amount, leaves, detail)]


def _pieces(rows: Sequence[_Row], start: Decimal, end: Decimal, price: Decimal, scale: Decimal) -> Iterator[Leaf]:
    """A leaf per row with a share in the raw stretch (start, end]."""
    position = ZERO
    # Half a million rows mostly repeat a few quantities; the arithmetic of each is done once.
    known: dict[Decimal, tuple[Decimal, Decimal]] = {}
    for row in rows:
        low, position = position, position + row.raw
        piece = min(position, end) - max(low, start)
        if piece > 0:
            if piece not in known:
                known[piece] = leaf_amount(piece * price / scale), _shown(piece, scale)
            amount, quantity = known[piece]
            yield Leaf(row.kind, row.label, amount, row.reference, quantity, price)


def _free_leaf(term: Term, free: Decimal, price: Decimal, scale: Decimal) -> Leaf:
    label = f"Free units: {term.counted(tidy(term.free_units))} a period"
    return Leaf(LeafKind.FREE_UNITS, label, leaf_amount(-free * price / scale), term.reference, -_shown(free, scale), price)


# --- discount, cap, minimum ----------------------------------------------------------------------------------------------


def _discount(term: Term, lines: Sequence[RatedLine]) -> list[RatedLine]:
    """One negative line, shared over the term's lines by largest remainder; an amount never exceeds what it is taken off."""
    whole = total(lines)
    reduction = min(term.discount_amount, whole) or round_money(whole * term.discount_percent / 100, term.currency)
    if reduction <= 0:
        return []
    shares = largest_remainder(-reduction, [line.amount for line in lines], term.currency)
    leaves = [Leaf(LeafKind.DISCOUNT, _name(line), share, line.key) for line, share in zip(lines, shares, strict=True)]
    detail = f"{tidy(term.discount_percent):f} % of {whole:,f}" if term.discount_percent else ""
    return [_adjustment(term, "discount", LineKind.DISCOUNT, "discount", -reduction, leaves, detail)]


def _cap(term: Term, lines: Sequence[RatedLine], period: Days, held: Days) -> list[RatedLine]:
    if term.cap is None:
        return []
    cap, detail = _limit(term, term.cap, period, held)
    whole = total(lines)
    if whole <= cap:
        return []
    leaves = [Leaf(LeafKind.CAP, f"Cap {detail}", cap, term.reference), Leaf(LeafKind.SUBTOTAL, "less charges before the cap", -whole)]
    return [_adjustment(term, "cap", LineKind.CAP, "above the cap", cap - whole, leaves, f"cap {detail}")]


def _minimum(term: Term, lines: Sequence[RatedLine], period: Days, held: Days) -> list[RatedLine]:
    if term.minimum is None:
        return []
    minimum, detail = _limit(term, term.minimum, period, held)
    whole = total(lines)
    if whole >= minimum:
        return []
    leaves = [
        Leaf(LeafKind.MINIMUM, f"Minimum {detail}", minimum, term.reference),
        Leaf(LeafKind.SUBTOTAL, "less charges before the minimum", -whole),
    ]
    return [_adjustment(term, "minimum", LineKind.MINIMUM, "up to the minimum", minimum - whole, leaves, f"minimum {detail}")]


def _limit(term: Term, limit: Decimal, period: Days, held: Days) -> tuple[Decimal, str]:
    """A minimum or cap for the days in force, and its wording."""
    if not term.prorated or len(held) == len(period):
        return limit, f"{limit:,f}"
    share = prorate(limit, len(held), len(period), term.currency)
    return share, f"{limit:,f} × {len(held)} of {len(period)} days = {share:,f}"


# --- proration -------------------------------------------------------------------------------------------------------


def prorate(amount: Decimal, days: int, of_days: int, currency: str) -> Decimal:
    """`amount` for `days` of a period of `of_days` calendar days (actual/actual), half up."""
    if not 0 <= days <= of_days or not of_days:
        raise ValueError(f"{days} of {of_days} days is no share of a period")
    with localcontext(EXACT):
        return round_money(amount * days / of_days, currency)


def prorate_segments(segments: Sequence[tuple[Decimal, int]], of_days: int, currency: str) -> tuple[Decimal, ...]:
    """Shares of (price of a whole period, days) segments that follow one another, as when a plan changes within the period.

    Their exact sum is rounded half up once and shared by largest remainder, so three thirds of 1,000.00 make 1,000.00.
    """
    if sum(days for _, days in segments) > of_days:
        raise ValueError("the segments are longer than the period")
    with localcontext(EXACT):
        weights = [price * days for price, days in segments]
        whole = round_money(sum(weights, ZERO) / of_days, currency)
    return largest_remainder(whole, weights, currency) if any(weights) else tuple(ZERO for _ in segments)


# --- lines ---------------------------------------------------------------------------------------------------------------


def rounding_adjustment(quantity: Decimal, unit_price: Decimal, amount: Decimal) -> Decimal:
    """What quantity × unit price lacks to the line's amount, exactly; LEDES asks for it line by line."""
    with localcontext(EXACT):
        return tidy(amount - quantity * unit_price)


def _line(
    term: Term, key: str, quantity: Decimal, unit: str, price: Decimal, amount: Decimal, leaves: Sequence[Leaf], detail: str
) -> RatedLine:
    """A charge line; what the leaves lack to the rounded amount is the rounding leaf."""
    rounding = amount - add(*(leaf.amount for leaf in leaves))
    closing = [Leaf(LeafKind.ROUNDING, f"Rounded half up to {term.currency}", tidy(rounding))] if rounding else []
    explanation = Explanation(term.description, (*leaves, *closing))
    # A package is called by another name than its units; what several packages are called, the rule says.
    plural = term.unit_plural if unit == term.unit else ""
    return RatedLine(key, LineKind.CHARGE, term.description, quantity, unit, price, amount, explanation, detail, plural)


def _adjustment(term: Term, key: str, kind: LineKind, words: str, amount: Decimal, leaves: Sequence[Leaf], detail: str) -> RatedLine:
    description, amount = f"{term.description}, {words}", round_money(amount, term.currency)
    return RatedLine(key, kind, description, Decimal(1), "", amount, amount, Explanation(description, tuple(leaves)), detail)


def _name(line: RatedLine) -> str:
    return f"{line.description}, {line.detail}" if line.detail else line.description


def _shown(raw: Decimal, scale: Decimal) -> Decimal:
    """A quantity in priced units for people: six decimals, half up, without idle zeros."""
    return tidy(EXACT.divide(raw, scale).quantize(_SHOWN_DIGITS, ROUND_HALF_UP, context=EXACT))
