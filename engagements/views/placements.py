"""People placed with a client: place, change, end, replace; absences; what the client sees of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions, panels, placing, queries, sheets
from engagements.models import Matter, Placement, PlacementAbsence, PlacementTerms, Timesheet
from engagements.placement_forms import AwayForm, EndPlacementForm, PlacementForm, ReplaceForm, RevisePlacementForm
from engagements.views.edges import acting, address, attempt, form_page, matter_crumbs, matter_or_404, posted, to
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused, StaleVersion

SHEETS = 26
_AGREED = ("role", "level", "supervisor", "location", "hours_per_week", "weekdays")


def told(request: TenantRequest, act: Callable[[], object]) -> None:
    """Run an action behind a button; what it refuses is shown on the next page."""
    try:
        act()
    except StaleVersion:
        raise
    except Refused as refused:
        messages.error(request, refused.message)


def may_read(request: TenantRequest, placement: Placement) -> bool:
    return bool(placing.READERS & request.actor.permissions) or placement.member_id == request.membership.pk


def need_read(request: TenantRequest, placement: Placement) -> None:
    if not may_read(request, placement):
        raise PermissionDenied(f"{request.actor.label} may not read other people's timesheets and absences.")


def placement_or_404(matter: Matter, number: int) -> Placement:
    rows = Placement.objects.filter(matter=matter).select_related("member__user", "workstream", "replaces")
    found: Placement | None = rows.filter(number=number).first() if number < 2**15 else None
    if found is None:
        raise Http404("No such page.")
    found.matter = matter
    return found


def crumbs_of(slug: str, placement: Placement) -> list[tuple[str, str]]:
    matter = placement.matter
    return [*matter_crumbs(slug, matter), (placement.name, address("placement", slug, matter.reference, placement.number))]


@requires(P.VIEW_WORK)
def placement(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    matter = matter_or_404(reference)
    found = placement_or_404(matter, number)
    need_read(request, found)
    today = timezone.localdate()
    terms = placing.terms_of([found.pk])[found.pk]
    before = _day(request.GET.get("before", ""))
    rows = Timesheet.objects.filter(placement=found, state__in=placing.STANDING)
    recent = rows.filter(period_start__lt=before) if before else rows
    standing = placing.standing(recent.order_by("-period_start", "-number")[: 2 * SHEETS + 2])
    shown = standing[:SHEETS]
    latest = [row.latest for row in shown]
    days = placing.days_of(latest)
    here = address("placement", organization, reference, number)
    absences = list(PlacementAbsence.objects.filter(placement=found).order_by("id")[:200])
    standing_away = [(number, row) for number, row in enumerate(absences, 1) if row.withdrawn_at is None]
    context = {
        "placement": found,
        "matter": matter,
        "status": placing.status_of(found, today),
        "terms": placing.terms_on(terms, today),
        "versions": [(row, sheets.weekdays_in_words(row.weekdays)) for row in reversed(terms)],
        "weekdays": sheets.weekdays_in_words(placing.terms_on(terms, today).weekdays),
        "sheets": [(row, placing.summed(days[row.latest.pk])) for row in shown],
        "older_url": f"{here}?before={shown[-1].period_start}" if len(standing) > SHEETS else "",
        "missing": [] if before else _missing(found, today),
        "absences": standing_away,
        "typed": placing.typed_away(latest, days, [row for _, row in standing_away]),
        "follower": Placement.objects.filter(replaces=found).first(),
        "panels": panels.collect(panels.placement_panels, request, found),
        "events": queries.events_about(found, *latest[:3], most=10),
        "crumbs": [*crumbs_of(organization, found)[:-1], (found.name, "")],
        "may_edit": request.membership.may(P.EDIT_WORK),
        "may_track": request.membership.may(P.TRACK_ITEMS),
    }
    return render(request, "engagements/placement.html", context)


def _missing(placement: Placement, today: date, most: int = 6) -> list[tuple[date, str]]:
    """Months or weeks that have begun and have no timesheet yet, the newest first."""
    last = min(placement.ends_on or today, today)
    if last < placement.starts_on:
        return []
    # Somebody placed for years is looked back at for one.
    first = max(placement.starts_on, last - timedelta(days=366))
    known = set(
        Timesheet.objects.filter(placement=placement, state__in=placing.STANDING, ends_on__gte=first).values_list("period_start", flat=True)
    )
    starts = [start for start in sheets.periods(first, last, placement.cycle) if start not in known]
    return [(start, sheets.label_of(start, placement.cycle)) for start in reversed(starts)][:most]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def new_placement(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    matter = matter_or_404(reference)
    starts = max(timezone.localdate(), matter.engagement.starts_on)
    initial = {"starts_on": starts, "ends_on": matter.engagement.ends_on}
    form = PlacementForm(posted(request), matter=matter, initial=initial)
    made = attempt(form, lambda: actions.place_person(matter=matter, by=request.actor, **form.cleaned_data))
    if made is not None:
        return to("placement", request, reference, made.number)
    note = "What it costs is a charge term of the engagement, for this person, their level, or everybody placed."
    return form_page(request, form, title="Place a person", submit="Place", crumbs=matter_crumbs(organization, matter), note=note)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def revise_placement(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    found = placement_or_404(matter_or_404(reference), number)
    last: PlacementTerms = PlacementTerms.objects.filter(placement=found).latest("number")
    initial = {name: getattr(last, name) for name in _AGREED}
    form = RevisePlacementForm(posted(request), initial=initial)
    if attempt(form, lambda: actions.revise_placement(placement=found, by=request.actor, **form.cleaned_data)) is not None:
        return to("placement", request, reference, number)
    note = "A timesheet that was submitted keeps the hours it was submitted with."
    crumbs = crumbs_of(organization, found)
    return form_page(request, form, title="Change terms", submit="Save", crumbs=crumbs, note=note)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def end_placement(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    found = placement_or_404(matter_or_404(reference), number)
    initial = {"version": found.version, "last_day": found.ends_on or timezone.localdate(), "reason": found.ended_reason}
    form = EndPlacementForm(posted(request), initial=initial)
    if attempt(form, lambda: actions.end_placement(placement=found, by=request.actor, **form.cleaned_data)) is not None:
        return to("placement", request, reference, number)
    crumbs = crumbs_of(organization, found)
    return form_page(request, form, title=f"Last day of {found.name}", submit="Save", crumbs=crumbs)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def replace_person(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    found = placement_or_404(matter_or_404(reference), number)
    days = found.matter.engagement.notice_days
    today = timezone.localdate()
    initial = {"version": found.version, "notice_given_on": today, "last_day": found.ends_on or today + timedelta(days=days)}
    form = ReplaceForm(posted(request), initial=initial)
    made = attempt(form, lambda: actions.replace_person(placement=found, by=request.actor, **form.cleaned_data))
    if made is not None:
        return to("placement", request, reference, made.number)
    asked = f"The contract asks for {days} days of notice. " if days else ""
    note = f"{asked}Role, level and hours go on. Days both are there are charged once, unless the rate says otherwise."
    return form_page(request, form, title=f"Replace {found.name}", submit="Replace", crumbs=crumbs_of(organization, found), note=note)


@requires(P.TRACK_ITEMS, POST=P.TRACK_ITEMS)
@acting
def new_away(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    found = placement_or_404(matter_or_404(reference), number)
    form = AwayForm(posted(request))
    if attempt(form, lambda: actions.record_away(placement=found, by=request.actor, **form.cleaned_data)) is not None:
        return to("placement", request, reference, number)
    note = "A draft timesheet takes it over; one that was submitted needs a correction. Whether it is charged, the rate says."
    crumbs = crumbs_of(organization, found)
    return form_page(request, form, title="Record an absence", submit="Record", crumbs=crumbs, note=note)


@requires(POST=P.TRACK_ITEMS)
@acting
def withdraw_away(request: TenantRequest, organization: str, reference: str, number: int, absence: int) -> HttpResponse:
    found = placement_or_404(matter_or_404(reference), number)
    rows = list(PlacementAbsence.objects.filter(placement=found).order_by("id")[absence - 1 : absence]) if 0 < absence < 2**31 else []
    if not rows:
        raise Http404("No such page.")
    actions.withdraw_away(absence=rows[0], by=request.actor)
    return to("placement", request, reference, number)


@requires(POST=P.EDIT_WORK)
@acting
def publish_placement(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    found = placement_or_404(matter_or_404(reference), number)
    told(request, lambda: actions.publish_placement(placement=found, by=request.actor))
    return to("placement", request, reference, number)
