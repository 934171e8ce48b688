"""Whose rows the current transaction may see.

The organization, the client, the hidden matters and the database role live in PostgreSQL as transaction-local settings;
row-level security reads them there. A context variable mirrors them so that the manager can raise before a query runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.db import connection, transaction

from lpo.core import logs

APP_ROLE = "none"  # SET ROLE NONE: back to the role that signed in
PORTAL_ROLE = "lpo_portal"


class NoOrganization(RuntimeError):
    """A tenant table was read or written outside any organization."""


@dataclass(frozen=True)
class Scope:
    """What one transaction may see. `only_matters` None means every matter that is not hidden."""

    organization_id: int
    client_id: int | None = None
    hidden_matters: tuple[int, ...] = ()
    only_matters: tuple[int, ...] | None = None
    portal: bool = False


_scope: ContextVar[Scope | None] = ContextVar("lpo_scope", default=None)


def current_scope() -> Scope:
    """The scope in force. Raises `NoOrganization` when there is none."""
    scope = _scope.get()
    if scope is None:
        raise NoOrganization("No organization is set. Enter lpo.tenancy.context.scoped(...) first.")
    return scope


def current_organization_id() -> int:
    return current_scope().organization_id


def has_scope() -> bool:
    return _scope.get() is not None


def _array(ids: Iterable[int] | None) -> str:
    return "" if ids is None else "{" + ",".join(str(int(i)) for i in ids) + "}"


def _apply(scope: Scope | None) -> None:
    """Write the settings and the role in one statement. Role names are constants of ours, never input."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('lpo.organization_id', %s, true), set_config('lpo.client_id', %s, true),"
            " set_config('lpo.hidden_matters', %s, true), set_config('lpo.only_matters', %s, true), set_config('role', %s, true)",
            [
                str(scope.organization_id) if scope else "",
                str(scope.client_id) if scope and scope.client_id is not None else "",
                _array(scope.hidden_matters) if scope else "",
                _array(scope.only_matters) if scope else "",
                PORTAL_ROLE if scope and scope.portal else APP_ROLE,
            ],
        )


@contextmanager
def scoped(scope: Scope, *, to_the_end: bool = False) -> Iterator[Scope]:
    """Open a transaction that sees what `scope` allows, and restore what was in force before on leaving.

    Settings and role outlive RELEASE SAVEPOINT, so nested work restores them itself; after an error the rollback to the
    savepoint does, and the end of the outermost transaction always does. `to_the_end`: the block that is open already ends with
    this scope, so it needs no savepoint of its own, and no restoring where the transaction ends with the block.
    """
    before = _scope.get()
    outermost = not connection.in_atomic_block or (to_the_end and not connection.savepoint_ids)
    with transaction.atomic(savepoint=not to_the_end):
        _apply(scope)
        token = _scope.set(scope)
        bound = logs.bind(organization_id=scope.organization_id)
        try:
            yield scope
        finally:
            _scope.reset(token)
            bound.end()
        if not outermost:
            _apply(before)


def in_organization(organization_id: int) -> AbstractContextManager[Scope]:
    """The scope of workers and commands: the whole organization, across walls."""
    return scoped(Scope(organization_id))
