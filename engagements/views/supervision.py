"""Supervision of a matter: one page that gathers it, samples drawn and signed, files, publishing."""

from __future__ import annotations

from datetime import datetime, timedelta
from datetime import time as clock
from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions, supervision
from engagements.care_forms import AdmissionForm, SampleForm, SignForm
from engagements.exports import workbook
from engagements.models import Matter, SampledItem, SupervisionReport, SupervisionSample, Workstream
from engagements.views.edges import acting, address, attempt, matter_crumbs, matter_or_404, posted, to
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.exports import Cell, write_csv

_IN_FILE = 10_000
_HEADER = ["At (UTC)", "Kind", "What", "By", "Note", "Waits"]
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@requires(P.VIEW_WORK)
def supervision_page(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    return _page(request, matter_or_404(reference), AdmissionForm())


def _page(request: TenantRequest, matter: Matter, form: AdmissionForm) -> HttpResponse:
    slug, may = request.organization.slug, request.membership.may
    entries = supervision.entries_of(matter)
    terms = supervision.terms_of(matter)
    now = next((term for term in terms if term.ends_at is None), None)
    context = {
        "matter": matter,
        "terms": terms,
        "now": now,
        "entries": [(entry, address(*entry.link[:1], slug, *entry.link[1]) if entry.link else "") for entry in entries],
        "waiting": sum(entry.open for entry in entries),
        "reports": list(SupervisionReport.objects.filter(matter=matter).defer("snapshot").order_by("-number")[:12]),
        "form": form,
        "may_state": now is not None and not now.admission and (may(P.EDIT_WORK) or may(P.DECIDE_FOR_CLIENT)),
        "may_draw": may(P.EDIT_WORK) or may(P.DECIDE_FOR_CLIENT),
        "may_publish": may(P.EDIT_WORK),
        "crumbs": [*matter_crumbs(slug, matter), ("Supervision", "")],
    }
    return render(request, "engagements/supervision.html", context, status=422 if form.is_bound else 200)


@requires(POST=P.VIEW_WORK)
@acting
def admission(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    _one_of(request)
    matter, form = matter_or_404(reference), AdmissionForm(request.POST)
    said = attempt(form, lambda: actions.state_admission(matter=matter, by=request.actor, **form.cleaned_data))
    return to("supervision", request, reference) if said is not None else _page(request, matter, form)


def _one_of(request: TenantRequest) -> None:
    """Who edits the work, or the attorney."""
    if not {P.EDIT_WORK, P.DECIDE_FOR_CLIENT} & request.actor.permissions:
        request.actor.need(P.DECIDE_FOR_CLIENT)


@requires(POST=P.EDIT_WORK)
@acting
def publish_supervision(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    actions.publish_supervision(matter=matter_or_404(reference), by=request.actor)
    return to("supervision", request, reference)


def _lines(matter: Matter) -> list[list[Cell]]:
    entries = supervision.entries_of(matter, _IN_FILE)
    return [[entry.at, entry.kind, entry.what, entry.by, entry.note, "yes" if entry.open else ""] for entry in reversed(entries)]


@requires(P.VIEW_WORK)
def supervision_csv(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """The whole record, oldest first; instants in UTC."""
    matter = matter_or_404(reference)
    return _file(write_csv(_HEADER, _lines(matter)), f"{matter.reference}-supervision.csv", "text/csv; charset=utf-8")


@requires(P.VIEW_WORK)
def supervision_xlsx(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    matter = matter_or_404(reference)
    return _file(workbook("Supervision", _HEADER, _lines(matter)), f"{matter.reference}-supervision.xlsx", _XLSX)


def _file(content: bytes, name: str, media_type: str) -> HttpResponse:
    return HttpResponse(content, content_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@requires(P.VIEW_WORK, POST=P.VIEW_WORK)
@acting
def new_sample(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """Draw from what was first delivered between two days of the viewer's own calendar, both included."""
    _one_of(request)
    matter, today = matter_or_404(reference), timezone.localdate()
    initial = {"from_day": today - timedelta(days=30), "to_day": today, "size": 5}
    form = SampleForm(posted(request), initial=initial, streams=Workstream.objects.filter(matter=matter).order_by("item_prefix"))
    made = attempt(form, lambda: _draw(request, matter, form))
    if made is not None:
        return to("sample", request, reference, made.number)
    crumbs = [*matter_crumbs(organization, matter), ("Supervision", address("supervision", organization, reference))]
    context = {"form": form, "cancel_url": crumbs[-1][1], "crumbs": [*crumbs, ("New sample", "")], "matter": matter}
    return render(request, "engagements/sample_form.html", context, status=422 if form.is_bound else 200)


def _draw(request: TenantRequest, matter: Matter, form: SampleForm) -> SupervisionSample:
    data, zone = form.cleaned_data, request.member_zone
    from_at, to_at = (_midnight(data["from_day"], zone), _midnight(data["to_day"] + timedelta(days=1), zone))
    return actions.draw_sample(
        matter=matter, by=request.actor, from_at=from_at, to_at=to_at, size=data["size"], workstream=data["workstream"]
    )


def _midnight(day: Any, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock.min, tzinfo=zone)


def _sample_or_404(matter: Matter, number: int) -> SupervisionSample:
    rows = SupervisionSample.objects.filter(matter=matter, number=min(number, 2**31 - 1)).select_related("workstream")
    found: SupervisionSample | None = rows.first()
    if found is None:
        raise Http404("No such page.")
    return found


@requires(P.VIEW_WORK)
def sample(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    matter = matter_or_404(reference)
    return _sample_page(request, matter, _sample_or_404(matter, number), SignForm(), 0)


def _sample_page(request: TenantRequest, matter: Matter, found: SupervisionSample, form: SignForm, signing: int) -> HttpResponse:
    slug = request.organization.slug
    rows = list(SampledItem.objects.filter(sample=found).select_related("item").order_by("position"))
    context = {
        "matter": matter,
        "sample": found,
        "last_day": found.to_at - timedelta(seconds=1),
        "rows": rows,
        "signed": sum(row.signed_at is not None for row in rows),
        "form": form,
        "signing": signing,
        "may_sign": request.membership.may(P.DECIDE_FOR_CLIENT) and request.membership.id == matter.supervising_attorney_id,
        "crumbs": [
            *matter_crumbs(slug, matter),
            ("Supervision", address("supervision", slug, matter.reference)),
            (f"Sample {found.number}", ""),
        ],
    }
    return render(request, "engagements/sample.html", context, status=422 if form.is_bound else 200)


@requires(POST=P.DECIDE_FOR_CLIENT)
@acting
def sign_sampled(request: TenantRequest, organization: str, reference: str, number: int, position: int) -> HttpResponse:
    matter = matter_or_404(reference)
    found, form = _sample_or_404(matter, number), SignForm(request.POST)
    row = SampledItem.objects.filter(sample=found, position=min(position, 2**15 - 1)).first()
    if row is None:
        raise Http404("No such page.")
    if attempt(form, lambda: actions.sign_sampled(sampled=row, by=request.actor, **form.cleaned_data)) is not None:
        return to("sample", request, reference, number)
    return _sample_page(request, matter, found, form, position)
