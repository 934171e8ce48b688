"""The drill: a dump by the backup role, restored into a fresh database, holds the same rows, sums and audit head."""

from __future__ import annotations

from pathlib import Path

from lpo.accounts.models import Organization
from lpo.audit.seal import seal_next
from lpo.audit.verify import Check, step
from lpo.tenancy.context import in_organization
from tests import make
from tests.trust import months
from tests.trust.conftest import Figure
from tests.trust.house import House, django_at
from tests.trust.sizes import sizes

TABLES = "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
LEDGER = "SELECT count(*), sum(net), sum(tax), sum(gross), max(number) FROM billing_invoice"
HEAD = "SELECT organization_id, max(sequence), (array_agg(hash ORDER BY sequence DESC))[1] FROM audit_seal GROUP BY 1 ORDER BY 1"


def counts(house: House, database: str) -> dict[str, int]:
    tables = [name for (name,) in house.servers.sql(TABLES, database=database)]
    return {name: house.servers.sql(f"SELECT count(*) FROM {name}", database=database)[0][0] for name in tables}


@sizes("invoices, items", (3, 10), (60, 200))
def test_a_restored_dump_is_equal(
    invoices: int, items: int, house: House, alder: Organization, birch: Organization, tmp_path: Path, figure: Figure
) -> None:
    for organization in (alder, birch):
        with in_organization(organization.id):
            issued = months.issued(invoices)
            stream = make.workstream()
            for _ in range(items):
                make.item(stream)
            while seal_next():
                pass
    dump, fresh = tmp_path / "lpo.dump", f"{house.database}_restored"
    house.servers.tool("pg_dump", "--format=custom", "--file", str(dump), house.url("lpo_backup"))
    house.servers.sql(f'CREATE DATABASE "{fresh}" OWNER lpo_owner TEMPLATE template0')
    try:
        house.servers.tool("pg_restore", "--exit-on-error", "--dbname", house.servers.postgres.url("postgres", fresh), str(dump))
        before, after = counts(house, house.database), counts(house, fresh)
        ledger = [house.servers.sql(LEDGER, database=name) for name in (house.database, fresh)]
        heads = [house.servers.sql(HEAD, database=name) for name in (house.database, fresh)]
        with django_at(house.servers, fresh), in_organization(alder.id):
            check = Check()
            while not check.finished:
                step(check)
            breaks = check.as_json()
    finally:
        house.servers.sql(f'DROP DATABASE "{fresh}" WITH (FORCE)')
    different = [name for name in before if before[name] != after.get(name)]
    figure(
        f"restore drill, {sum(before.values()):,} rows in {len(before)} tables",
        f"{len(different)} tables differ, ledger {'equal' if ledger[0] == ledger[1] else 'DIFFERS'}, "
        f"audit head {'equal' if heads[0] == heads[1] else 'DIFFERS'}",
        "counts, ledger sums and audit head equal",
        met=not different and ledger[0] == ledger[1] and heads[0] == heads[1],
    )
    assert different == []
    assert ledger[0] == ledger[1]
    assert ledger[0][0][0] == 2 * len(issued)
    assert heads[0] == heads[1]
    assert len(heads[0]) == 2
    assert breaks["problems"] == []
    assert breaks["events"] > 0


def test_a_dump_by_another_role_is_refused_or_empty(house: House, alder: Organization) -> None:
    """Why there is a backup role: with the wrong role the mistake is loud at best and silent at worst."""
    with in_organization(alder.id):
        make.client()
    table = "--table=engagements_client"
    loud = house.servers.tool("pg_dump", table, "--data-only", house.url("lpo_owner"), check=False)
    assert loud.returncode != 0
    assert b"row-level security" in loud.stderr
    silent = house.servers.tool("pg_dump", table, "--data-only", "--enable-row-security", house.url("lpo_owner"), check=False)
    assert (silent.returncode, b"Client " in silent.stdout) == (0, False)
    application = house.servers.tool("pg_dump", table, "--data-only", "--enable-row-security", house.url("lpo_app"), check=False)
    assert b"Client " not in application.stdout
    right = house.servers.tool("pg_dump", table, "--data-only", house.url("lpo_backup"))
    assert b"Client " in right.stdout
