"""An engagement's life: renew, convert a pilot, close with what is open in sight, reopen; its team."""

from __future__ import annotations

from datetime import timedelta

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions, queries
from engagements.budget import renewed_until
from engagements.contract_forms import CloseForm, ConvertForm, EndTeamForm, RenewForm, ReopenForm, TeamForm
from engagements.models import Engagement, TeamMember
from engagements.views.edges import acting, attempt, engagement_crumbs, engagement_or_404, form_page, posted, to
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def renew(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    engagement = engagement_or_404(reference)
    until = renewed_until(engagement.ends_on, engagement.renewal_months or 12) if engagement.ends_on else None
    form = RenewForm(posted(request), initial={"version": engagement.version, "ends_on": until})
    if attempt(form, lambda: actions.renew_engagement(engagement=engagement, by=request.actor, **form.cleaned_data)) is not None:
        return to("engagement", request, reference)
    note = "The running term stays on record; references, matters and charge terms go on."
    crumbs = engagement_crumbs(organization, engagement)
    return form_page(request, form, title="Renew", submit="Renew", crumbs=crumbs, note=note)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def convert(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    engagement = engagement_or_404(reference)
    starts = engagement.ends_on + timedelta(days=1) if engagement.ends_on else timezone.localdate()
    form = ConvertForm(posted(request), initial={"version": engagement.version, "starts_on": starts})
    if attempt(form, lambda: actions.convert_pilot(engagement=engagement, by=request.actor, **form.cleaned_data)) is not None:
        return to("engagement", request, reference)
    note = "References, matters, service levels and charge terms stay. What the contract says anew is written as its next version."
    crumbs = engagement_crumbs(organization, engagement)
    return form_page(request, form, title="Convert the pilot", submit="Convert", crumbs=crumbs, note=note)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def close(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """The checklist of what is open, and the closing itself."""
    engagement = engagement_or_404(reference)
    form = CloseForm(posted(request), initial={"version": engagement.version})
    closed = attempt(
        form, lambda: actions.close_engagement(engagement=engagement, by=request.actor, slug=organization, **form.cleaned_data)
    )
    if closed is not None:
        return to("engagement", request, reference)
    rows = queries.unfinished(organization, engagement)
    if not rows:
        form.fields["reason"].label = "Note"
    context = {
        "engagement": engagement,
        "form": form,
        "rows": [(row, row.url if request.membership.may(row.permission) else "") for row in rows],
        "crumbs": [*engagement_crumbs(organization, engagement), ("Close", "")],
    }
    return render(request, "engagements/close.html", context, status=422 if form.is_bound else 200)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def reopen(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    engagement = engagement_or_404(reference)
    form = ReopenForm(posted(request), initial={"version": engagement.version})
    if attempt(form, lambda: actions.reopen_engagement(engagement=engagement, by=request.actor, **form.cleaned_data)) is not None:
        return to("engagement", request, reference)
    crumbs = engagement_crumbs(organization, engagement)
    return form_page(request, form, title="Reopen", submit="Reopen", crumbs=crumbs)


# --- team ----------------------------------------------------------------------------------------------------------------------


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def new_team_member(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    engagement = engagement_or_404(reference)
    form = TeamForm(posted(request), initial={"starts_on": max(timezone.localdate(), engagement.starts_on)})
    if attempt(form, lambda: actions.add_team_member(engagement=engagement, by=request.actor, **form.cleaned_data)) is not None:
        return to("engagement", request, reference)
    crumbs = engagement_crumbs(organization, engagement)
    return form_page(request, form, title="New team member", submit="Add to the team", crumbs=crumbs)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def end_team_member(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    engagement = engagement_or_404(reference)
    row = _team_or_404(engagement, number)
    form = EndTeamForm(posted(request), initial={"last_day": row.ends_on or timezone.localdate()})
    if attempt(form, lambda: actions.end_team_member(row=row, by=request.actor, **form.cleaned_data)) is not None:
        return to("engagement", request, reference)
    title = f"{row.member.display_name}, {row.get_role_display().lower()}"
    return form_page(request, form, title=title, submit="Save", crumbs=engagement_crumbs(organization, engagement))


def _team_or_404(engagement: Engagement, number: int) -> TeamMember:
    """The engagement's nth team row, as its page numbers them."""
    rows = TeamMember.objects.filter(engagement=engagement).select_related("member__user").order_by("id")
    found: list[TeamMember] = list(rows[number - 1 : number]) if 0 < number < 2**31 else []
    if not found:
        raise Http404("No such page.")
    return found[0]
