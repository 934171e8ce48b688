"""A placement's timesheet of a month or week: fill, submit, decide, correct, publish, download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions, placing, queries, sheets
from engagements.models import Placement, Timesheet, TimesheetDay
from engagements.models.placements import SheetState
from engagements.placement_forms import CorrectForm, DayRow, DecideSheetForm, SheetForm
from engagements.sheet_csv import file_name, sheet_csv
from engagements.views.edges import acting, address, attempt, form_page, matter_or_404, posted, to
from engagements.views.messages import download, message_of
from engagements.views.placements import crumbs_of, need_read, placement_or_404, told
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.audit.models import Document


@dataclass(frozen=True)
class Week:
    """A week's days on the sheet, with their fields where they can be written, and what they come to.

    `over`: hours beyond the contracted week.
    """

    monday: date
    rows: Sequence[tuple[TimesheetDay, DayRow | None]]
    hours: Decimal
    contracted: Decimal
    over: Decimal

    @property
    def name(self) -> str:
        """`W40, 28 Sep to 4 Oct 2026`, also where the month begins within it."""
        sunday = self.monday + timedelta(days=6)
        first = f"{self.monday.day} {self.monday:%b}" + (f" {self.monday.year}" if self.monday.year != sunday.year else "")
        return f"W{self.monday.isocalendar().week:02}, {first} to {sunday.day} {sunday:%b %Y}"


def _sheets_or_404(placement: Placement, day: str) -> list[Timesheet]:
    """Every version of the month or week that begins on `day`, the newest first."""
    try:
        start = date.fromisoformat(day)
    except ValueError as error:
        raise Http404("No such page.") from error
    rows = Timesheet.objects.filter(placement=placement, period_start=start).select_related("decision__message")
    found = list(rows.defer("decision__message__content").order_by("-number")[:50])
    if not found:
        raise Http404("No such page.")
    for row in found:
        row.placement = placement
    return found


def _chosen(versions: Sequence[Timesheet], wanted: str) -> Timesheet:
    """The version asked for; else the one in hand, the approved one, the last."""
    if wanted:
        found = next((row for row in versions if str(row.number) == wanted), None)
        if found is None:
            raise Http404("No such page.")
        return found
    return next((row for row in versions if row.state in placing.STANDING), versions[0])


def _days(sheet: Timesheet) -> list[TimesheetDay]:
    return list(TimesheetDay.objects.filter(timesheet=sheet).order_by("day"))


@requires(P.VIEW_WORK, POST=P.TRACK_ITEMS)
@acting
def timesheet(request: TenantRequest, organization: str, reference: str, number: int, day: str) -> HttpResponse:
    placement = placement_or_404(matter_or_404(reference), number)
    need_read(request, placement)
    versions = _sheets_or_404(placement, day)
    sheet = _chosen(versions, request.GET.get("v", ""))
    days = _days(sheet)
    own = [row for row in days if row.day >= sheet.starts_on]
    writable = sheet.state == SheetState.DRAFT and request.membership.may(P.TRACK_ITEMS)
    form = _sheet_form(request, sheet, own) if writable else None
    if request.method == "POST":
        if form is None:
            told(request, lambda: actions.fill_timesheet(sheet=sheet, by=request.actor, version=sheet.version, days={}))
            return to("timesheet", request, reference, number, day)
        saved = attempt(form, lambda: _save(request, sheet, form))
        if saved is not None:
            return to("timesheet", request, reference, number, day)
    return _page(request, placement, versions, sheet, days, form)


def _sheet_form(request: TenantRequest, sheet: Timesheet, own: Sequence[TimesheetDay]) -> SheetForm:
    """The days that have come; those not written yet begin with the hours that would have filled them had the sheet been begun today."""
    today = timezone.localdate(timezone=ZoneInfo(request.organization.time_zone))
    came = [row for row in own if row.written or row.day <= today]
    entries, _ = placing.entered(sheet.placement, sheet.starts_on, sheet.ends_on) if any(not row.written for row in came) else ({}, None)
    suggested = {row.day: entries.get(row.day, Decimal(0)) if entries else row.contracted - row.away_hours for row in came}
    return SheetForm(posted(request), days=came, suggested=suggested, initial={"version": sheet.version})


def _save(request: TenantRequest, sheet: Timesheet, form: SheetForm) -> Timesheet:
    """Keep what was written, and submit it where that button was pressed."""
    saved = actions.fill_timesheet(sheet=sheet, by=request.actor, version=form.cleaned_data["version"], days=form.entered())
    if request.POST.get("do") == "submit":
        return actions.submit_timesheet(sheet=saved, by=request.actor, version=saved.version)
    return saved


def _page(
    request: TenantRequest,
    placement: Placement,
    versions: Sequence[Timesheet],
    sheet: Timesheet,
    days: Sequence[TimesheetDay],
    form: SheetForm | None,
    decide_form: DecideSheetForm | None = None,
) -> HttpResponse:
    may, slug = request.membership.may, request.organization.slug
    own = [row for row in days if row.day >= sheet.starts_on]
    own_word = may(P.DECIDE_FOR_CLIENT)
    deciding = sheet.state == SheetState.SUBMITTED and (own_word or may(P.EDIT_WORK))
    initial = {"version": sheet.version, "publish": placement.published_at is not None}
    _, waiting = placing.entered(placement, sheet.starts_on, sheet.ends_on) if form is not None else ({}, Decimal(0))
    context = {
        "placement": placement,
        "matter": placement.matter,
        "sheet": sheet,
        "kind": placing.KINDS[sheet.state],
        "versions": [(row, placing.KINDS[row.state]) for row in versions],
        "weeks": _weeks(days, sheet, form),
        "sums": placing.summed(own),
        "form": form,
        "ended": sheet.ends_on <= timezone.localdate(),
        "decide_form": (decide_form or DecideSheetForm(initial=initial)) if deciding else None,
        "own_word": own_word,
        "waiting_hours": waiting,
        "stale": _stale(placement, sheet, own),
        "latest": sheet == versions[0] or sheet.state in placing.STANDING,
        "in_hand": any(row.state in (SheetState.DRAFT, SheetState.SUBMITTED) for row in versions),
        "approved_before": any(row.state == SheetState.APPROVED and row != sheet for row in versions),
        "events": queries.events_about(*versions[:10]),
        "may": {"track": may(P.TRACK_ITEMS), "edit": may(P.EDIT_WORK), "read": may(P.VIEW_WORK_PRODUCT)},
        "crumbs": [*crumbs_of(slug, placement), (sheet.label, "")],
    }
    failed = (form is not None and form.is_bound) or (decide_form is not None and decide_form.is_bound)
    return render(request, "engagements/timesheet.html", context, status=422 if failed else 200)


def _weeks(days: Sequence[TimesheetDay], sheet: Timesheet, form: SheetForm | None) -> list[Week]:
    """The sheet's days by week; a first week that began before it counts from its Monday."""
    rows = {row.day.day: row for row in form.rows()} if form is not None else {}
    found: dict[date, list[TimesheetDay]] = {}
    for row in days:
        found.setdefault(sheets.week_of(row.day), []).append(row)
    weeks = []
    for monday, week in found.items():
        hours = sum((row.hours for row in week), Decimal(0))
        contracted = week[-1].week_hours
        shown = [(row, rows.get(row.day)) for row in week if row.day >= sheet.starts_on]
        weeks.append(Week(monday, shown, hours, contracted, max(Decimal(0), hours - contracted)))
    return weeks


def _stale(placement: Placement, sheet: Timesheet, days: Sequence[TimesheetDay]) -> bool:
    """Whether the placement says something else today than when the sheet was submitted: an absence, a handover, an end."""
    if sheet.state not in (SheetState.SUBMITTED, SheetState.APPROVED):
        return False
    now = {row.day: row for row in sheets.planned(placing.facts_of(placement), sheet.starts_on, sheet.ends_on)}
    return any(
        row.day not in now
        or (row.contracted, row.handover) != (now[row.day].contracted, now[row.day].handover)
        or bool(now[row.day].away and not row.away)
        for row in days
    )


@requires(POST=P.TRACK_ITEMS)
@acting
def open_timesheet(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    placement = placement_or_404(matter_or_404(reference), number)
    try:
        day = date.fromisoformat(request.POST.get("day", "")) if request.POST.get("day") else timezone.localdate()
    except ValueError as error:
        raise Http404("No such page.") from error
    made: list[Timesheet] = []
    told(request, lambda: made.append(actions.open_timesheet(placement=placement, by=request.actor, day=day)))
    if not made:
        return to("placement", request, reference, number)
    return to("timesheet", request, reference, number, made[0].period_start)


def _sheet(request: TenantRequest, reference: str, number: int, day: str) -> Timesheet:
    placement = placement_or_404(matter_or_404(reference), number)
    need_read(request, placement)
    return _chosen(_sheets_or_404(placement, day), request.GET.get("v", ""))


@requires(POST=P.VIEW_WORK)
@acting
def decide_timesheet(request: TenantRequest, organization: str, reference: str, number: int, day: str) -> HttpResponse:
    """What the client says: the supervising attorney's own word, or ours with the client's message."""
    if not {P.DECIDE_FOR_CLIENT, P.EDIT_WORK} & request.actor.permissions:
        request.actor.need(P.DECIDE_FOR_CLIENT)
    sheet = _sheet(request, reference, number, day)
    form = DecideSheetForm(request.POST, request.FILES)

    def act() -> Timesheet:
        data = form.cleaned_data
        message = message_of(request, form, None, sheet.placement.matter)
        facts = {"note": data["note"], "publish": data["publish"], "at": data["at"]}
        approve = request.POST.get("do") != "return"
        return actions.decide_timesheet(sheet=sheet, by=request.actor, version=data["version"], approve=approve, message=message, **facts)

    if attempt(form, act) is not None:
        return to("timesheet", request, reference, number, day)
    versions = _sheets_or_404(sheet.placement, day)
    return _page(request, sheet.placement, versions, sheet, _days(sheet), None, form)


@requires(POST=P.TRACK_ITEMS)
@acting
def take_back_timesheet(request: TenantRequest, organization: str, reference: str, number: int, day: str) -> HttpResponse:
    sheet = _sheet(request, reference, number, day)
    version = request.POST.get("version", "")
    at = int(version) if version.isdecimal() and len(version) < 9 else sheet.version
    told(request, lambda: actions.take_back_timesheet(sheet=sheet, by=request.actor, version=at))
    return to("timesheet", request, reference, number, day)


@requires(P.TRACK_ITEMS, POST=P.TRACK_ITEMS)
@acting
def correct_timesheet(request: TenantRequest, organization: str, reference: str, number: int, day: str) -> HttpResponse:
    sheet = _sheet(request, reference, number, day)
    form = CorrectForm(posted(request))
    if attempt(form, lambda: actions.correct_timesheet(sheet=sheet, by=request.actor, reason=form.cleaned_data["reason"])) is not None:
        return to("timesheet", request, reference, number, day)
    crumbs = [*crumbs_of(organization, sheet.placement), (sheet.label, address("timesheet", organization, reference, number, day))]
    note = "A new version begins with the days of this one. What was approved stands until the client approves the new one."
    return form_page(request, form, title="Correct the timesheet", submit="Begin a new version", crumbs=crumbs, note=note)


@requires(POST=P.EDIT_WORK)
@acting
def publish_timesheet(request: TenantRequest, organization: str, reference: str, number: int, day: str) -> HttpResponse:
    sheet = _sheet(request, reference, number, day)
    told(request, lambda: actions.publish_timesheet(sheet=sheet, by=request.actor))
    return to("timesheet", request, reference, number, day)


@requires(P.VIEW_WORK)
def timesheet_csv(request: TenantRequest, organization: str, reference: str, number: int, day: str) -> HttpResponse:
    """The same bytes as on the invoice and in the portal."""
    sheet = _sheet(request, reference, number, day)
    placement = sheet.placement
    terms = placing.terms_on(placing.terms_of([placement.pk])[placement.pk], sheet.starts_on)
    content = sheet_csv(placement, terms, sheet, _days(sheet))
    headers: dict[str, Any] = {"Content-Disposition": f'attachment; filename="{file_name(placement.matter, placement, sheet)}"'}
    return HttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers | {"X-Content-Type-Options": "nosniff"})


@requires(P.VIEW_WORK_PRODUCT)
def timesheet_message(request: TenantRequest, organization: str, reference: str, number: int, day: str) -> HttpResponse:
    """What the client wrote when it decided."""
    sheet = _sheet(request, reference, number, day)
    message = sheet.decision.message_id if sheet.decision is not None else None
    if message is None:
        raise Http404("No such page.")
    return download(Document.objects.get(pk=message))
