"""The organization's settings and its API tokens."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from lpo.accounts import actions, queries
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.forms import OrganizationForm, TokenForm, show_refusal
from lpo.accounts.models import ApiToken
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused, StaleVersion
from lpo.core.views import conflict


@requires(P.MANAGE_ORGANIZATION, POST=P.MANAGE_ORGANIZATION)
def settings(request: TenantRequest, organization: str) -> HttpResponse:
    form = OrganizationForm(request.POST or None, organization=request.organization)
    if request.method == "POST" and form.is_valid():
        try:
            actions.update_organization(organization=request.organization, by=request.actor, **form.cleaned_data)
        except StaleVersion as stale:
            return conflict(request, yours=_in_words(stale.yours), theirs=_in_words(stale.theirs), back=request.path)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, "The settings are saved.")
            return redirect("accounts:settings", organization)
    context = {"form": form, "coverage": queries.coverage(request.organization)}
    return render(request, "accounts/settings.html", context, status=422 if form.errors else 200)


def _in_words(values: dict[str, object]) -> str:
    labels = {"name": "Name", "time_zone": "Time zone", "require_mfa": "Two-step sign-in required"}
    shown = {True: "yes", False: "no"}
    return "; ".join(f"{labels[field]}: {shown[value] if isinstance(value, bool) else value}" for field, value in values.items())


@requires(P.MANAGE_TOKENS)
def tokens(request: TenantRequest, organization: str) -> HttpResponse:
    return render(request, "accounts/tokens.html", {"tokens": queries.tokens(request.organization)})


@requires(P.MANAGE_TOKENS, POST=P.MANAGE_TOKENS)
def new_token(request: TenantRequest, organization: str) -> HttpResponse:
    form = TokenForm(request.POST or None)
    crumbs = [("API tokens", reverse("accounts:tokens", args=[organization])), ("New token", "")]
    if request.method == "POST" and form.is_valid():
        try:
            token, raw = actions.create_token(by=request.actor, **form.cleaned_data)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            # Shown in this answer and not after a redirect: to survive one, the secret would have to be stored.
            return render(request, "accounts/token_created.html", {"token": token, "raw": raw, "crumbs": crumbs}, status=201)
    return render(request, "accounts/new_token.html", {"form": form, "crumbs": crumbs}, status=422 if form.errors else 200)


@requires(POST=P.MANAGE_TOKENS)
def revoke_token(request: TenantRequest, organization: str, prefix: str) -> HttpResponse:
    token = get_object_or_404(ApiToken, organization=request.organization, prefix=prefix)
    actions.revoke_token(token=token, by=request.actor)
    messages.success(request, f"{token.name} is revoked: its next request is refused.")
    return redirect("accounts:tokens", organization)
