"""What the database lets the client's own role do: read what is granted, of its client, published; nothing else, and never write."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, models, transaction

from lpo.portal.columns import HIDDEN
from lpo.tenancy.context import Scope, scoped
from lpo.tenancy.models import TenantModel
from tests.guards.world import World

pytestmark = pytest.mark.django_db
EVERY = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
# Tables a client's pages read. A table that joins or leaves this list changes what a client can see.
READABLE = {
    "audit_document",
    "billing_charge",
    "billing_invoice",
    "billing_invoiceline",
    "engagements_client",
    "engagements_deliverable",
    "engagements_engagement",
    "engagements_matter",
    "engagements_pause",
    "engagements_placement",
    "engagements_placementterms",
    "engagements_milestone",
    "engagements_statusupdate",
    "engagements_supervisionreport",
    "engagements_timesheet",
    "engagements_timesheetday",
    "sla_attainment",
    "sla_attainmentrow",
    "sla_creditclaim",
    "sla_exclusion",
}
# What a row must be for the client to read it: column → whether null is refused, or the only value.
PUBLISHED = {
    "audit_document": "published",
    "billing_invoice": "state = 'issued'",
    "engagements_deliverable": "published_at IS NOT NULL",
    "engagements_matter": "published_at IS NOT NULL",
    "engagements_pause": "published_at IS NOT NULL",
    "engagements_placement": "published_at IS NOT NULL",
    "engagements_timesheet": "published_at IS NOT NULL",
    "engagements_milestone": "published_at IS NOT NULL",
    "sla_attainment": "published_at IS NOT NULL",
    "sla_exclusion": "published_at IS NOT NULL",
}


def refused(statement: str) -> str:
    """The database's reason for refusing a statement; empty when it did not."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError as error:
        return str(error).splitlines()[0]
    return ""


def of(world: World, who: str = "client_viewer") -> Scope:
    member = world.alder.people[who]
    return Scope(member.organization_id, client_id=member.client_id, portal=True)


@pytest.mark.parametrize("model", EVERY, ids=lambda model: model._meta.db_table)
def test_the_portal_can_write_nothing_and_read_only_what_is_listed(world: World, model: type[models.Model]) -> None:
    table, column = model._meta.db_table, model._meta.pk.column
    denied = f"permission denied for table {table}"
    with scoped(of(world)):
        assert refused(f"INSERT INTO {table} DEFAULT VALUES") == denied
        assert refused(f"UPDATE {table} SET {column} = {column}") == denied
        assert refused(f"DELETE FROM {table}") == denied
        assert refused(f"TRUNCATE {table}") == denied
        assert refused(f"SELECT 1 FROM {table} LIMIT 1") == ("" if table in READABLE else denied)


def test_the_portal_cannot_draw_numbers_search_or_become_the_application(world: World) -> None:
    with scoped(of(world)):
        assert "permission denied" in refused("SELECT * FROM search_work_items('nda', 5)")
        assert "permission denied" in refused("SELECT * FROM due_jobs(5)")
        assert "permission denied" in refused("SELECT nextval('engagements_client_id_seq')")
        assert "permission denied" in refused("CREATE TABLE stolen (id int)")


@pytest.mark.parametrize("table", sorted(READABLE))
def test_the_portal_reads_rows_of_its_own_client_only_and_only_published_ones(world: World, table: str) -> None:
    model = next(model for model in EVERY if model._meta.db_table == table)
    column = "id" if table == "engagements_client" else "client_id"
    own, other = world.alder.refs.client.id, world.alder.refs.second_client.id
    assert issubclass(model, TenantModel)

    def seen(who: str) -> list[tuple[int, int, bool]]:
        with scoped(of(world, who)), connection.cursor() as cursor:
            cursor.execute(f"SELECT organization_id, {column}, {PUBLISHED.get(table, 'true')} FROM {table}")
            return list(cursor.fetchall())

    organization = world.alder.organization.id
    for who, client in (("client_viewer", own), ("second_viewer", other)):
        rows = seen(who)
        assert rows, f"{who} reads nothing of {table}, so this shows nothing"
        assert {(row[0], row[1]) for row in rows} == {(organization, client)}
        assert all(row[2] for row in rows)


def test_a_wrong_client_or_none_shows_nothing(world: World) -> None:
    member = world.alder.people["client_viewer"]
    for client_id in (None, world.birch.refs.client.id):
        with scoped(Scope(member.organization_id, client_id=client_id, portal=True)), connection.cursor() as cursor:
            for table in sorted(READABLE):
                cursor.execute(f"SELECT count(*) FROM {table}")
                assert cursor.fetchone() == (0,), table


@pytest.mark.parametrize("table", sorted(READABLE))
def test_each_column_is_granted_or_refused_by_decision(table: str) -> None:
    """A column added to a table is refused until somebody decides; a column named here that is gone is a mistake, too."""
    model = next(model for model in EVERY if model._meta.db_table == table)
    hidden = {field.column for field in model._meta.local_fields if field.name in HIDDEN.get(model, ())}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, has_column_privilege('lpo_portal', attrelid, attnum, 'SELECT') FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [table],
        )
        granted = dict(cursor.fetchall())
    assert {name for name, may in granted.items() if not may} == hidden


def test_no_column_that_names_staff_or_holds_a_note_of_theirs_is_granted() -> None:
    """By what columns are called, so that a new one is noticed whatever its table. Notes and reasons listed here were published."""
    published = {"engagements_statusupdate.note", "sla_attainmentrow.reason"}
    # What was notified to the client, until when it can be contested and what the client said of it.
    published |= {
        f"{table}.{name}" for table in ("engagements_pause", "sla_exclusion") for name in ("reason", "contest_by", "contest_note")
    }
    # Which credit of an incident is paid and on whose word, in words of the system's.
    published.add("sla_creditclaim.note")
    with connection.cursor() as cursor:
        # The information schema hides the grants of a role that the application may become and does not inherit.
        cursor.execute(
            "SELECT relname || '.' || attname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND has_column_privilege('lpo_portal', c.oid, attnum, 'SELECT')"
            " AND attname ~ '(_by|manager|attorney|reviewer|assignee|member|note|reason|cost|wall)'"
        )
        found = {name for (name,) in cursor.fetchall()}
    assert found == published
