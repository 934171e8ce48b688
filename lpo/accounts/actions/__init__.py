"""The only writers of people, organizations and tokens. Each acts for an actor and leaves an audit event."""

from lpo.accounts.actions.factors import reencrypt_second_factors
from lpo.accounts.actions.organizations import create_organization, create_person, update_organization, update_profile
from lpo.accounts.actions.people import (
    accept_invitation,
    change_role,
    deactivate_membership,
    end_sessions,
    invite,
    reactivate_membership,
    resend_invitation,
    revoke_invitation,
)
from lpo.accounts.actions.tokens import create_token, revoke_token

__all__ = [
    "accept_invitation",
    "change_role",
    "create_organization",
    "create_person",
    "create_token",
    "deactivate_membership",
    "end_sessions",
    "invite",
    "reactivate_membership",
    "reencrypt_second_factors",
    "resend_invitation",
    "revoke_invitation",
    "revoke_token",
    "update_organization",
    "update_profile",
]
