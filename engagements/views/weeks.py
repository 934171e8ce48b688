"""Weeks of one person that hold more or less than usual."""

from __future__ import annotations

from django.http import Http404, HttpResponse

from engagements import actions
from engagements.models import WeekCapacity
from engagements.people_forms import WeekCapacityForm, WeekChangeForm, monday_of
from engagements.views.edges import acting, address, attempt, fields_of, form_page, posted, to
from engagements.views.people import member_or_404
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission as P

_NOTE = "In place of what a full week of theirs holds. Suggestions, dealing work out and the desk go by it."


def _crumbs(request: TenantRequest, member: Membership) -> list[tuple[str, str]]:
    slug = request.organization.slug
    return [("Team", address("team", slug)), (member.display_name, address("profile", slug, member.user.email))]


def _row_or_404(member: Membership, week: str) -> WeekCapacity:
    monday = monday_of(week)
    found: WeekCapacity | None = WeekCapacity.objects.filter(member=member, first_week=monday).first() if monday else None
    if found is None:
        raise Http404("No such page.")
    return found


@requires(P.EDIT_STAFF, POST=P.EDIT_STAFF)
@acting
def new_week(request: TenantRequest, organization: str, email: str) -> HttpResponse:
    member = member_or_404(request, email)
    form = WeekCapacityForm(posted(request), initial={"first_week": monday_of(request.GET.get("week", ""))})
    added = attempt(form, lambda: actions.add_week(member=member, by=request.actor, **form.cleaned_data))
    if added is not None:
        return to("profile", request, email)
    return form_page(request, form, title=f"A week of {member.display_name}", submit="Add", crumbs=_crumbs(request, member), note=_NOTE)


@requires(P.EDIT_STAFF, POST=P.EDIT_STAFF)
@acting
def edit_week(request: TenantRequest, organization: str, email: str, week: str) -> HttpResponse:
    member = member_or_404(request, email)
    row = _row_or_404(member, week)
    title = f"{row} of {member.display_name}"
    form = WeekChangeForm(posted(request), instance=row, initial={"version": row.version})
    changed = attempt(
        form,
        lambda: actions.change_week(
            row=row, member=member, by=request.actor, version=form.cleaned_data["version"], **fields_of(form, keep={"reason"})
        ),
    )
    if changed is not None:
        return to("profile", request, email)
    return form_page(request, form, title=title, submit="Save", crumbs=_crumbs(request, member), note=_NOTE)


@requires(POST=P.EDIT_STAFF)
@acting
def remove_week(request: TenantRequest, organization: str, email: str, week: str) -> HttpResponse:
    member = member_or_404(request, email)
    row, version = _row_or_404(member, week), request.POST.get("version", "")
    actions.remove_week(row=row, member=member, by=request.actor, version=int(version) if version.isdecimal() and len(version) < 10 else 0)
    return to("profile", request, email)
