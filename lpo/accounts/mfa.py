"""Whether a member still has to set up a second factor."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from lpo.accounts.models import Membership
from lpo.accounts.roles import Role


def mfa_missing(request: HttpRequest, membership: Membership) -> bool:
    """True when the organization requires a second factor of its staff and this person has none. Clients are exempt."""
    if not membership.organization.require_mfa or membership.role == Role.CLIENT_VIEWER:
        return False
    return not Authenticator.objects.filter(user_id=membership.user_id, type=Authenticator.Type.TOTP).exists()


def set_up_first(request: HttpRequest, membership: Membership) -> HttpResponse:
    """To the set-up page, saying why: nothing else of the organization opens before."""
    messages.warning(request, f"{membership.organization.name} requires two-step sign-in of its staff. Set it up to go on.")
    return redirect("mfa_activate_totp")
