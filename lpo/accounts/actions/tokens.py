"""Making and revoking API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from lpo.accounts import tokens, trail
from lpo.accounts.actions.people import member_behind
from lpo.accounts.actor import Actor
from lpo.accounts.models import ApiToken
from lpo.accounts.roles import Permission
from lpo.core.errors import Refused
from lpo.core.validators import problem_of_text


@transaction.atomic
def create_token(*, name: str, scopes: Sequence[str], days: int, by: Actor) -> tuple[ApiToken, str]:
    """The token's row and its text, which is never readable again. Raises `Refused` naming the field."""
    by.need(Permission.MANAGE_TOKENS)
    if problem := problem_of_text(name.strip()):
        raise Refused(problem, "name")
    name = " ".join(name.split())
    if not name or len(name) > 100:
        raise Refused("Enter a name of at most 100 characters.", "name")
    wanted = _clean_scopes(scopes, by)
    if not 1 <= days <= tokens.MAX_DAYS:
        raise Refused(f"A token lasts between 1 and {tokens.MAX_DAYS} days.", "days")
    raw, prefix = tokens.new_token()
    now = timezone.now()
    token = ApiToken.objects.create(
        organization_id=by.organization_id,
        name=name,
        digest=tokens.digest(raw),
        prefix=prefix,
        scopes=wanted,
        created_by_id=member_behind(by),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    after = {"name": name, "scopes": wanted, "expires_at": token.expires_at}
    trail.record(by=by, action="token.create", target=token, after=after, reference=prefix)
    return token, raw


@transaction.atomic
def revoke_token(*, token: ApiToken, by: Actor) -> ApiToken:
    """Stops working with the next request. Revoking twice changes nothing."""
    by.need(Permission.MANAGE_TOKENS)
    token = ApiToken.objects.select_for_update().get(pk=token.pk, organization_id=by.organization_id)
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        trail.record(by=by, action="token.revoke", target=token, after={"revoked_at": token.revoked_at}, reference=token.prefix)
    return token


def _clean_scopes(scopes: Sequence[str], by: Actor) -> list[str]:
    """Known scopes, each once. A token never holds a right its maker lacks, or making one would be a way around roles."""
    known = [scope for scope in tokens.Scope if scope.value in scopes]
    if not known or len(known) != len(set(scopes)):
        raise Refused("Choose what the token may do.", "scopes")
    beyond = [scope.value for scope in known if not tokens.SCOPE_PERMISSIONS[scope] <= by.permissions]
    if beyond:
        raise Refused(f"Your role does not include what {', '.join(beyond)} allows. Ask an owner to make this token.", "scopes")
    return [scope.value for scope in known]
