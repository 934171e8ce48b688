"""Forms of accounts. They check shapes; the rules are the actions'."""

from __future__ import annotations

from functools import cache
from typing import Any

from allauth.account.forms import SignupForm
from allauth.core import context
from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from lpo.accounts import actions, choices, invitations
from lpo.accounts.actions.people import may_grant
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization, User
from lpo.accounts.roles import Role
from lpo.accounts.tokens import SCOPE_LABELS, Scope
from lpo.core.errors import Refused
from lpo.core.validators import validate_line
from lpo.core.zones import zone_names

ROLE_WORDS: dict[Role, str] = {
    Role.OWNER: "everything, owners included",
    Role.ADMINISTRATOR: "people, tokens, settings and master data",
    Role.PROJECT_MANAGER: "engagements, items, service levels and quality; sees money",
    Role.COORDINATOR: "tracks and schedules items; no prices, no work product",
    Role.REVIEWER: "works on items",
    Role.BILLING: "charge terms and invoices",
    Role.ATTORNEY: "outside counsel of named matters: answers, signs, samples",
    Role.AUDITOR: "reads all but walled matters, changes nothing",
    Role.CLIENT_VIEWER: "the portal of one client, read only",
}


THEMES = [("system", "As the system"), ("light", "Light"), ("dark", "Dark")]


@cache
def zones() -> list[tuple[str, str]]:
    """Places, which people know, and UTC; not the historic aliases."""
    places = sorted(zone for zone in zone_names() if "/" in zone and not zone.startswith(("Etc/", "SystemV/", "US/")))
    return [("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in places)]


def _zones_with(current: str) -> list[tuple[str, str]]:
    return zones() if not current or current in dict(zones()) else [*zones(), (current, current)]


def show_refusal(form: forms.Form, refused: Refused) -> None:
    """Put what an action said beside the field it names, or above the form."""
    form.add_error(refused.field if refused.field in form.fields else None, refused.message)


class InvitedSignupForm(SignupForm):  # type: ignore[misc]
    """Sign-up for the invited address, which is shown and cannot be edited: a disabled field ignores what is posted."""

    name = forms.CharField(
        max_length=150, label="Your name", validators=[validate_line], widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    field_order = ["email", "name", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = invitations.of_session(context.request)
        address = self.invitation.email if self.invitation else ""
        self.fields["email"].disabled = True
        self.fields["email"].label = "E-mail address"
        # The form's own initial value wins over the field's, and allauth fills it from the query string.
        self.initial["email"] = address

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """The account and the membership, or neither: the invitation may have been revoked a moment ago."""
        try:
            with transaction.atomic():
                user, response = super().try_save(request)
                if user is not None:
                    self._join(request, user)
                return user, response
        except Refused:
            return None, redirect("account_signup")

    def _join(self, request: HttpRequest, user: User) -> None:
        if self.invitation is None:
            raise Refused("There is no open invitation.")
        user.name = " ".join(self.cleaned_data["name"].split())
        user.save(update_fields=["name"])
        actions.accept_invitation(invitation=self.invitation, user=user)
        invitations.forget(request)


class _RoleFields(forms.Form):
    role = forms.ChoiceField(label="Role", widget=forms.RadioSelect)
    client = forms.TypedChoiceField(
        label="Client", coerce=int, empty_value=None, required=False, help_text="For a client viewer: the one client they may see."
    )

    def _offer(self, actor: Actor) -> None:
        self.fields["role"].choices = [(role.value, f"{role.label}: {ROLE_WORDS[role]}") for role in Role if may_grant(actor, role)]  # type: ignore[attr-defined]
        self.fields["client"].choices = [("", "None"), *choices.client_choices()]  # type: ignore[attr-defined]


class InviteForm(_RoleFields):
    email = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    field_order = ["email", "role", "client"]

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer(actor)


class RoleForm(_RoleFields):
    """`was` carries the role the page showed, so that a decision on an outdated one is noticed."""

    was = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, actor: Actor, member: Membership, **kwargs: Any) -> None:
        kwargs["initial"] = {"role": member.role, "client": member.client_id, "was": member.role}
        super().__init__(*args, **kwargs)
        self._offer(actor)


class OrganizationForm(forms.Form):
    name = forms.CharField(max_length=150, label="Name")
    time_zone = forms.ChoiceField(label="Time zone", help_text="For people who have not chosen their own.")
    require_mfa = forms.BooleanField(
        label="Require two-step sign-in of staff",
        required=False,
        help_text="Staff without an authenticator app reach nothing but its set-up. Client viewers and API tokens are exempt.",
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        kwargs["initial"] = {field: getattr(organization, field) for field in ("name", "time_zone", "require_mfa", "version")}
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = _zones_with(organization.time_zone)  # type: ignore[attr-defined]


class TokenForm(forms.Form):
    name = forms.CharField(max_length=100, label="Name", help_text="What uses it: “Review platform, nightly import”.")
    scopes = forms.MultipleChoiceField(
        label="It may",
        widget=forms.CheckboxSelectMultiple,
        choices=[(scope.value, f"{SCOPE_LABELS[scope]} ({scope.value})") for scope in Scope],
    )
    days = forms.TypedChoiceField(
        label="Expires after", coerce=int, choices=[(30, "30 days"), (90, "90 days"), (180, "180 days"), (365, "365 days")], initial=90
    )


class ProfileForm(forms.Form):
    name = forms.CharField(max_length=150, label="Name", widget=forms.TextInput(attrs={"autocomplete": "name"}))
    time_zone = forms.ChoiceField(label="Time zone", required=False)
    theme = forms.ChoiceField(label="Theme", widget=forms.RadioSelect, choices=THEMES)
    keyboard_shortcuts = forms.BooleanField(
        label="Keyboard shortcuts", required=False, help_text="Single keys such as j, k and g t. Press ? for the list."
    )

    def __init__(self, *args: Any, user: User, keyboard_shortcuts: bool, **kwargs: Any) -> None:
        kwargs["initial"] = {"name": user.name, "time_zone": user.time_zone, "theme": user.theme, "keyboard_shortcuts": keyboard_shortcuts}
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = [("", "The organization's"), *_zones_with(user.time_zone)]  # type: ignore[attr-defined]
