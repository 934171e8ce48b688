"""Pages outside any organization: the way in, the choice of an organization, invitations and one's own profile."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from lpo.accounts import actions, invitations, queries
from lpo.accounts.access import public
from lpo.accounts.forms import ProfileForm, show_refusal
from lpo.accounts.models import Invitation, Membership, User
from lpo.accounts.roles import Role
from lpo.accounts.theme import remember_theme
from lpo.core.errors import Refused


def landing_address(membership: Membership) -> str:
    """Where a member's day begins. By address, because the rooms of these pages lie above."""
    page = "portal" if membership.role == Role.CLIENT_VIEWER else "today"
    return f"/{membership.organization.slug}/{page}/"


@public
@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    memberships = queries.memberships(cast(User, request.user))
    if len(memberships) == 1:
        return redirect(landing_address(memberships[0]))
    return redirect("organizations")


@public
@require_safe
@login_required
def organizations(request: HttpRequest) -> HttpResponse:
    """The organizations one belongs to. Belonging to none is said plainly: the account works, nobody has let it in."""
    rows = [(membership, landing_address(membership)) for membership in queries.memberships(cast(User, request.user))]
    return render(request, "accounts/organizations.html", {"rows": rows})


@public
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """What the link in the mail opens. Opening it changes nothing, because mail scanners open links too; the button accepts."""
    found = invitations.by_token(token)
    if found is None or not invitations.is_open(found):
        reason = _why_closed(found)
        return render(request, "accounts/invitation_closed.html", {"reason": reason}, status=404 if found is None else 410)
    user = request.user
    if not isinstance(user, AnonymousUser) and user.email.lower() != found.email.lower():
        # Not an error status: Django logs those with their path, and the link still works for its owner.
        return redirect(request.path) if request.method == "POST" else _page(request, found, "other")
    if request.method == "POST":
        return _accept(request, found, token)
    return _page(request, found, "member" if user.is_authenticated else "new")


def _page(request: HttpRequest, found: Invitation, who: str, *, status: int = 200, error: str = "") -> HttpResponse:
    context = {"invitation": found, "role": Role(found.role).label.lower(), "who": who, "error": error}
    return render(request, "accounts/invitation.html", context, status=status)


def _accept(request: HttpRequest, found: Invitation, token: str) -> HttpResponse:
    if isinstance(request.user, AnonymousUser):
        # Only the holder of the link learns whether the address has an account, and that is the address's owner.
        if User.objects.filter(email=found.email).exists():
            back = reverse("invitation", args=[token])
            return redirect(f"{reverse('account_login')}?{urlencode({'next': back})}")
        invitations.remember(request, found)
        return redirect("account_signup")
    try:
        membership = actions.accept_invitation(invitation=found, user=request.user)
    except Refused as refused:
        return _page(request, found, "member", status=422, error=refused.message)
    messages.success(request, f"You are now a member of {found.organization.name}.")
    return redirect(landing_address(membership))


def _why_closed(found: Invitation | None) -> str:
    if found is None:
        return "It is incomplete or was replaced by a newer one. Use the link in the latest message."
    if found.accepted_at:
        return "It was used already. Sign in with the account you made."
    if found.revoked_at:
        return "It was withdrawn. Ask the person who invited you."
    return "It has expired. Ask the person who invited you to send it again."


@public
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    memberships = queries.memberships(user)
    shortcuts = all(membership.keyboard_shortcuts for membership in memberships)
    form = ProfileForm(request.POST or None, user=user, keyboard_shortcuts=shortcuts)
    if request.method == "POST" and form.is_valid():
        try:
            saved = actions.update_profile(user=user, **form.cleaned_data)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, "Your profile is saved.")
            response = redirect("profile")
            remember_theme(response, saved.theme)
            return response
    return render(request, "accounts/profile.html", {"form": form}, status=422 if form.errors else 200)
