"""What the pages of people and tokens read."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from lpo.accounts.models import ApiToken, Invitation, Membership, Organization, User
from lpo.accounts.roles import Role

PAGE = 100


@dataclass(frozen=True)
class Coverage:
    """How many of the active staff have a second factor. Client viewers are not counted: theirs is their own matter."""

    staff: int
    with_mfa: int


def _has_totp(user: str) -> Exists:
    return Exists(Authenticator.objects.filter(user_id=OuterRef(user), type=Authenticator.Type.TOTP))


def people(organization: Organization, after: str = "") -> list[Membership]:
    """Up to one more than a page, by e-mail address from behind `after`; each with `has_mfa`."""
    found = Membership.objects.filter(organization=organization).select_related("user").annotate(has_mfa=_has_totp("user_id"))
    if after:
        found = found.filter(user__email__gt=after)
    return list(found.order_by("user__email")[: PAGE + 1])


def person(organization: Organization, email: str) -> QuerySet[Membership]:
    found = Membership.objects.filter(organization=organization, user__email=email)
    return found.select_related("user", "organization").annotate(has_mfa=_has_totp("user_id"))


def coverage(organization: Organization) -> Coverage:
    staff = Membership.objects.filter(organization=organization, is_active=True).exclude(role=Role.CLIENT_VIEWER)
    return Coverage(staff.count(), staff.annotate(has_mfa=_has_totp("user_id")).filter(has_mfa=True).count())


def open_invitations(organization: Organization) -> QuerySet[Invitation]:
    """Not accepted and not revoked; expired ones too, because they can be sent again."""
    return (
        Invitation.objects.filter(organization=organization, accepted_at=None, revoked_at=None)
        .select_related("invited_by__user")
        .order_by("email")
    )


def tokens(organization: Organization) -> QuerySet[ApiToken]:
    """Usable ones first, then what expired or was revoked, newest first; the newest hundred."""
    usable = Q(revoked_at=None, expires_at__gt=timezone.now(), created_by__is_active=True)
    found = ApiToken.objects.filter(organization=organization).select_related("created_by__user").annotate(usable=usable)
    return found.order_by("-usable", "-id")[:PAGE]


def memberships(user: User) -> list[Membership]:
    found = Membership.objects.filter(user=user, is_active=True).select_related("organization")
    return list(found.order_by("organization__name", "id"))
