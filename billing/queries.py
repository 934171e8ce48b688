"""What is there to bill, and what was billed: set-based reads of work, seats, terms and issued lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from billing import terms as pure
from billing.late import Billed
from billing.models import BillingPeriod, Charge, ChargeTerm, ChargeTermVersion, Invoice, InvoiceLine, InvoiceState, UsageRecord
from billing.terms import Days
from engagements.models import Contract, Engagement
from lpo.tenancy.context import current_organization_id
from sla.models import Attainment, CreditClaim
from sla.queries import last_day


@dataclass(frozen=True)
class BillableItem:
    """A delivered (or accepted) item: `at` is its first arrival in the billable state, which never moves."""

    item_id: int
    reference: str
    title: str
    quantity: Decimal
    matter_id: int
    at: datetime


# First arrivals come from effective transitions: a reversed row and the row that reverses it do not count. An item counts as
# long as its last arrival in a billable state is later than its last return or cancellation.
_BILLABLE = """
SELECT i.id, i.reference, i.title, i.quantity, i.matter_id, a.first_at
FROM engagements_workitem i
JOIN LATERAL (
    SELECT min(t.at) FILTER (WHERE t.to_state = ANY(%(states)s)) AS first_at,
           max(ARRAY[extract(epoch FROM t.at), t.id]) FILTER (WHERE t.to_state = ANY(%(states)s)) AS last_in,
           max(ARRAY[extract(epoch FROM t.at), t.id]) FILTER (WHERE t.to_state IN ('returned', 'cancelled')) AS last_out
    FROM engagements_transition t
    WHERE t.organization_id = i.organization_id AND t.item_id = i.id AND t.reverses_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM engagements_transition r
                      WHERE r.organization_id = t.organization_id AND r.reverses_id = t.id)
) a ON a.first_at IS NOT NULL AND (a.last_out IS NULL OR a.last_in > a.last_out)
LEFT JOIN engagements_importbatch b ON b.organization_id = i.organization_id AND b.id = i.batch_id
WHERE i.organization_id = %(organization)s AND i.workstream_id = %(workstream)s AND i.kind = 'work'
  AND (%(disposition)s = '' OR i.disposition = %(disposition)s)
  AND (%(types)s::text[] = '{}' OR i.type = ANY (%(types)s))
  AND (b.id IS NULL OR b.state = 'loaded')
  AND a.first_at >= %(start)s AND a.first_at < %(end)s
ORDER BY a.first_at, i.id
"""


def billable_items(version: ChargeTermVersion, start: datetime, end: datetime) -> list[BillableItem]:
    """Items that first became billable under the version's workstream in [start, end), and still are."""
    with connection.cursor() as cursor:
        cursor.execute(_BILLABLE, _feed(version, start, end))
        return [BillableItem(*row) for row in cursor.fetchall()]


def billable_quantity(version: ChargeTermVersion, start: datetime, end: datetime) -> Decimal:
    """What `billable_items` comes to, without fetching them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COALESCE(sum(quantity), 0) FROM ({_BILLABLE}) AS rows", _feed(version, start, end))  # noqa: S608 -- our own text
        return Decimal(cursor.fetchone()[0])


def _feed(version: ChargeTermVersion, start: datetime, end: datetime) -> dict[str, Any]:
    return {
        "states": ["accepted"] if version.billable_state == "accepted" else ["delivered", "accepted"],
        "organization": current_organization_id(),
        "workstream": version.workstream_id,
        "disposition": version.disposition,
        "types": version.types,
        "start": start,
        "end": end,
    }


def currency_of(engagement: Engagement) -> str:
    """What the engagement is billed in: its contract's currency; the client's while there is no contract."""
    latest = Contract.objects.filter(engagement=engagement).order_by("-number").first()
    return latest.currency if latest is not None else engagement.client.currency


@dataclass(frozen=True)
class TermSpan:
    """One version of a term and the days it is in force, cut to a period."""

    term: ChargeTerm
    version: ChargeTermVersion
    active: Days


def spans(engagement: Engagement, period: Days) -> list[TermSpan]:
    """Every version in force on some day of the period, in order of the terms and of their dates."""
    by_term: dict[int, list[ChargeTermVersion]] = defaultdict(list)
    versions = ChargeTermVersion.objects.filter(term__engagement=engagement, term__active=True).select_related(
        "term__engagement__legal_entity", "workstream", "placement", "timekeeper__user"
    )
    for version in versions.order_by("effective_from"):
        by_term[version.term_id].append(version)
    return cut(by_term.values(), engagement, period)


# Versions by engagement and term, in order of their dates.
Versions = Mapping[int, dict[int, list[ChargeTermVersion]]]


def versions_of(engagement_ids: Iterable[int]) -> Versions:
    """Every version of the active terms of several engagements, in one statement."""
    found: dict[int, dict[int, list[ChargeTermVersion]]] = defaultdict(lambda: defaultdict(list))
    rows = ChargeTermVersion.objects.filter(term__engagement__in=set(engagement_ids), term__active=True).select_related("term")
    for row in rows.order_by("effective_from"):
        found[row.term.engagement_id][row.term_id].append(row)
    return found


def of_model(versions: Versions, engagement_id: int, model: str) -> list[list[ChargeTermVersion]]:
    """The versions of each term of one model."""
    return [rows for rows in versions[engagement_id].values() if rows[0].term.model == model]


def cut(by_term: Iterable[Sequence[ChargeTermVersion]], engagement: Engagement, period: Days) -> list[TermSpan]:
    """Versions of each term in order of their dates, cut to the days of the period on which they are in force."""
    found = []
    for rows in sorted(by_term, key=lambda rows: (rows[0].term.position, rows[0].term.id)):
        for version, following in zip(rows, [*rows[1:], None], strict=True):
            last = engagement.ends_on
            ends = [day for day in (version.effective_to, last) if day is not None]
            until = min((day + timedelta(days=1) for day in ends), default=period.end)
            if following is not None:
                until = min(until, following.effective_from)
            start = max(version.effective_from, engagement.starts_on)
            active = period.common(Days(start, max(start, until)))
            if len(active):
                found.append(TermSpan(version.term, version, active))
    return found


def pure_term(version: ChargeTermVersion, currency: str) -> pure.Term:
    """The row as the pure rating core wants it."""
    tiers = tuple(pure.Tier(None if bound is None else Decimal(bound), Decimal(price)) for bound, price in version.tiers)
    return pure.Term(
        reference=f"{version.term.name} v{version.number}",
        description=version.term.name,
        model=pure.Model(version.term.model),
        currency=currency,
        unit=version.unit,
        unit_plural=version.unit_plural,
        shape=pure.Shape(version.shape),
        unit_price=version.price if version.price is not None else Decimal(0),
        tiers=tiers,
        package_size=version.package_size or Decimal(1),
        free_units=version.free_units,
        discount_percent=version.discount_percent,
        cap=version.cap,
        minimum=version.minimum,
        prorated=version.prorate,
        increment=pure.Increment(version.increment),
        increment_minutes=version.increment_minutes,
    )


def seats(term: ChargeTerm, active: Days) -> QuerySet[UsageRecord]:
    last = active.end - timedelta(days=1)
    overlapping = Q(ends_on__isnull=True) | Q(ends_on__gte=active.start)
    return UsageRecord.objects.filter(overlapping, term=term, starts_on__lte=last, withdrawn_at__isnull=True).order_by("starts_on", "id")


def seat_usage(record: UsageRecord) -> pure.Usage:
    """A seat as the rating core counts it: held up to, but without, the day after its last."""
    return pure.Usage(record.subject, record.quantity, record.starts_on, record.ends_on + timedelta(days=1) if record.ends_on else None)


def lines_of_usage(usage: UsageRecord) -> list[InvoiceLine]:
    """The lines that count a record, or take it back, on invoices that were not given up; the first first."""
    charges = Charge.objects.filter(usage=usage).values("line")
    lines = InvoiceLine.objects.filter(pk__in=charges).exclude(invoice__state=InvoiceState.DISCARDED)
    return list(lines.select_related("invoice__engagement", "invoice__period").defer("explanation", "invoice__snapshot").order_by("id"))


def billed_lines(term: ChargeTerm, period: BillingPeriod) -> list[Billed]:
    """What issued invoices charged under a term for a period."""
    lines = InvoiceLine.objects.filter(term=term, rated_period=period, invoice__state=InvoiceState.ISSUED).select_related("invoice")
    return [Billed(line.key, line.quantity, line.amount, line.invoice.number) for line in lines.order_by("id")]


def issued_periods(engagement: Engagement, before: int) -> list[BillingPeriod]:
    """Periods that already have an issued invoice: the only ones whose late usage is a difference."""
    issued = Invoice.objects.filter(engagement=engagement, state=InvoiceState.ISSUED).values("period_id")
    return list(BillingPeriod.objects.filter(engagement=engagement, index__lt=before, id__in=issued).order_by("index"))


def open_claims(engagement: Engagement) -> list[CreditClaim]:
    """Final claims of the engagement's levels that no live charge covers yet, oldest window first."""
    charged = Charge.objects.filter(claim_id__isnull=False, voided_at__isnull=True).values("claim_id")
    claims = CreditClaim.objects.filter(state="final", percent__gt=0, level__workstream__matter__engagement=engagement)
    claims = claims.exclude(id__in=charged)
    return list(claims.select_related("level", "attainment__level_version").order_by("attainment__window_start", "id"))


def withdrawn_claims(engagement: Engagement) -> list[CreditClaim]:
    """Claims that an issued invoice credited and that gave way since, to a restatement or to another credit for the same incident; not
    those charged back already."""
    charged = Charge.objects.filter(
        claim_id=OuterRef("pk"), quantity__gt=0, voided_at__isnull=True, line__invoice__state=InvoiceState.ISSUED
    )
    returned = Charge.objects.filter(claim_id=OuterRef("pk"), source_key__startswith="return:", voided_at__isnull=True)
    claims = CreditClaim.objects.filter(Exists(charged), ~Exists(returned), state="withdrawn")
    claims = claims.filter(level__workstream__matter__engagement=engagement)
    return list(claims.select_related("level", "attainment__level_version").order_by("attainment__window_start", "id"))


def measured_on(attainment: Attainment) -> date:
    """The day that says to which period a window's credit belongs: its last, by the contract's own clock. A week that runs from one
    month into the next, and a quarter, belong to the period in which they end."""
    return last_day(attainment.window_end, attainment.level_version)


def standing_claims(engagement: Engagement, period: BillingPeriod) -> list[CreditClaim]:
    """Every final claim of a period's windows, charged or not, in the order in which the cap is used up."""
    claims = CreditClaim.objects.filter(state="final", percent__gt=0, level__workstream__matter__engagement=engagement)
    # The contract's clock may be most of a day apart from the legal entity's; its dates decide.
    margin = timedelta(days=1)
    near = claims.filter(attainment__window_end__gt=period.starts_at - margin, attainment__window_end__lt=period.ends_at + 2 * margin)
    found = near.select_related("level", "attainment__level_version").order_by("attainment__window_start", "id")
    return [claim for claim in found if period.starts_on <= measured_on(claim.attainment) <= period.ends_on]


def credited_lines(period: BillingPeriod) -> list[Billed]:
    """What issued invoices credited for a period, and charged back, by the key of each claim's line."""
    lines = InvoiceLine.objects.filter(rated_period=period, claim_id__isnull=False, invoice__state=InvoiceState.ISSUED)
    return [
        Billed(f"credit-{line.claim_id}", line.quantity, line.amount, line.invoice.number)
        for line in lines.select_related("invoice").order_by("id")
    ]


def outside_credit_base() -> set[int]:
    """Terms whose fees are no base of service credits."""
    return set(ChargeTermVersion.objects.filter(credit_base=False).values_list("term_id", flat=True))


def credit_base(period: BillingPeriod) -> Decimal:
    """Fees of a period that service credits are a share of: issued lines of terms that count into the base."""
    lines = InvoiceLine.objects.filter(rated_period=period, invoice__state=InvoiceState.ISSUED, term__isnull=False)
    return lines.exclude(term_id__in=outside_credit_base()).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def credited(period: BillingPeriod) -> Decimal:
    """Credits already issued against a period, as a positive amount. One that was never stored has none."""
    if period._state.adding:
        return Decimal(0)
    lines = InvoiceLine.objects.filter(rated_period=period, claim_id__isnull=False, invoice__state=InvoiceState.ISSUED)
    return -(lines.aggregate(sum=Sum("amount"))["sum"] or Decimal(0))


def local_day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def invoices_of_periods(first: date, last: date) -> QuerySet[Invoice]:
    """Issued invoices whose period ended from `first` to `last`, in order of their numbers."""
    return Invoice.objects.filter(state=InvoiceState.ISSUED, period__ends_on__range=(first, last)).order_by("number")


def invoices_of_month(first: date, last: date) -> QuerySet[Invoice]:
    """Issued invoices by issue date, in order of their numbers."""
    return Invoice.objects.filter(state=InvoiceState.ISSUED, issue_date__range=(first, last)).order_by("number")


def names(values: Iterable[str], limit: int = 3) -> str:
    """A few names in prose, and how many more."""
    listed = list(values)
    more = len(listed) - limit
    return ", ".join(listed[:limit]) + (f" and {more} more" if more > 0 else "")
