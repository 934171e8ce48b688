"""The people of an organization: who is in, who is invited, which role each has."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from lpo.accounts import actions, choices, queries
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.actions.people import may_grant
from lpo.accounts.forms import InviteForm, RoleForm, show_refusal
from lpo.accounts.models import Invitation, Membership
from lpo.accounts.roles import Permission as P
from lpo.accounts.roles import Role
from lpo.accounts.views.public import landing_address
from lpo.core.errors import Refused, StaleVersion
from lpo.core.views import conflict


@requires(P.ENTER)
def landing(request: TenantRequest, organization: str) -> HttpResponse:
    return redirect(landing_address(request.membership))


@requires(P.MANAGE_PEOPLE)
def people(request: TenantRequest, organization: str) -> HttpResponse:
    found = queries.people(request.organization, request.GET.get("after", ""))
    page = found[: queries.PAGE]
    following = f"?{urlencode({'after': page[-1].user.email})}" if len(found) > queries.PAGE else ""
    clients = dict(choices.client_choices())
    invited = [
        (i, Role(i.role).label, i.expires_at <= timezone.now()) for i in queries.open_invitations(request.organization)[: queries.PAGE]
    ]
    coverage = queries.coverage(request.organization)
    context = {
        "rows": [(member, clients.get(member.client_id or 0, "")) for member in page],
        "invited": invited,
        "coverage_text": f"{coverage.with_mfa} of {coverage.staff}",
        "coverage_note": "required" if request.organization.require_mfa else "not required",
        "coverage_kind": "met" if coverage.with_mfa == coverage.staff else "risk",
        "next_url": following,
        "first_page": "after" not in request.GET,
    }
    return render(request, "accounts/people.html", context)


@requires(P.MANAGE_PEOPLE, POST=P.MANAGE_PEOPLE)
def invite(request: TenantRequest, organization: str) -> HttpResponse:
    form = InviteForm(request.POST or None, actor=request.actor)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            invitation = actions.invite(email=data["email"], role=data["role"], client_id=data["client"], by=request.actor)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, f"{invitation.email} is invited. The link works for seven days.")
            return redirect("accounts:people", organization)
    return render(
        request, "accounts/invite.html", {"form": form, "crumbs": _crumbs(organization, "Invite")}, status=422 if form.errors else 200
    )


@requires(POST=P.MANAGE_PEOPLE)
def resend(request: TenantRequest, organization: str, email: str) -> HttpResponse:
    return _on_invitation(request, email, "resend")


@requires(POST=P.MANAGE_PEOPLE)
def revoke(request: TenantRequest, organization: str, email: str) -> HttpResponse:
    return _on_invitation(request, email, "revoke")


def _on_invitation(request: TenantRequest, email: str, act: str) -> HttpResponse:
    invitation: Invitation = get_object_or_404(queries.open_invitations(request.organization), email=email)
    try:
        if act == "resend":
            actions.resend_invitation(invitation=invitation, by=request.actor)
            messages.success(request, f"A new link is on its way to {email}; the earlier one no longer works.")
        else:
            actions.revoke_invitation(invitation=invitation, by=request.actor)
            messages.success(request, f"The invitation of {email} is withdrawn; its link no longer works.")
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("accounts:people", request.organization.slug)


@requires(P.MANAGE_PEOPLE, POST=P.MANAGE_PEOPLE)
def person(request: TenantRequest, organization: str, email: str) -> HttpResponse:
    member = get_object_or_404(queries.person(request.organization, email))
    form = RoleForm(request.POST or None, actor=request.actor, member=member)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            actions.change_role(membership=member, role=data["role"], client_id=data["client"], was=data["was"], by=request.actor)
        except StaleVersion as stale:
            return conflict(request, yours=str(stale.yours["role"]), theirs=str(stale.theirs["role"]), back=request.path)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, f"{member.display_name} is now {Role(data['role']).label.lower()}.")
            return redirect("accounts:people", organization)
    return _person_page(request, member, form)


def _person_page(request: TenantRequest, member: Membership, form: RoleForm) -> HttpResponse:
    context = {
        "member": member,
        "form": form,
        "client_name": dict(choices.client_choices()).get(member.client_id or 0, ""),
        "may_change": may_grant(request.actor, member.role),
        "is_self": member.id == request.membership.id,
        "crumbs": _crumbs(request.organization.slug, member.display_name),
    }
    return render(request, "accounts/person.html", context, status=422 if form.errors else 200)


@requires(POST=P.MANAGE_PEOPLE)
def deactivate(request: TenantRequest, organization: str, email: str) -> HttpResponse:
    member = get_object_or_404(queries.person(request.organization, email))
    try:
        actions.deactivate_membership(membership=member, by=request.actor)
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("accounts:person", organization, email)
    messages.success(request, f"{member.display_name} is deactivated and signed out.")
    return redirect("accounts:people", organization)


@requires(POST=P.MANAGE_PEOPLE)
def reactivate(request: TenantRequest, organization: str, email: str) -> HttpResponse:
    member = get_object_or_404(queries.person(request.organization, email))
    try:
        actions.reactivate_membership(membership=member, by=request.actor)
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("accounts:person", organization, email)
    messages.success(request, f"{member.display_name} is active again.")
    return redirect("accounts:people", organization)


def _crumbs(organization: str, here: str) -> list[tuple[str, str]]:
    return [("People", reverse("accounts:people", args=[organization])), (here, "")]
