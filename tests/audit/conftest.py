"""What the tests of the audit share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg2
import pytest
from django.conf import settings
from django.db import connection

from lpo.accounts.actor import Actor
from lpo.accounts.models import Organization
from lpo.audit.record import record
from lpo.audit.seal import seal_next
from lpo.tenancy.context import in_organization
from tests.database import renamed

Tamper = Callable[..., int]


@pytest.fixture
def system(alder: Organization) -> Actor:
    return Actor.system(alder.id)


@pytest.fixture
def sealed(alder: Organization) -> None:
    """Three sealing runs over three events each: references 1 to 9."""
    for run in range(3):
        with in_organization(alder.id):
            for number in range(3 * run + 1, 3 * run + 4):
                record(by=Actor.system(alder.id), action="test.act", reference=str(number), after={"amount": "2500.00"})
            assert seal_next() == 3


@contextmanager
def as_owner() -> Iterator[psycopg2.extensions.cursor]:
    """The owner of the tables, with their guards put aside: the strongest hand that is not the superuser's."""
    guards = [("audit_event", "refuse_change"), ("audit_seal", "refuse_change")]
    owner = psycopg2.connect(renamed(settings.DATABASE_OWNER_URL, str(connection.settings_dict["NAME"])))
    try:
        with owner, owner.cursor() as cursor:
            for constraint in ("audit_seal_event_id_tenant_fk", "seal_event_once"):
                cursor.execute(f"ALTER TABLE audit_seal DROP CONSTRAINT IF EXISTS {constraint}")
            for table, trigger in guards:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}, NO FORCE ROW LEVEL SECURITY")
            yield cursor
            for table, trigger in guards:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}, FORCE ROW LEVEL SECURITY")
    finally:
        owner.close()


@pytest.fixture
def tamper() -> Tamper:
    """Change the tables behind the application's back; the number of rows changed."""

    def change(*statements: str) -> int:
        changed = 0
        with as_owner() as cursor:
            for statement in statements:
                cursor.execute(statement)
                changed += cursor.rowcount
        return changed

    return change
