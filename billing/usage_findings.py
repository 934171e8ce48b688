"""Pre-flight of reported usage: expenses nobody approved, days on which a volume was not measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Count, Sum

from billing.models import Invoice, UsageRecord
from billing.noted import Finding, Found
from billing.periods import days_of
from billing.queries import Versions, cut, of_model
from lpo.core.templatetags.formats import money


def unapproved(invoices: Sequence[Invoice]) -> Found:
    """Expenses up to an invoice's last day that wait for approval: they are left out, and billed once somebody approves them."""
    engagements = {invoice.engagement_id for invoice in invoices}
    expenses = UsageRecord.objects.filter(term__engagement__in=engagements, term__model="expense")
    rows = expenses.filter(approved_at__isnull=True, withdrawn_at__isnull=True)
    by_day = rows.order_by().values("term__engagement_id", "starts_on", "currency").annotate(n=Count("id"), worth=Sum("amount"))
    waiting = list(by_day)
    for invoice in invoices:
        own = [row for row in waiting if row["term__engagement_id"] == invoice.engagement_id and row["starts_on"] <= invoice.period.ends_on]
        if own:
            count, worth = sum(row["n"] for row in own), sum(row["worth"] for row in own)
            what = "1 expense waits for approval and is" if count == 1 else f"{count} expenses wait for approval and are"
            text = f"{what} not on this invoice: {money(worth, invoice.currency)} {invoice.currency}."
            yield invoice.id, Finding("warn", text)


def unmeasured(invoices: Sequence[Invoice], versions: Versions) -> Found:
    """Days in force on which a volume priced by average, peak or month-end has no reading."""
    terms = [rows[0].term_id for key in versions for rows in of_model(versions, key, "data_volume")]
    if not terms:
        return
    first, last = min(i.period.starts_on for i in invoices), max(i.period.ends_on for i in invoices)
    read = UsageRecord.objects.filter(term__in=terms, starts_on__range=(first, last), withdrawn_at__isnull=True)
    days = set(read.order_by().values_list("term_id", "direction", "starts_on").distinct())
    for invoice in invoices:
        own = of_model(versions, invoice.engagement_id, "data_volume")
        missing: dict[str, int] = defaultdict(int)
        for span in cut(own, invoice.engagement, days_of(invoice.period)):
            if span.version.measure == "sum":
                continue
            known = {day for term, way, day in days if term == span.term.pk and span.version.direction in {"", way}}
            missing[span.term.name] += sum(span.active.start + timedelta(days=n) not in known for n in range(len(span.active)))
        for name, count in missing.items():
            if count:
                text = f"{name} was not measured on {count} {'day' if count == 1 else 'days'} of {invoice.period.label}."
                yield invoice.id, Finding("warn", text)
