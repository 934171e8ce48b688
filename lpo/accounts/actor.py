"""Who does something: a member, an API token or the system. Every action takes one as `by=`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied

from lpo.accounts.roles import Permission

if TYPE_CHECKING:
    from lpo.accounts.models import ApiToken, Membership


class NotPermitted(PermissionDenied):
    """The actor's role does not include the permission an action needs. At any edge that lets it pass, the answer is 403."""


@dataclass(frozen=True)
class Actor:
    """`kind` is member, token or system. `member_id` is the membership behind a member or a token, None for the system."""

    kind: str
    organization_id: int
    label: str
    member_id: int | None = None
    token_id: int | None = None
    permissions: frozenset[Permission] = frozenset()

    @classmethod
    def member(cls, membership: Membership) -> Actor:
        return cls("member", membership.organization_id, membership.display_name, membership.id, None, membership.permissions)

    @classmethod
    def token(cls, token: ApiToken, permissions: frozenset[Permission]) -> Actor:
        return cls("token", token.organization_id, f"API token {token.name}", token.created_by_id, token.id, permissions)

    @classmethod
    def system(cls, organization_id: int, label: str = "System") -> Actor:
        return cls("system", organization_id, label, permissions=frozenset(Permission))

    def need(self, permission: Permission) -> None:
        """Raise `NotPermitted` unless the actor holds the permission: actions check too, whatever the edge."""
        if permission not in self.permissions:
            raise NotPermitted(f"{self.label} may not {permission.value}.")
