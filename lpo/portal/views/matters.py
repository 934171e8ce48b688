"""Matters: what is under way and what the client was told of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from engagements.models import Client, Matter, Milestone, StatusUpdate, SupervisionReport
from lpo.accounts.access import TenantRequest
from lpo.core.exports import write_csv
from lpo.portal import queries
from lpo.portal.access import download, page, portal
from lpo.portal.columns import readable
from lpo.portal.paging import positions
from lpo.reports.wording import decisions, effect

SIZE = 50
UPDATES = 12


@portal
def matters(request: TenantRequest, client: Client) -> HttpResponse:
    after, before = request.GET.get("after", ""), request.GET.get("before", "")
    rows = queries.matters(client)
    if before and not after:
        found = list(rows.filter(reference__lt=before).order_by("-reference")[: SIZE + 1])
        more, found = len(found) > SIZE, found[:SIZE][::-1]
        previous, following = more, True
    else:
        found = list((rows.filter(reference__gt=after) if after else rows).order_by("reference")[: SIZE + 1])
        previous, following, found = bool(after), len(found) > SIZE, found[:SIZE]
    last = readable(StatusUpdate).filter(matter_id__in=[matter.pk for matter in found]).order_by("matter_id", "-id").distinct("matter_id")
    updates = {update.matter_id: update for update in last}
    context = {
        "rows": [(matter, updates.get(matter.pk), _open(updates.get(matter.pk))) for matter in found],
        **positions(found, "reference", previous, following),
    }
    return page(request, client, "matters.html", context)


@portal
def matter(request: TenantRequest, client: Client, reference: str) -> HttpResponse:
    found = get_object_or_404(queries.matters(client), reference=reference)
    updates = list(readable(StatusUpdate).filter(matter=found).order_by("-id")[: UPDATES + 1])
    latest = updates[0] if updates else None
    context = {
        "matter": found,
        "latest": latest,
        "waiting": [_waiting(row) for row in latest.figures.get("waiting", [])] if latest else [],
        "milestones": [(row, *_milestone(row)) for row in queries.milestones(found)],
        "decisions": decisions(latest.figures) if latest else [],
        "updates": updates[:UPDATES],
        "more": len(updates) > UPDATES,
        "supervised": readable(SupervisionReport).filter(matter=found).exists(),
    }
    return page(request, client, "matter.html", context)


def _milestone(row: Milestone) -> tuple[str, str]:
    """Kind and words of a milestone as it was last published."""
    assert row.shown_due_on is not None and row.shown_baseline_on is not None  # noqa: S101 -- the database requires it
    if row.shown_done_on is not None:
        return "met", "Done"
    if row.shown_due_on < timezone.localdate():
        return "breach", "Late"
    # Whether it will be on time also hangs on milestones that the client may not see: no more is said than what was published.
    return ("risk", "Moved") if row.shown_due_on > row.shown_baseline_on else ("progressing", "Not due yet")


def _waiting(row: dict[str, Any]) -> tuple[dict[str, Any], str]:
    return {"late": False, **row, "since_at": datetime.fromisoformat(row["since"])}, effect(row)


def _open(update: StatusUpdate | None) -> dict[str, Any] | None:
    """Items of every workstream together, as the update froze them."""
    if update is None:
        return None
    streams = update.figures.get("workstreams", [])
    sums = {name: sum(stream[name] for stream in streams) for name in ("items", "open", "on_hold")}
    return {**sums, "waiting": len(update.figures.get("waiting", []))}


def _report_or_404(client: Client, reference: str) -> tuple[Matter, SupervisionReport, list[dict[str, Any]]]:
    """The matter, the last published record of its supervision, and the record's lines, the latest first."""
    found = get_object_or_404(queries.matters(client), reference=reference)
    report = readable(SupervisionReport).filter(matter=found).order_by("-number").first()
    if report is None:
        raise Http404
    lines = [{**line, "at": datetime.fromisoformat(line["at"])} for line in report.snapshot["entries"]]
    return found, report, lines[::-1]


@portal
def supervision(request: TenantRequest, client: Client, reference: str) -> HttpResponse:
    """Who supervised the work and what shows it, as it was last published."""
    found, report, lines = _report_or_404(client, reference)
    attorneys = [
        {**row, "since": datetime.fromisoformat(row["from"]), "until": datetime.fromisoformat(row["to"]) if row["to"] else None}
        for row in report.snapshot["attorneys"]
    ]
    context = {"matter": found, "report": report, "attorneys": attorneys[::-1], "lines": lines}
    return page(request, client, "supervision.html", context)


@portal
def supervision_csv(request: TenantRequest, client: Client, reference: str) -> HttpResponse:
    """The same record as a file; instants in UTC."""
    found, _, lines = _report_or_404(client, reference)
    rows = [[line["at"], line["kind"], line["what"], line["by"], line["note"], "yes" if line["open"] else ""] for line in lines]
    content = write_csv(["At (UTC)", "Kind", "What", "By", "Note", "Open"], rows)
    return download(content, f"{found.reference}-supervision.csv", "text/csv; charset=utf-8")
