"""Time: one's own week, its entries, and the weeks of others for who approves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db.models import Count, Sum
from django.db.models.functions import TruncWeek
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions
from engagements.actions.time import lock_of, running, week_of, zone_of
from engagements.models import Client, TimeEntry
from engagements.narrative import warnings
from engagements.time_forms import LockForm, ReturnForm, TimeEditForm, TimeForm
from engagements.views.edges import acting, address, attempt, form_page, posted, to
from engagements.views.people import member_or_404
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused
from lpo.core.exports import write_csv

_SHEETS_SHOWN = 200
KINDS = {"draft": "draft", "submitted": "progressing", "returned": "risk", "approved": "met"}


@dataclass(frozen=True)
class Line:
    """One entry as the sheet shows it."""

    entry: TimeEntry
    client: str
    kind: str
    warnings: list[str]
    open: bool


def hours(minutes: Decimal) -> str:
    """90.5 → 1:31: the raw minutes are in the CSV."""
    whole = int(minutes.to_integral_value(rounding="ROUND_HALF_UP"))
    return f"{whole // 60}:{whole % 60:02d}"


def _week(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = today
    return week_of(day if 1970 < day.year < 2199 else today)


def _today(request: TenantRequest) -> date:
    return timezone.now().astimezone(zone_of(request.membership)).date()


def _entries(member: Membership, week: date) -> list[TimeEntry]:
    rows = TimeEntry.objects.filter(member=member, day__gte=week, day__lt=week + timedelta(days=7))
    return list(rows.select_related("workstream", "item", "member__user").order_by("day", "number"))


def _sheet(request: TenantRequest, member: Membership, week: date) -> dict[str, Any]:
    entries = _entries(member, week)
    clients = dict(Client.objects.filter(id__in={entry.client_id for entry in entries}).values_list("id", "name"))
    lines = [
        Line(
            entry,
            clients.get(entry.client_id, ""),
            KINDS[entry.status],
            warnings(entry.narrative, entry.minutes),
            entry.status in {"draft", "returned"},
        )
        for entry in entries
    ]
    days = [week + timedelta(days=n) for n in range(7)]
    groups = [(day, [line for line in lines if line.entry.day == day]) for day in days]
    return {
        "member": member,
        "week": week,
        "last_day": days[-1],
        "groups": [(day, found, hours(_sum(found))) for day, found in groups if found],
        "lines": lines,
        "total": hours(_sum(lines)),
        "billable": hours(_sum([line for line in lines if line.entry.billable])),
        "warned": sum(1 for line in lines if line.warnings),
        "submittable": sum(1 for line in lines if line.open),
        "submitted": sum(1 for line in lines if line.entry.status == "submitted"),
        "approved": sum(1 for line in lines if line.entry.status == "approved"),
        "before": (week - timedelta(days=7)).isoformat(),
        "after": (week + timedelta(days=7)).isoformat(),
        "lock": lock_of(),
    }


def _sum(lines: Sequence[Line]) -> Decimal:
    return sum((line.entry.minutes for line in lines), Decimal(0))


@requires(P.RECORD_TIME)
def my_week(request: TenantRequest, organization: str) -> HttpResponse:
    week = _week(request.GET.get("week", ""), _today(request))
    context = _sheet(request, request.membership, week)
    context |= {"timer": running(request.membership.id), "own": True, "may_approve": request.membership.may(P.APPROVE_TIME)}
    return render(request, "engagements/time.html", context)


@requires(P.RECORD_TIME, POST=P.RECORD_TIME)
@acting
def new_time(request: TenantRequest, organization: str) -> HttpResponse:
    """Saved as written; what a client's rules would say of it stands beside the entry, while it can be mended."""
    form = TimeForm(posted(request), initial={"day": _today(request), "item": str(request.GET.get("item", ""))[:24], "billable": True})
    made = attempt(form, lambda: actions.add_time(by=request.actor, typed=True, **form.values))
    if made is None:
        return form_page(request, form, title="Add time", submit="Add", crumbs=_crumbs(organization))
    _warn(request, made)
    return _to_week(request, made.day)


def _warn(request: TenantRequest, entry: TimeEntry) -> None:
    for warning in warnings(entry.narrative, entry.minutes):
        messages.warning(request, f"Entry {entry.number}: {warning}")


def _crumbs(slug: str) -> list[tuple[str, str]]:
    return [("Time", address("time", slug))]


def _to_week(request: TenantRequest, day: date) -> HttpResponse:
    response = to("time", request)
    response["Location"] += f"?week={week_of(day)}"
    return response


def _entry_or_404(request: TenantRequest, number: int) -> TimeEntry:
    found: TimeEntry | None = TimeEntry.objects.filter(member=request.membership, number=number).first()
    if found is None:
        raise Http404("No such page.")
    return found


@requires(P.RECORD_TIME, POST=P.RECORD_TIME)
@acting
def edit_time(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    entry = _entry_or_404(request, number)
    initial = {"version": entry.version, "day": entry.day, "minutes": f"{entry.minutes.normalize():f}"}
    form = TimeEditForm(posted(request), instance=entry, initial=initial)
    saved = attempt(form, lambda: actions.update_time(entry=entry, by=request.actor, **form.cleaned_data))
    if saved is None:
        return form_page(request, form, title=f"Entry {number}", submit="Save", crumbs=_crumbs(organization))
    _warn(request, saved)
    return _to_week(request, saved.day)


@requires(POST=P.RECORD_TIME)
@acting
def remove_time(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    entry = _entry_or_404(request, number)
    try:
        actions.remove_time(entry=entry, by=request.actor)
    except Refused as refused:
        messages.error(request, refused.message)
    return _to_week(request, entry.day)


@requires(POST=P.RECORD_TIME)
@acting
def submit_time(request: TenantRequest, organization: str) -> HttpResponse:
    week = _week(request.POST.get("week", ""), _today(request))
    n = actions.submit_week(by=request.actor, week=week)
    messages.success(request, f"{n} entr{'y is' if n == 1 else 'ies are'} submitted." if n else "There was nothing to submit.")
    return _to_week(request, week)


@requires(P.RECORD_TIME)
def time_csv(request: TenantRequest, organization: str) -> HttpResponse:
    week = _week(request.GET.get("week", ""), _today(request))
    return _csv(_entries(request.membership, week), f"time-{week}.csv")


def _csv(entries: Sequence[TimeEntry], name: str) -> HttpResponse:
    header = ["day", "person", "entry", "workstream", "item", "minutes", "task", "activity", "billable", "status", "narrative"]
    rows = [
        [
            *(entry.day, entry.member.user.email, entry.number, entry.workstream.item_prefix, entry.item.reference if entry.item else ""),
            *(entry.minutes, entry.task_code, entry.activity_code, "yes" if entry.billable else "no", entry.status, entry.narrative),
        ]
        for entry in entries
    ]
    response = HttpResponse(write_csv(header, rows, byte_order_mark=True), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# --- others' weeks ---------------------------------------------------------------------------------------------------------


@requires(P.APPROVE_TIME)
def sheets(request: TenantRequest, organization: str) -> HttpResponse:
    """Submitted weeks, oldest first, without one's own."""
    rows = TimeEntry.objects.filter(status="submitted").exclude(member=request.membership).values("member_id")
    found: Any = rows.annotate(week=TruncWeek("day"), n=Count("id"), minutes=Sum("minutes")).order_by("week", "member_id")[:_SHEETS_SHOWN]
    listed = list(found)
    people = (
        Membership.objects.filter(organization=request.organization).select_related("user").in_bulk({row["member_id"] for row in listed})
    )
    context = {
        "rows": [
            {"member": people[row["member_id"]], "week": row["week"], "n": row["n"], "hours": hours(row["minutes"])} for row in listed
        ],
        "lock": lock_of(),
        "crumbs": [*_crumbs(organization), ("To approve", "")],
    }
    return render(request, "engagements/time_sheets.html", context)


def _sheet_page(request: TenantRequest, member: Membership, week: date, form: ReturnForm) -> HttpResponse:
    context = _sheet(request, member, week)
    crumbs = [*_crumbs(request.organization.slug), ("To approve", address("time_sheets", request.organization.slug))]
    context |= {
        "own": False,
        "timer": None,
        "is_self": member.id == request.membership.id,
        "return_form": form,
        "crumbs": [*crumbs, (f"{member.display_name}, {week}", "")],
    }
    return render(request, "engagements/time.html", context, status=422 if form.errors else 200)


@requires(P.APPROVE_TIME, POST=P.APPROVE_TIME)
@acting
def sheet(request: TenantRequest, organization: str, email: str, week: str) -> HttpResponse:
    member, monday = member_or_404(request, email), _week(week, _today(request))
    form = ReturnForm(posted(request))
    if request.method != "POST":
        return _sheet_page(request, member, monday, form)
    if request.POST.get("do") == "approve":
        form = ReturnForm({"note": "approved"})
        n = attempt(form, lambda: actions.approve_week(member=member, week=monday, by=request.actor))
        done = "approved"
    else:
        n = attempt(form, lambda: actions.return_week(member=member, week=monday, by=request.actor, note=form.cleaned_data["note"]))
        done = "given back"
    if n is None:
        return _sheet_page(request, member, monday, form)
    messages.success(request, f"{n} entr{'y' if n == 1 else 'ies'} of {member.display_name} {done}.")
    return to("time_sheets", request)


@requires(P.APPROVE_TIME)
def sheets_csv(request: TenantRequest, organization: str) -> HttpResponse:
    """Everybody's entries of a week, as far as one sees them."""
    week = _week(request.GET.get("week", ""), _today(request))
    rows = TimeEntry.objects.filter(day__gte=week, day__lt=week + timedelta(days=7)).select_related("workstream", "item", "member__user")
    return _csv(list(rows.order_by("day", "member_id", "number")[:50_000]), f"time-of-all-{week}.csv")


@requires(P.APPROVE_TIME, POST=P.APPROVE_TIME)
@acting
def time_lock(request: TenantRequest, organization: str) -> HttpResponse:
    lock = lock_of()
    initial = {"version": lock.version, "locked_through": lock.locked_through, "grace_days": lock.grace_days}
    form = LockForm(posted(request), initial=initial)
    if attempt(form, lambda: actions.lock_time(by=request.actor, **form.cleaned_data)) is not None:
        messages.success(request, "The closing date is saved.")
        return to("time_sheets", request)
    crumbs = [*_crumbs(organization), ("To approve", address("time_sheets", organization))]
    return form_page(request, form, title="Close time", submit="Save", crumbs=crumbs)
