"""Assembling one period's lines from the measured work: current charges, differences for earlier periods, credits.

Reads only; `billing.actions.drafts` stores the result. Always run across walls: totals never vary by who asks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing import credits, metering, queries, staffing, timekeeping
from billing.assembled import Assembled, Codes, Source
from billing.bases import baseline_of, cap_periods
from billing.late import difference
from billing.models import BillingPeriod, Charge, ChargeTerm, UsageRecord
from billing.periods import days_of
from billing.queries import BillableItem, TermSpan
from billing.rating import RatedLine, rate
from billing.terms import Days, Usage
from engagements.models import Contract, Engagement
from engagements.models.clients import CreditBase
from engagements.queries import contract_on
from lpo.core.money import add, round_money
from sla.earnback import given_back_by
from sla.models import CreditClaim

_ORDER = ("fixed", "unit", "per_user", "data_volume", "staff", "hourly", "outcome", "expense")
# Their rows are priced person by person, each under the one version that fits it best.
_BY_PERSON = {"staff", "hourly"}


def assemble(engagement: Engagement, period: BillingPeriod, contract: Contract) -> list[Assembled]:
    """Every line of the period's invoice, as it is printed: by pricing model, in it charges term by term, then corrections; credits last.

    Raises `billing.rating.Unpriced` for work beyond the last tier, `ValueError` for a term that cannot be rated.
    """
    lines: list[Assembled] = []
    spans = queries.spans(engagement, days_of(period))
    for span in spans:
        if span.term.model not in _BY_PERSON:
            lines += _current(span, period, contract.currency)
    lines += _people(spans, period, contract.currency)
    for earlier in queries.issued_periods(engagement, period.index):
        lines += _corrections(engagement, earlier, contract.currency)
    return sorted(lines, key=lambda line: _ORDER.index(line.group)) + _credits(engagement, period, contract, lines)


def _people(spans: Sequence[TermSpan], period: BillingPeriod, currency: str) -> list[Assembled]:
    """Placed people and approved time, each day and entry under the one version that prices it."""
    return _staff(spans, period, currency) + _time(spans, period, currency)


def _time(spans: Sequence[TermSpan], period: BillingPeriod, currency: str) -> list[Assembled]:
    own = [span for span in spans if span.term.model == "hourly"]
    entries = timekeeping.entries_in(period.engagement_id, days_of(period)) if own else []
    lines: list[Assembled] = []
    for span in own:
        found = timekeeping.charged(span, own, entries, period, currency)
        lines += timekeeping.assembled(found.lines, span, period, found.sources)
    return lines


def _staff(spans: Sequence[TermSpan], period: BillingPeriod, currency: str) -> list[Assembled]:
    own = [span for span in spans if span.term.model == "staff"]
    everybody = staffing.placed_in(period.engagement_id, days_of(period)) if own else []
    lines: list[Assembled] = []
    for span in own:
        found = staffing.charged(span, own, everybody, period, currency)
        lines += staffing.assembled(found.lines, span, period, found)
    return lines


# --- the period itself --------------------------------------------------------------------------------------------------


def _current(span: TermSpan, period: BillingPeriod, currency: str) -> list[Assembled]:
    rated, sources = _rated(span, period, currency)
    matter_id = span.version.workstream.matter_id if span.version.workstream_id else None
    found = [Assembled(line, span.term.model, period, span.term, None, matter_id, codes=_codes(line)) for line in rated]
    if found:
        found[0] = replace(found[0], sources=tuple(sources))
    return found


def _codes(line: RatedLine) -> Codes:
    """The expense code that a line's key names: `v1:expense-E107`."""
    _, found, code = line.key.partition("expense-")
    return Codes(expense=code) if found else Codes()


def _rated(span: TermSpan, period: BillingPeriod, currency: str) -> tuple[list[RatedLine], list[Source]]:
    """Lines of one version over one whole period, for all that is known now, and the rows they count."""
    days, term = days_of(period), queries.pure_term(span.version, currency)
    active: Days | None = span.active
    sources: list[Source]
    if span.term.model in metering.METERED:
        records = metering.counted(span)
        lines = metering.rate_records(span.version, records, days, span.active, currency)
        return _keyed(lines, span), [_usage_source(record, span, period) for record in records]
    if span.term.model == "fixed":
        if not span.version.recurring:
            if span.version.effective_from not in days:
                return [], []
            active = None
        usage: list[Usage] = []
        sources = [Source(f"period:{period.starts_on}:v{span.version.number}", period.label, Decimal(1))]
    else:
        items = _items(span, period)
        usage = [Usage(item.reference, item.quantity, _day(item, period, _zone(span))) for item in items]
        sources = [_item_source(item) for item in items]
    return _keyed(rate(term, usage, days, active=active), span), sources


def _keyed(lines: Iterable[RatedLine], span: TermSpan) -> list[RatedLine]:
    return [replace(line, key=f"v{span.version.number}:{line.key}") for line in lines]


def _items(span: TermSpan, period: BillingPeriod) -> list[BillableItem]:
    if span.version.workstream_id is None:
        return []
    items = queries.billable_items(span.version, period.starts_at, period.ends_at)
    return [item for item in items if _day(item, period, _zone(span)) in span.active]


def _day(item: BillableItem, period: BillingPeriod, zone: ZoneInfo) -> date:
    """The local day of the legal entity an item counts in; an entity that moved zones still counts it inside the period."""
    return max(period.starts_on, min(item.at.astimezone(zone).date(), period.ends_on))


def _zone(span: TermSpan) -> ZoneInfo:
    return ZoneInfo(span.term.engagement.legal_entity.time_zone)


def _item_source(item: BillableItem) -> Source:
    return Source(f"item:{item.item_id}", item.reference, item.quantity, item.item_id, item.matter_id, at=item.at)


def _usage_source(record: UsageRecord, span: TermSpan, period: BillingPeriod) -> Source:
    """A seat is its user, as it runs on from period to period; anything else also the day it happened."""
    seat = span.term.model == "per_user"
    unit = f" ({record.unit})" if record.unit else ""
    reference = record.subject if seat else f"{record.starts_on.day} {record.starts_on:%b %Y}, {record.subject}"[: 60 - len(unit)] + unit
    return Source(f"usage:{record.id}:{period.starts_on}", reference, record.quantity, usage_id=record.id)


# --- earlier periods ------------------------------------------------------------------------------------------------------


def _corrections(engagement: Engagement, period: BillingPeriod, currency: str) -> list[Assembled]:
    """rate(all known now) − billed, for each term of a period that was already invoiced."""
    by_term: dict[int, list[TermSpan]] = defaultdict(list)
    spans = queries.spans(engagement, days_of(period))
    for span in spans:
        by_term[span.term.id].append(span)
    found = []
    for rows in by_term.values():
        if rows[0].term.model == "staff":
            found += staffing.correction(rows, spans, period, currency)
        elif rows[0].term.model == "hourly":
            found += timekeeping.correction(rows, spans, period, currency)
        else:
            found += _correction(rows, period, currency)
    return found


def _correction(rows: Sequence[TermSpan], period: BillingPeriod, currency: str) -> list[Assembled]:
    term = rows[0].term
    now: list[RatedLine] = []
    sources: list[Source] = []
    for span in rows:
        lines, counted = _rated(span, period, currency)
        now += lines
        sources += counted
    lines = list(difference(now, queries.billed_lines(term, period), period.label))
    if not lines:
        return []
    changes = tuple(_changes(term, period, sources))
    matter_id = rows[0].version.workstream.matter_id if rows[0].version.workstream_id else None
    found = [Assembled(line, term.model, period, term, None, matter_id, codes=_codes(line)) for line in lines]
    found[0] = replace(found[0], sources=changes)
    return found


def _changes(term: ChargeTerm, period: BillingPeriod, now: Iterable[Source]) -> Iterable[Source]:
    """Rows that are new to the period, and charges whose row no longer counts."""
    charged = {c.source_key: c for c in Charge.objects.filter(term=term, line__rated_period=period, voided_at__isnull=True).order_by("id")}
    known = {source.key: source for source in now}
    yield from (source for key, source in known.items() if key not in charged)
    for key, charge in charged.items():
        if key not in known and not key.startswith("return:") and f"return:{charge.id}" not in charged:
            yield Source(
                f"return:{charge.id}",
                charge.reference,
                -charge.quantity,
                charge.item_id,
                charge.matter_id,
                charge.usage_id,
                at=charge.happened_at,
            )


# --- credits ----------------------------------------------------------------------------------------------------------------


def _credits(engagement: Engagement, period: BillingPeriod, contract: Contract, lines: Sequence[Assembled]) -> list[Assembled]:
    """Final claims, as negative lines; the cap holds once for each period, across levels and invoices."""
    by_period: dict[int, list[CreditClaim]] = defaultdict(list)
    periods: dict[int, BillingPeriod] = {}
    withdrawn = queries.withdrawn_claims(engagement)
    for claim in [*queries.open_claims(engagement), *withdrawn]:
        day = queries.measured_on(claim.attainment)
        measured = BillingPeriod.objects.filter(engagement=engagement, starts_on__lte=day, ends_on__gte=day).first()
        if measured is not None and measured.index <= period.index:
            periods[measured.id] = measured
            by_period[measured.id].append(claim)
    found: list[Assembled] = []
    # Credits of this very invoice count against the cap of the time they belong to.
    given: dict[int, Decimal] = {}
    for key in sorted(by_period, key=lambda key: periods[key].index):
        measured = periods[key]
        governs = contract_on(engagement, measured.starts_on) or contract
        base = _base(measured, period, lines, governs)
        if base > 0:
            room = _room(measured, period, lines, governs) - add(*(given.get(one.id, Decimal(0)) for one in cap_periods(measured, governs)))
            back = [claim for claim in by_period[key] if claim in withdrawn]
            if back:
                rows = _restated(engagement, back, measured, base, room + queries.credited(measured), contract.currency)
            else:
                rows = _capped(by_period[key], measured, base, max(Decimal(0), room), contract.currency)
            given[key] = -add(*(row.rated.amount for row in rows))
            found += rows
    return found


def at_stake(engagement: Engagement, period: BillingPeriod, contract: Contract) -> tuple[Decimal, Decimal]:
    """A running period's credit base so far, and what the cap leaves of the share at risk. Raises as `assemble` does."""
    spans = queries.spans(engagement, days_of(period))
    lines = [line for span in spans if span.term.model not in _BY_PERSON for line in _current(span, period, contract.currency)]
    lines += _people(spans, period, contract.currency)
    return round_money(_base(period, period, lines, contract), contract.currency), _room(period, period, lines, contract)


def _base(measured: BillingPeriod, current: BillingPeriod, lines: Sequence[Assembled], contract: Contract) -> Decimal:
    """What a credit of a period is a share of: the fees of the terms marked for it, or the contract's baseline amount."""
    if contract.credit_base == CreditBase.BASELINE:
        return baseline_of(measured, contract)
    if measured.id != current.id:
        return queries.credit_base(measured)
    outside = queries.outside_credit_base()
    return add(*(line.rated.amount for line in lines if line.period.id == current.id and line.term and line.term.id not in outside))


def _room(measured: BillingPeriod, current: BillingPeriod, lines: Sequence[Assembled], contract: Contract) -> Decimal:
    """What is left of the share at risk over the time the contract reckons it, up to the measured period."""
    over = cap_periods(measured, contract)
    base = round_money(add(*(_base(one, current, lines, contract) for one in over)), contract.currency)
    return round_money(base * contract.at_risk_percent / 100, contract.currency) - add(*(queries.credited(one) for one in over))


def _restated(
    engagement: Engagement, back: Sequence[CreditClaim], measured: BillingPeriod, base: Decimal, room: Decimal, currency: str
) -> list[Assembled]:
    """credit(all that stands now) − credited, claim by claim: the cap holds for what stands, so a claim it had cut may grow while
    another is charged back. `room` is what the cap leaves the whole period."""
    base = round_money(base, currency)
    standing = queries.standing_claims(engagement, measured)
    target = credits.credit_lines([_worth(claim, base) for claim in standing], max(Decimal(0), room), currency).lines
    claims = {f"credit-{claim.id}": claim for claim in [*standing, *back]}
    live = Charge.objects.filter(claim_id__in=[claim.id for claim in claims.values()], voided_at__isnull=True)
    charged = {charge.claim_id: charge for charge in live.order_by("id")}
    found = []
    for line in difference(target, queries.credited_lines(measured), measured.label):
        claim = claims[line.key]
        sources: tuple[Source, ...] = ()
        if claim in back:
            charge = charged[claim.id]
            sources = (Source(f"return:{charge.id}", charge.reference, -charge.quantity, claim_id=claim.id, matter_id=claim.matter_id),)
            why = _why_returned(claim)
            line = replace(line, description=f"Credit charged back, {claim.level.name}, {claim.attainment.label}: {why}")
        elif claim.id not in charged:
            sources = (Source(f"claim:{claim.id}", claim.attainment.label, Decimal(1), claim_id=claim.id, matter_id=claim.matter_id),)
        found.append(Assembled(line, "credit", measured, None, claim, claim.matter_id, sources))
    return found


def _why_returned(claim: CreditClaim) -> str:
    if claim.yields_to_id is not None:
        return "one incident, another credit is paid"
    earned = given_back_by(claim)
    return f"earned back by {earned}" if earned else "the window was restated"


def _worth(claim: CreditClaim, base: Decimal) -> credits.CreditClaim:
    """A claim against its base: a plain share, or the contract's pool × allocation × share at risk, shown factor by factor."""
    what = f"Service credit, {claim.level.name}, {claim.attainment.label}"
    if "pool_percent" not in claim.inputs:
        return credits.CreditClaim(str(claim.id), what, base, claim.percent)
    pool, allocation, at_risk = (Decimal(claim.inputs[f"{name}_percent"]) for name in ("pool", "allocation", "at_risk"))
    return credits.CreditClaim(str(claim.id), what, base, at_risk, (pool, allocation))


def _capped(claims: Sequence[CreditClaim], measured: BillingPeriod, base: Decimal, room: Decimal, currency: str) -> list[Assembled]:
    base = round_money(base, currency)  # stored with four decimals; a formula shows the currency's
    worth = [_worth(claim, base) for claim in claims]
    found = []
    for claim, line in zip(claims, credits.credit_lines(worth, room, currency).lines, strict=True):
        share = f"{claim.attainment.numerator} of {claim.attainment.denominator}"
        rated = replace(line, detail=f"{share} · {line.detail}"[:300])
        source = Source(f"claim:{claim.id}", claim.attainment.label, Decimal(1), claim_id=claim.id, matter_id=claim.matter_id)
        found.append(Assembled(rated, "credit", measured, None, claim, claim.matter_id, (source,)))
    return found
