"""Approved time and what it brings to an invoice: which term prices which entry, the lines, and the entries behind each.

Always run across walls: totals never vary by who asks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from billing import queries
from billing.assembled import Assembled, Codes, Source
from billing.explanation import tidy
from billing.hours import Entry, Task, rate_hours
from billing.late import difference
from billing.models import BillingPeriod, Charge, ChargeTermVersion
from billing.periods import days_of
from billing.queries import TermSpan
from billing.rating import RatedLine
from billing.terms import Days
from engagements import utbms
from engagements.models import TimeEntry
from engagements.models.time import EntryStatus
from lpo.core.money import add


def entries_in(engagement_id: int, period: Days) -> list[TimeEntry]:
    """Approved billable time of an engagement's days, in one statement."""
    rows = TimeEntry.objects.filter(
        workstream__matter__engagement_id=engagement_id,
        day__range=(period.start, period.end - timedelta(days=1)),
        status=EntryStatus.APPROVED,
        billable=True,
    )
    return list(rows.select_related("member__user", "workstream").order_by("day", "id"))


def pricing(entry: TimeEntry, spans: Sequence[TermSpan]) -> TermSpan | None:
    """The version that prices an entry: the person's own before that of their role, before that for everybody; of two alike the one
    for this workstream."""
    fitting = [span for span in spans if span.term.model == "hourly" and entry.day in span.active and _fits(entry, span.version)]
    return max(fitting, key=lambda span: _nearness(span.version), default=None)


def _fits(entry: TimeEntry, version: ChargeTermVersion) -> bool:
    person = version.timekeeper_id in (None, entry.member_id)
    return person and version.role in ("", entry.member.role) and version.workstream_id in (None, entry.workstream_id)


def _nearness(version: ChargeTermVersion) -> tuple[bool, bool, bool]:
    return version.timekeeper_id is not None, version.role != "", version.workstream_id is not None


# --- lines -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Charged:
    """A version's lines over a period, and by the key of each what stands behind it."""

    lines: tuple[RatedLine, ...]
    sources: Mapping[str, tuple[Source, ...]]


def charged(span: TermSpan, spans: Sequence[TermSpan], entries: Sequence[TimeEntry], period: BillingPeriod, currency: str) -> Charged:
    own = [entry for entry in entries if pricing(entry, spans) == span]
    lines = rate_hours(queries.pure_term(span.version, currency), [entry_of(row, row.minutes) for row in own], days_of(period), span.active)
    sources: dict[str, list[Source]] = defaultdict(list)
    for row in own:
        sources[f"v{span.version.number}:{task_of(row).key}:usage"].append(_source(row))
    keyed = tuple(replace(line, key=f"v{span.version.number}:{line.key}") for line in lines)
    return Charged(keyed, {key: tuple(rows) for key, rows in sources.items()})


def task_of(row: TimeEntry) -> Task:
    label = utbms.TASKS.get(row.task_code, "").lower()
    return Task(row.member.display_name, f"t{row.member_id}", f"m{row.matter_id}", row.task_code, row.activity_code, label)


def entry_of(row: TimeEntry, minutes: Decimal) -> Entry:
    """What was done stays with the provider until it is written for the client; the leaf names day, person and entry."""
    return Entry(_reference(row), row.day, tidy(minutes), f"{row.member.display_name}, entry {row.number}", task_of(row))


def _reference(row: TimeEntry) -> str:
    return f"{row.member_id}-{row.number}"


def _source(row: TimeEntry) -> Source:
    reference = f"{row.day.day} {row.day:%b %Y}, {row.member.display_name}"[:60]
    return Source(f"time:{row.pk}", reference, row.minutes, matter_id=row.matter_id, time_entry_id=row.pk)


def assembled(
    lines: Iterable[RatedLine], span: TermSpan, period: BillingPeriod, sources: Mapping[str, tuple[Source, ...]]
) -> Iterator[Assembled]:
    for line in lines:
        matter, codes = parts_of(line.key)
        yield Assembled(line, span.term.model, period, span.term, None, matter, sources.get(line.key, ()), codes)


def parts_of(key: str) -> tuple[int | None, Codes]:
    """Matter and codes that a line's key names: `v1:t4-m7-L653-A121:usage` → 7 and its codes; none for a cap or a minimum."""
    parts = key.split(":")
    named = parts[1].split("-") if len(parts) == 3 else []
    if len(named) != 4:
        return None, Codes()
    return int(named[1][1:]), Codes(task=named[2], activity=named[3])


def correction(rows: Sequence[TermSpan], spans: Sequence[TermSpan], period: BillingPeriod, currency: str) -> list[Assembled]:
    """rate(all known now) − billed of one term: line by line, with the entries that are new and those that fell away."""
    entries = entries_in(rows[0].term.engagement_id, days_of(period))
    parts = [charged(span, spans, entries, period, currency) for span in rows]
    lines = difference([line for part in parts for line in part.lines], queries.billed_lines(rows[0].term, period), period.label)
    if not lines:
        return []
    now = {key: sources for part in parts for key, sources in part.sources.items()}
    changed = _changed(rows[0].term.pk, period, now)
    known = {line.key for line in lines}
    # What changed without changing its own line's amount stands behind the first line.
    for key in [key for key in changed if key not in known]:
        changed[lines[0].key] += changed.pop(key)
    return list(assembled(lines, rows[0], period, {key: tuple(found) for key, found in changed.items()}))


def _changed(term_id: int, period: BillingPeriod, now: Mapping[str, Sequence[Source]]) -> dict[str, list[Source]]:
    standing = Charge.objects.filter(term_id=term_id, line__rated_period=period, voided_at__isnull=True, time_entry__isnull=False)
    charges = {charge.source_key: charge for charge in standing.select_related("line").order_by("id")}
    known = {source.key for rows in now.values() for source in rows}
    found: dict[str, list[Source]] = defaultdict(list)
    for key, rows in now.items():
        found[key] += [source for source in rows if source.key not in charges]
    for source_key, charge in charges.items():
        if source_key not in known and not source_key.startswith("return:") and f"return:{charge.pk}" not in charges:
            gone = Source(f"return:{charge.pk}", charge.reference, -charge.quantity, matter_id=charge.matter_id)
            found[charge.line.key].append(replace(gone, time_entry_id=charge.time_entry_id))
    return found


def rated_again(version: ChargeTermVersion, charges: Sequence[Charge], period: Days, active: Days, currency: str) -> Decimal:
    """What an issued invoice's hourly lines come to, from the minutes they were charged for."""
    minutes = {charge.time_entry_id: charge.quantity for charge in charges if charge.time_entry_id is not None}
    rows = TimeEntry.objects.filter(pk__in=list(minutes)).select_related("member__user", "workstream").order_by("id")
    lines = rate_hours(queries.pure_term(version, currency), [entry_of(row, minutes[row.pk]) for row in rows], period, active)
    return add(*(line.amount for line in lines))
