"""Inviting people, giving them roles, letting them go."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from lpo.accounts import choices, invitations, trail
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import ApiToken, Invitation, Membership, Organization, User
from lpo.accounts.roles import ROLE_PERMISSIONS, Permission, Role, permissions_of
from lpo.core.errors import Refused, StaleVersion
from lpo.core.mail import absolute, compose, when
from lpo.tenancy.context import in_organization


class InvitationClosed(Refused):
    """The invitation was used, revoked, or has expired."""


class LastOwner(Refused):
    """The organization would be left without an owner."""


def is_owner(actor: Actor) -> bool:
    return ROLE_PERMISSIONS[Role.OWNER] <= actor.permissions


def may_grant(actor: Actor, role: str) -> bool:
    """Administrators manage people up to their own kind; only an owner makes or changes an owner."""
    return Permission.MANAGE_PEOPLE in actor.permissions and (role != Role.OWNER or is_owner(actor))


def member_behind(actor: Actor) -> int:
    """The membership that answers for the act; the system has none and may neither invite nor make tokens."""
    if actor.member_id is None:
        raise NotPermitted(f"{actor.label} is not a member.")
    return actor.member_id


@transaction.atomic
def invite(*, email: str, role: str, by: Actor, client_id: int | None = None) -> Invitation:
    """Invite an address to a role; the link is mailed on commit. Raises `Refused` naming the field."""
    by.need(Permission.MANAGE_PEOPLE)
    organization = _locked_organization(by)
    address = _clean_address(email)
    client = _clean_role(by, role, client_id)
    if Membership.objects.filter(organization=organization, user__email=address, is_active=True).exists():
        raise Refused(f"{address} is already a member of {organization.name}.", "email")
    _make_room(organization, address)
    token = invitations.new_token()
    invitation = Invitation.objects.create(
        organization=organization,
        email=address,
        role=role,
        client_id=client,
        token_digest=invitations.digest(token),
        invited_by_id=member_behind(by),
        expires_at=timezone.now() + invitations.LIFETIME,
    )
    trail.record(
        by=by, action="invitation.create", target=invitation, after={"email": address, "role": role, "client_id": client}, reference=address
    )
    _mail_link(invitation, token)
    return invitation


@transaction.atomic
def resend_invitation(*, invitation: Invitation, by: Actor) -> Invitation:
    """A new link and seven more days; the earlier link stops working. Raises `InvitationClosed`."""
    by.need(Permission.MANAGE_PEOPLE)
    invitation = _locked_invitation(invitation)
    if invitation.accepted_at or invitation.revoked_at:
        raise InvitationClosed("This invitation was used or revoked. Invite the address again.")
    _clean_role(by, invitation.role, invitation.client_id)
    token = invitations.new_token()
    invitation.token_digest = invitations.digest(token)
    invitation.expires_at = timezone.now() + invitations.LIFETIME
    invitation.save(update_fields=["token_digest", "expires_at"])
    trail.record(
        by=by, action="invitation.resend", target=invitation, after={"expires_at": invitation.expires_at}, reference=invitation.email
    )
    _mail_link(invitation, token)
    return invitation


@transaction.atomic
def revoke_invitation(*, invitation: Invitation, by: Actor) -> Invitation:
    """The link stops working at once. Revoking twice changes nothing; an accepted one raises `InvitationClosed`."""
    by.need(Permission.MANAGE_PEOPLE)
    invitation = _locked_invitation(invitation)
    if invitation.accepted_at:
        raise InvitationClosed("This invitation was accepted. Deactivate the member instead.")
    if invitation.revoked_at is None:
        _revoke(invitation, by)
    return invitation


@transaction.atomic
def accept_invitation(*, invitation: Invitation, user: User) -> Membership:
    """Give the person the invited role, anew if they were a member before. Raises `InvitationClosed`, `Refused`.

    Runs outside any organization (the link names it), so it enters the invitation's own.
    """
    with in_organization(invitation.organization_id):
        invitation = _locked_invitation(invitation)
        if not invitations.is_open(invitation):
            raise InvitationClosed("This invitation was used, revoked, or has expired.")
        if user.email.lower() != invitation.email.lower():
            raise Refused(f"This invitation is for {invitation.email}. You are signed in as {user.email}.")
        membership, before = _join(invitation, user)
        invitation.accepted_at, invitation.accepted_by = timezone.now(), membership
        invitation.save(update_fields=["accepted_at", "accepted_by"])
        after = {"role": membership.role, "client_id": membership.client_id, "is_active": True}
        trail.record(
            by=Actor.member(membership), action="invitation.accept", target=membership, before=before, after=after, reference=user.email
        )
        return membership


@transaction.atomic
def change_role(*, membership: Membership, role: str, was: str, by: Actor, client_id: int | None = None) -> Membership:
    """`was` is the role the person deciding saw. Raises `StaleVersion`, `LastOwner`, `Refused`."""
    by.need(Permission.MANAGE_PEOPLE)
    _locked_organization(by)
    membership = _locked_membership(membership)
    if membership.role != was:
        theirs = Role(membership.role).label
        raise StaleVersion(f"The role was changed to {theirs} meanwhile.", theirs={"role": theirs}, yours={"role": Role(role).label})
    client = _clean_role(by, role, client_id)
    _check_may_change(by, membership)
    if membership.id == by.member_id and not permissions_of(role) <= by.permissions:
        raise Refused("You cannot give yourself rights that your role does not have. Ask an owner.", "role")
    if role != Role.OWNER:
        _check_not_last_owner(membership)
    before = {"role": membership.role, "client_id": membership.client_id}
    membership.role, membership.client_id = role, client
    membership.save(update_fields=["role", "client_id"])
    after = {"role": role, "client_id": client}
    trail.record(by=by, action="membership.change_role", target=membership, before=before, after=after, reference=membership.user.email)
    return membership


@transaction.atomic
def deactivate_membership(*, membership: Membership, by: Actor) -> Membership:
    """The person is out at once: sessions end unless another organization needs them, their tokens and open invitations are revoked."""
    by.need(Permission.MANAGE_PEOPLE)
    _locked_organization(by)
    membership = _locked_membership(membership)
    if membership.id == by.member_id:
        raise Refused("You cannot deactivate yourself. Ask another administrator.")
    _check_may_change(by, membership)
    _check_not_last_owner(membership)
    if not membership.is_active:
        return membership
    membership.is_active = False
    membership.save(update_fields=["is_active"])
    for invitation in Invitation.objects.filter(invited_by=membership, accepted_at=None, revoked_at=None).order_by("id"):
        _revoke(invitation, by)
    tokens = ApiToken.objects.filter(created_by=membership, revoked_at=None).update(revoked_at=timezone.now())
    if not Membership.objects.filter(user_id=membership.user_id, is_active=True).exists():
        end_sessions(membership.user)
    trail.record(
        by=by,
        action="membership.deactivate",
        target=membership,
        before={"is_active": True},
        after={"is_active": False, "tokens_revoked": tokens},
        reference=membership.user.email,
    )
    return membership


@transaction.atomic
def reactivate_membership(*, membership: Membership, by: Actor) -> Membership:
    """The same role as before. Tokens and invitations stay revoked."""
    by.need(Permission.MANAGE_PEOPLE)
    membership = _locked_membership(membership)
    _check_may_change(by, membership)
    if not membership.is_active:
        membership.is_active = True
        membership.save(update_fields=["is_active"])
        trail.record(
            by=by,
            action="membership.reactivate",
            target=membership,
            before={"is_active": False},
            after={"is_active": True, "role": membership.role},
            reference=membership.user.email,
        )
    return membership


def end_sessions(user: User) -> int:
    """Sign the person out everywhere; how many sessions ended."""
    sessions = list(UserSession.objects.filter(user_id=user.pk))
    for session in sessions:
        session.end()
    return len(sessions)


# --- rules -------------------------------------------------------------------------------------------------------


def _clean_address(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise Refused("Enter a valid e-mail address.", "email") from None
    return address


def _clean_role(by: Actor, role: str, client_id: int | None) -> int | None:
    """The client a membership of this role names: one for a client viewer, none for staff."""
    if role not in Role.values:
        raise Refused("Choose a role.", "role")
    if not may_grant(by, role):
        raise Refused("Only an owner can make someone an owner.", "role")
    if role != Role.CLIENT_VIEWER:
        return None
    if client_id is None or client_id not in {number for number, _ in choices.client_choices()}:
        raise Refused("Choose the client this person may see.", "client")
    return client_id


def _check_may_change(by: Actor, membership: Membership) -> None:
    if membership.role == Role.OWNER and not is_owner(by):
        raise Refused("Only an owner can change an owner.", "role")


def _check_not_last_owner(membership: Membership) -> None:
    """Holds under the organization's lock, so two owners cannot step down at the same moment."""
    if membership.role != Role.OWNER or not membership.is_active:
        return
    others = Membership.objects.filter(organization_id=membership.organization_id, role=Role.OWNER, is_active=True).exclude(
        pk=membership.pk
    )
    if not others.exists():
        raise LastOwner("This is the last owner. Make someone else an owner first.", "role")


# --- steps -------------------------------------------------------------------------------------------------------


def _locked_organization(by: Actor) -> Organization:
    return Organization.objects.select_for_update().get(pk=by.organization_id)


def _locked_membership(membership: Membership) -> Membership:
    found = Membership.objects.select_for_update(of=("self",)).select_related("user", "organization")
    return found.get(pk=membership.pk, organization_id=membership.organization_id)


def _locked_invitation(invitation: Invitation) -> Invitation:
    found = Invitation.objects.select_for_update(of=("self",)).select_related("organization", "invited_by__user")
    return found.get(pk=invitation.pk, organization_id=invitation.organization_id)


def _make_room(organization: Organization, address: str) -> None:
    """An expired invitation gives way to a new one; an open one is to be resent instead."""
    earlier = Invitation.objects.filter(organization=organization, email=address, accepted_at=None, revoked_at=None).first()
    if earlier is None:
        return
    if invitations.is_open(earlier):
        raise Refused(f"{address} is already invited. Send the invitation again from the list of people.", "email")
    earlier.revoked_at = timezone.now()
    earlier.save(update_fields=["revoked_at"])


def _join(invitation: Invitation, user: User) -> tuple[Membership, dict[str, object] | None]:
    earlier = Membership.objects.select_for_update().filter(organization_id=invitation.organization_id, user=user).first()
    if earlier is None:
        created = Membership.objects.create(
            organization=invitation.organization, user=user, role=invitation.role, client_id=invitation.client_id
        )
        return created, None
    if earlier.is_active:
        raise Refused(f"You are already a member of {invitation.organization.name}.")
    before: dict[str, object] = {"role": earlier.role, "client_id": earlier.client_id, "is_active": False}
    earlier.role, earlier.client_id, earlier.is_active = invitation.role, invitation.client_id, True
    earlier.save(update_fields=["role", "client_id", "is_active"])
    return earlier, before


def _revoke(invitation: Invitation, by: Actor) -> None:
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])
    trail.record(
        by=by, action="invitation.revoke", target=invitation, after={"revoked_at": invitation.revoked_at}, reference=invitation.email
    )


def _mail_link(invitation: Invitation, token: str) -> None:
    inviter = Membership.objects.select_related("user").get(pk=invitation.invited_by_id)
    context = {
        "inviter": inviter.display_name,
        "organization": invitation.organization.name,
        "role": Role(invitation.role).label.lower(),
        "url": absolute(reverse("invitation", args=[token])),
        "email": invitation.email,
        "expires": when(invitation.expires_at),
    }
    message = compose("invitation", context, to=invitation.email)
    # A mail server that is away must not undo the invitation; the list of people offers to send it again.
    transaction.on_commit(message.send, robust=True)
