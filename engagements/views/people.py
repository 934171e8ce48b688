"""The people who do the work: what each may be given, how much room they have, when they are away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import Http404, HttpResponse
from django.shortcuts import render

from engagements import actions, queries, weeks
from engagements.models import Absence, Admission, Client, Conflict, ReviewerProfile, SpokenLanguage, Training
from engagements.people_forms import AbsenceForm, AdmissionForm, ConflictForm, LanguageForm, ProfileForm, TrainingForm
from engagements.sheets import week_of
from engagements.staffing import Staffing, language_name, load_text, today_of
from engagements.views.edges import acting, address, attempt, form_page, posted, to
from engagements.views.placements import told
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission as P
from lpo.accounts.roles import Role


@dataclass(frozen=True)
class Part:
    """One list of a profile: how a line is added, shown and taken off."""

    title: str
    noun: str
    model: Any
    form: type[Any]
    add: Callable[..., Any]
    order: tuple[str, ...]
    empty: str


PARTS = {
    "languages": Part(
        "Languages", "language", SpokenLanguage, LanguageForm, actions.add_language, ("language",), "No language is on record."
    ),
    "admissions": Part(
        "Admissions", "admission", Admission, AdmissionForm, actions.add_admission, ("jurisdiction", "id"), "No admission is on record."
    ),
    "training": Part(
        "Training", "training", Training, TrainingForm, actions.add_training, ("-passed_on", "id"), "No training is on record."
    ),
    "conflicts": Part("Conflicts", "conflict", Conflict, ConflictForm, actions.add_conflict, ("id",), "No conflict is on record."),
    "absences": Part("Absences", "absence", Absence, AbsenceForm, actions.add_absence, ("-starts_on", "id"), "No absence is on record."),
}


def member_or_404(request: TenantRequest, email: str) -> Membership:
    rows = Membership.objects.filter(organization=request.organization, user__email=email).exclude(role=Role.CLIENT_VIEWER)
    found = rows.select_related("user", "organization").first()
    if found is None:
        raise Http404("No such page.")
    return found


@requires(P.VIEW_STAFF)
def team(request: TenantRequest, organization: str) -> HttpResponse:
    """Everybody with what they can do, how much they have open and whether they are here today."""
    members = list(queries.staff()[:200])
    staffing = Staffing(members, [], loads=True)
    rows = []
    for member in members:
        known = staffing.known[member.id]
        rows.append(
            {
                "member": member,
                "languages": ", ".join(language_name(code) for code in sorted(known.languages)),
                "admissions": ", ".join(sorted({row.jurisdiction for row in known.admissions})),
                "training": ", ".join(sorted({row.get_kind_display() for row in known.trainings})),
                "load": load_text(known),
                "away": known.absence,
                "conflicts": len(known.conflicts),
            }
        )
    return render(request, "engagements/team.html", {"rows": rows, "today": staffing.today})


@requires(P.VIEW_WORK)
def my_profile(request: TenantRequest, organization: str) -> HttpResponse:
    return to("profile", request, request.membership.user.email)


@requires(P.VIEW_WORK)
def profile(request: TenantRequest, organization: str, email: str) -> HttpResponse:
    """One's own, or another's for who plans the work."""
    member = member_or_404(request, email)
    own = member.id == request.membership.id
    if not own and not request.membership.may(P.VIEW_STAFF):
        raise PermissionDenied("Only those who plan the work see another's profile.")
    today = today_of(request.organization.time_zone)
    staffing = Staffing([member], [], loads=True)
    known = staffing.known[member.id]
    away = Absence.objects.filter(member=member, ends_on__gte=today).order_by("starts_on").first()
    context = {
        "member": member,
        "profile": known.profile,
        "load": load_text(known),
        "coming": weeks.coming(member, known.profile, today, ZoneInfo(request.organization.time_zone)),
        "this_week": week_of(today),
        "open_items": known.open_items,
        "parts": [(name, part, _lines(part, member, today)) for name, part in PARTS.items()],
        "away": away if away is not None and away.starts_on <= today else None,
        "next_absence": away,
        "events": queries.events_of_profile(member.user.email),
        "may_edit": request.membership.may(P.EDIT_STAFF),
        "may_track": request.membership.may(P.TRACK_ITEMS),
        "crumbs": [*_crumbs(request), (member.display_name, "")],
    }
    return render(request, "engagements/profile.html", context)


def _crumbs(request: TenantRequest) -> list[tuple[str, str]]:
    return [("Team", address("team", request.organization.slug))] if request.membership.may(P.VIEW_STAFF) else []


def _rows(part: Part, member: Membership) -> list[Any]:
    return list(part.model.objects.filter(member=member).order_by(*part.order)[:200])


def _lines(part: Part, member: Membership, today: Any) -> list[tuple[Any, str, str, str]]:
    """The row, its text, a second line, and a warning if any."""
    rows = _rows(part, member)
    clients: dict[int, str] = {}
    if part.model is Conflict:
        clients = dict(Client.objects.filter(id__in={row.client_id for row in rows}).values_list("id", "name"))
    return [(row, *_line(row, clients, today)) for row in rows]


def _line(row: Any, clients: dict[int, str], today: Any) -> tuple[str, str, str]:
    if isinstance(row, SpokenLanguage):
        return language_name(row.language), row.get_level_display(), ""
    if isinstance(row, Absence):
        return f"{row.starts_on:%d %b %Y} to {row.ends_on:%d %b %Y}", row.get_reason_display(), ""
    if isinstance(row, Conflict):
        # A client that the reader cannot see keeps its name to itself.
        who = row.party or clients.get(row.client_id or 0, "A client you do not see")
        return who, f"since {row.since:%d %b %Y}{f', {row.note}' if row.note else ''}", ""
    lapsed = "Lapsed" if row.valid_to is not None and row.valid_to < today else ""
    until = f"valid to {row.valid_to:%d %b %Y}" if row.valid_to else "no end on record"
    if isinstance(row, Admission):
        return row.jurisdiction, f"{f'{row.number}, ' if row.number else ''}{until}", lapsed
    score = f", {row.score.normalize():f} %" if row.score is not None else ""
    return f"{row.title}", f"{row.get_kind_display()}{score}, passed {row.passed_on:%d %b %Y}, {until}", lapsed


@requires(P.EDIT_STAFF, POST=P.EDIT_STAFF)
@acting
def edit_profile(request: TenantRequest, organization: str, email: str) -> HttpResponse:
    member = member_or_404(request, email)
    row = ReviewerProfile.objects.filter(member=member).first()
    form = ProfileForm(posted(request), instance=row, initial={"version": row.version if row else 1})
    saved = attempt(form, lambda: actions.update_profile(member=member, by=request.actor, **form.cleaned_data))
    if saved is not None:
        return to("profile", request, email)
    return _form(request, member, form, f"Profile of {member.display_name}", "Save")


@requires(P.EDIT_STAFF, POST=P.EDIT_STAFF)
@acting
def add_to_profile(request: TenantRequest, organization: str, email: str, part: str) -> HttpResponse:
    member, chosen = member_or_404(request, email), _part_or_404(part)
    initial = {"since": today_of(request.organization.time_zone)} if chosen.model is Conflict else {}
    form = chosen.form(posted(request), initial=initial)
    added = attempt(form, lambda: chosen.add(member=member, by=request.actor, **form.cleaned_data))
    if added is not None:
        return to("profile", request, email)
    return _form(request, member, form, f"Add {'an' if chosen.noun[0] in 'a' else 'a'} {chosen.noun}", "Add")


def _part_or_404(name: str) -> Part:
    if name not in PARTS:
        raise Http404("No such page.")
    return PARTS[name]


def _form(request: TenantRequest, member: Membership, form: BaseForm, title: str, submit: str) -> HttpResponse:
    crumbs = [*_crumbs(request), (member.display_name, address("profile", request.organization.slug, member.user.email))]
    return form_page(request, form, title=title, submit=submit, crumbs=crumbs)


@requires(POST=P.EDIT_STAFF)
@acting
def remove_from_profile(request: TenantRequest, organization: str, email: str, part: str) -> HttpResponse:
    """The line is named by itself, not by its place: others may have been taken off since the page was read."""
    member, model = member_or_404(request, email), _part_or_404(part).model
    named = request.POST.get("row", "")
    row = model.objects.filter(member=member, pk=int(named)).first() if named.isdecimal() and len(named) < 19 else None
    if row is None:
        messages.error(request, "This line is not on the profile any more: somebody removed it in the meantime.")
    else:
        told(request, lambda: actions.remove_from_profile(row=row, member=member, by=request.actor))
    return to("profile", request, email)
