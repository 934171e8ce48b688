"""Pre-flight of hourly terms: time that nobody approved yet, and approved time that no term prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from billing.models import Invoice
from billing.noted import Finding, Found
from billing.periods import days_of
from billing.queries import TermSpan, Versions, cut, of_model
from billing.timekeeping import pricing
from engagements.models import TimeEntry
from engagements.models.time import EntryStatus
from lpo.core.money import add
from lpo.core.templatetags.formats import quantity


def hours(invoices: Sequence[Invoice], versions: Versions) -> Found:
    """Billable time of an invoice's period that is not on it, in one statement for any number of invoices."""
    engagements = [key for key in versions if of_model(versions, key, "hourly")]
    if not engagements:
        return
    first, last = min(i.period.starts_on for i in invoices), max(i.period.ends_on for i in invoices)
    rows = TimeEntry.objects.filter(workstream__matter__engagement__in=engagements, day__range=(first, last), billable=True)
    entries = list(rows.select_related("member__user", "workstream__matter").order_by("day", "id"))
    for invoice in invoices:
        days, key = days_of(invoice.period), invoice.engagement_id
        spans = cut(of_model(versions, key, "hourly"), invoice.engagement, days)
        own = [row for row in entries if row.workstream.matter.engagement_id == key and row.day in days]
        if spans:
            yield from ((invoice.pk, finding) for finding in _of(own, spans, invoice.period.label))


def _of(entries: Iterable[TimeEntry], spans: Sequence[TermSpan], label: str) -> Iterator[Finding]:
    waiting: dict[tuple[str, str], list[TimeEntry]] = defaultdict(list)
    unpriced: dict[str, list[TimeEntry]] = defaultdict(list)
    for row in entries:
        span = pricing(row, spans)
        if span is None:
            unpriced[row.member.display_name].append(row)
        elif row.status != EntryStatus.APPROVED:
            waiting[row.member.display_name, span.version.unapproved].append(row)
    for (name, severity), rows in sorted(waiting.items()):
        yield Finding(
            severity, f"{_hours(rows)} of {name} in {label} {'is' if len(rows) == 1 else 'are'} not approved and not on this invoice."
        )
    for name, rows in sorted(unpriced.items()):
        yield Finding("block", f"No rate for {name}: nobody said what {_hours(rows)} in {label} cost.")


def _hours(rows: Sequence[TimeEntry]) -> str:
    minutes = add(*(row.minutes for row in rows))
    count = "1 entry" if len(rows) == 1 else f"{len(rows)} entries"
    return f"{count} of {quantity(minutes / 60, 2)} h"
