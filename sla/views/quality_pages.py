"""Quality of a workstream and of a matter: plans, rates with their intervals, findings, overturned calls, elusion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock
from fractions import Fraction
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements.models import Workstream
from engagements.views.edges import matter_crumbs, matter_or_404, workstream_crumbs
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core import charts
from lpo.core.exports import Cell, write_csv
from sla import quality
from sla.models import Purpose, SampleItem
from sla.quality import Overturn, Span
from sla.quality_forms import SpanForm
from sla.views.edges import address
from sla.views.levels import csv_answer
from sla.views.samples import plan_url, stream_or_404

DAYS_SHOWN, DAYS_BACK, MOST_IN_FILE = 31, 90, 100_000
_HEADER = ["checked_at", "reference", "external_id", "checks", "plan", "units", "errors", "adjudicated_errors"]


def _days(request: TenantRequest) -> tuple[date, date, SpanForm]:
    """The days asked for, by default the last ninety; what is no date is not asked for."""
    today = timezone.localdate()
    form = SpanForm(request.GET or None, initial={"from_day": today - timedelta(days=DAYS_BACK), "to_day": today})
    given = form.cleaned_data if form.is_bound and form.is_valid() else {}
    last = given.get("to_day") or today
    first = given.get("from_day") or last - timedelta(days=DAYS_BACK)
    return min(first, last), last, form


def _span(request: TenantRequest, streams: Sequence[Workstream]) -> tuple[Span, SpanForm]:
    first, last, form = _days(request)
    zone = request.member_zone
    start, end = (datetime.combine(day, clock.min, tzinfo=zone) for day in (first, last + timedelta(days=1)))
    return Span([stream.pk for stream in streams], start, end, str(zone)), form


@requires(P.VIEW_LEVELS)
def workstream(request: TenantRequest, organization: str, prefix: str) -> HttpResponse:
    stream = stream_or_404(prefix)
    context = _context(request, [stream])
    trail = workstream_crumbs(organization, stream)
    context |= {
        "title": f"Quality of {stream.title}",
        "sub": stream.matter.title,
        "crumbs": [*trail[-2:], ("Quality", "")],
        "new_url": address("new_plan", organization, prefix),
        "csv_url": f"{address('quality_csv', organization, prefix)}?{request.GET.urlencode()}",
    }
    return render(request, "sla/quality.html", context)


@requires(P.VIEW_LEVELS)
def matter(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """Every workstream of a matter together."""
    found = matter_or_404(reference)
    streams = list(Workstream.objects.filter(matter=found).order_by("item_prefix"))
    context = _context(request, streams)
    context |= {
        "title": f"Quality of {found.title}",
        "sub": found.client.name,
        "crumbs": [*matter_crumbs(organization, found), ("Quality", "")],
        "streams": [(stream, address("quality", organization, stream.item_prefix)) for stream in streams],
        "new_url": "",
        "csv_url": "",
    }
    return render(request, "sla/quality.html", context)


def _context(request: TenantRequest, streams: Sequence[Workstream]) -> dict[str, Any]:
    slug, may = request.organization.slug, request.membership.may
    span, form = _span(request, streams)
    plans = quality.plans_of(span.stream_ids)
    standing = quality.standings(plans) if plans else []
    rows = [(each, quality.size_in_words(each.plan), plan_url(slug, each.plan)) for each in standing]
    overturns, kinds = quality.overturns(span), quality.findings(span)
    # How often somebody's calls were changed is between them and those who check or lead.
    named = may(P.CHECK_QUALITY) or may(P.VIEW_STAFF)
    groups = [("Reviewer", overturns.reviewers if named else []), ("Tag", overturns.tags), ("Day", overturns.days[-DAYS_SHOWN:])]
    return {
        "form": form,
        "whole": overturns.whole,
        "plans": [row for row in rows if row[0].plan.purpose == Purpose.ACCURACY],
        "discards": [row for row in rows if row[0].plan.purpose == Purpose.ELUSION],
        "groups": [(name, group) for name, group in groups if group],
        "days_chart": _overturn_chart(overturns.days[-14:]),
        "kinds": [(name, found) for name, found in kinds.items() if found],
        "mine": SampleItem.objects.filter(checker_id=request.membership.pk, state="drawn", plan__workstream_id__in=span.stream_ids).count(),
        "checks_url": address("checks", slug),
        "may_edit": may(P.EDIT_LEVELS),
        "named_stream": len(streams) > 1,
        "streams": [],
    }


def _overturn_chart(days: Sequence[Overturn]) -> charts.BarChart | None:
    # 23 Nov: what stands beside a bar has to fit on a phone.
    rows = [(_short(day.label), day.random or Fraction(0), day.random_text) for day in days if day.random_calls]
    if not rows:
        return None
    return charts.bar_chart("Changed calls by day, random checks", rows, unit="% of calls checked")


def _short(day: str) -> str:
    found = date.fromisoformat(day)
    return f"{found.day} {found:%b}"


@requires(P.VIEW_LEVELS)
def workstream_csv(request: TenantRequest, organization: str, prefix: str) -> HttpResponse:
    """Every check of the days asked for: what each figure of the page adds up from."""
    stream = stream_or_404(prefix)
    span, _ = _span(request, [stream])
    found = list(quality.check_rows(span, MOST_IN_FILE))
    may = request.membership.may
    named, read = may(P.CHECK_QUALITY) or may(P.VIEW_STAFF), may(P.VIEW_WORK_PRODUCT)
    people = quality.names_of(row[10] for row in found) if named else {}
    rows: list[list[Cell]] = []
    for at, reference, external, plan, purpose, units, errors, adjudicated, reason, note, reviewer, by in found:
        sort = "targeted" if not plan else "discard" if purpose == Purpose.ELUSION else "random"
        own: list[Cell] = [at, reference, external, sort, plan or None, units, errors, adjudicated]
        rows.append([*own, *([reason, note] if read else []), *([people.get(reviewer, ""), by] if named else [])])
    header = [*_HEADER, *(["adjudication", "note"] if read else []), *(["reviewer", "checked_by"] if named else [])]
    return csv_answer(write_csv(header, rows), f"{prefix}-quality.csv")
