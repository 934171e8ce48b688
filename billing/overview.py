"""What the pages of billing show side by side: a month's run, an invoice against the last, totals by currency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from billing.findings import visible_findings
from billing.models import ChargeTerm, Invoice, InvoiceLine, InvoiceState
from billing.noted import Finding
from billing.periods import period_on
from engagements.models import Engagement
from lpo.core.localtime import from_epoch
from lpo.core.money import add
from lpo.core.periods import Period, add_months
from lpo.tenancy.context import current_scope, in_organization

OPEN_STATES = (InvoiceState.DRAFT, InvoiceState.IN_REVIEW, InvoiceState.APPROVED)
_HELD = ("snapshot",)


@dataclass(frozen=True)
class Total:
    currency: str
    count: int
    net: Decimal
    gross: Decimal


def totals(invoices: QuerySet[Invoice]) -> list[Total]:
    """Sums by currency; given-up drafts are no money."""
    rows = invoices.exclude(state=InvoiceState.DISCARDED).order_by("currency").values_list("currency")
    return [Total(*row) for row in rows.annotate(n=Count("id"), net_sum=Sum("net"), gross_sum=Sum("gross"))]


def change(now: Decimal, before: Decimal | None) -> Fraction | None:
    """Relative change, None where there is nothing to compare with."""
    return Fraction(now - before) / Fraction(before) if before else None


def change_text(relative: Fraction) -> str:
    """`3.1 %`, without its sign, rounded half up to a tenth; never 0.0 for what did change."""
    tenths = (abs(relative) * 1000 + Fraction(1, 2)).__floor__()
    return f"{Decimal(tenths) / 10:,.1f} %" if tenths else "under 0.1 %"


# --- a month's run ----------------------------------------------------------------------------------------------------------


def month_bounds(month: date) -> tuple[date, date]:
    first = month.replace(day=1)
    return first, add_months(first, 1) - timedelta(days=1)


@dataclass(frozen=True)
class RunRow:
    """One engagement in a month's run: its period that ends in the month, and the invoice so far."""

    engagement: Engagement
    period: Period
    invoice: Invoice | None = None
    previous: Invoice | None = None
    findings: Sequence[Finding] = field(default=())
    priced: bool = True  # whether the engagement has charge terms at all

    @property
    def slug(self) -> str:
        return f"{self.period.first_day:%Y-%m}"

    @property
    def ends_at(self) -> datetime:
        return from_epoch(self.period.end)

    @property
    def ended(self) -> bool:
        return self.ends_at <= timezone.now()

    @property
    def difference(self) -> Decimal | None:
        return None if self.invoice is None or self.previous is None else self.invoice.net - self.previous.net

    @property
    def change(self) -> Fraction | None:
        return None if self.invoice is None or self.previous is None else change(self.invoice.net, self.previous.net)

    @property
    def blocks(self) -> int:
        return sum(finding.severity == "block" for finding in self.findings)

    @property
    def warnings(self) -> int:
        return len(self.findings) - self.blocks


def billed_in(month: date) -> list[tuple[Engagement, Period]]:
    """Engagements with a period that ends in the month, by client and reference."""
    first, last = month_bounds(month)
    rows = Engagement.objects.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=add_months(first, -2)), starts_on__lte=last)
    rows = rows.annotate(has_terms=Exists(ChargeTerm.objects.filter(engagement_id=OuterRef("pk"))))
    found: list[tuple[Engagement, Period]] = []
    for engagement in rows.select_related("client", "legal_entity").order_by("client__name", "reference"):
        period = period_on(engagement, last)
        running = engagement.ends_on is None or engagement.ends_on >= period.first_day
        if period.last_day == last and running:
            found.append((engagement, period))
    return found


def priced(engagement: Engagement) -> bool:
    """Whether an engagement that `billed_in` found has charge terms; one without is charged for nothing."""
    return bool(getattr(engagement, "has_terms", True))


def run_rows(month: date) -> list[RunRow]:
    """The month's run, what needs a person first: blocked, then warned, then by client. A fixed number of queries."""
    billed = billed_in(month)
    _, last = month_bounds(month)
    before = {period.first_day - timedelta(days=1) for _, period in billed}
    live = Invoice.objects.filter(engagement__in=[engagement.id for engagement, _ in billed], period__ends_on__in={last, *before})
    by_period = {
        (invoice.engagement_id, invoice.period.ends_on): invoice
        for invoice in live.exclude(state=InvoiceState.DISCARDED).select_related("period", "client", "engagement").defer(*_HELD)
    }
    current = [found for engagement, _ in billed if (found := by_period.get((engagement.id, last)))]
    flagged = visible_findings([invoice for invoice in current if invoice.state != InvoiceState.ISSUED])
    rows = [
        RunRow(
            engagement,
            period,
            invoice := by_period.get((engagement.id, last)),
            by_period.get((engagement.id, period.first_day - timedelta(days=1))),
            flagged.get(invoice.id, []) if invoice else [],
            priced=priced(engagement),
        )
        for engagement, period in billed
    ]
    return sorted(rows, key=lambda row: (row.blocks == 0, row.warnings == 0 or row.invoice is None, row.engagement.client.name))


# --- one invoice --------------------------------------------------------------------------------------------------------------


def by_reference(engagement: str, slug: str) -> Invoice | None:
    """The live invoice of an engagement's period; else the last draft that was given up."""
    first = _first_of(slug)
    if first is None:
        return None
    rows = Invoice.objects.filter(engagement__reference=engagement, period__starts_on=first)
    related = rows.select_related(
        "period", "client", "engagement", "legal_entity", "prepared_by__user", "approved_by__user", "issued_by__user"
    )
    found = list(related.defer(*_HELD).order_by("-id")[:20])
    return next((row for row in found if row.state != InvoiceState.DISCARDED), found[0] if found else None)


def _first_of(slug: str) -> date | None:
    try:
        return datetime.strptime(slug, "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
    except ValueError:
        return None


def previous_of(invoice: Invoice) -> Invoice | None:
    """The live invoice of the period before."""
    rows = Invoice.objects.filter(engagement_id=invoice.engagement_id, period__index=invoice.period.index - 1)
    return rows.exclude(state=InvoiceState.DISCARDED).select_related("period").defer(*_HELD).first()


def lines_of(invoice: Invoice) -> list[InvoiceLine]:
    """The lines this viewer may see, without their explanations, which may be long."""
    rows = InvoiceLine.objects.filter(invoice=invoice).defer("explanation")
    return list(rows.select_related("rated_period", "claim").order_by("position"))


@dataclass(frozen=True)
class Restricted:
    """Lines behind a wall, as one row: how many, and what they come to."""

    count: int
    amount: Decimal


def restricted(invoice: Invoice, visible: Sequence[InvoiceLine]) -> Restricted | None:
    """What the viewer does not see of the invoice's lines; None where nothing is hidden."""
    scope = current_scope()
    if not scope.hidden_matters and scope.only_matters is None:
        return None
    with in_organization(scope.organization_id):
        count = InvoiceLine.objects.filter(invoice=invoice).count()
    if count == len(visible):
        return None
    return Restricted(count - len(visible), add(invoice.net, *(-line.amount for line in visible)))


@dataclass(frozen=True)
class Compared:
    """One line in two periods; None where it is on one of them only."""

    group: str
    description: str
    now: Decimal | None
    before: Decimal | None
    quantity_now: Decimal | None = None
    quantity_before: Decimal | None = None

    @property
    def difference(self) -> Decimal:
        return (self.now or Decimal(0)) - (self.before or Decimal(0))


def compare(now: Sequence[InvoiceLine], before: Sequence[InvoiceLine]) -> list[Compared]:
    """Lines side by side, this period's order first: the same step of the same term, or the same level's credit."""
    old = {_identity(line): line for line in before}
    found = [_pair(line, old.pop(_identity(line), None)) for line in now]
    return found + [_pair(None, line) for line in old.values()]


def _identity(line: InvoiceLine) -> tuple[object, ...]:
    if line.claim_id is not None and line.claim is not None:
        return ("credit", line.claim.level_id)
    if "correction" in line.description.lower():
        return ("correction", line.id)
    return (line.term_id, line.key.partition(":")[2])


def _pair(now: InvoiceLine | None, before: InvoiceLine | None) -> Compared:
    line = now or before
    assert line is not None  # noqa: S101 - one of the two is given
    return Compared(
        line.group,
        line.description,
        now.amount if now else None,
        before.amount if before else None,
        now.quantity if now else None,
        before.quantity if before else None,
    )
