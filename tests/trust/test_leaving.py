"""A whole organization leaves: its export fills an empty installation with equal rows, its deletion leaves none, a legal hold stops it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import psycopg2
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections

from tests import database
from tests.guards import kept
from tests.guards.world import World
from tests.trust.conftest import Figure
from tests.trust.sizes import sizes

OF_ONE = "SELECT count(*) FROM {table} WHERE organization_id = {organization}"


@pytest.fixture(scope="module")
def world_of_two(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[str, World]]:
    """(a copy of the guards' world to export from and to delete in, what is in it)."""
    with django_db_blocker.unblock(), kept.copied("leaving") as found:
        yield found


@pytest.fixture
def empty(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    name = f"{connections['default'].settings_dict['NAME']}_arriving"
    with django_db_blocker.unblock():
        database.recreate(name)
        yield name
        database.drop(name)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Points the commands at a database: `at(name)`."""
    return lambda name: monkeypatch.setenv("DATABASE_OWNER_URL", database.renamed(settings.DATABASE_OWNER_URL, name))


@pytest.fixture
def exported(world_of_two: tuple[str, World], at: Any, tmp_path: Path) -> Path:
    at(world_of_two[0])
    run("export_organization", "alder", tmp_path / "alder.zip")
    return tmp_path / "alder.zip"


def run(*command: Any) -> str:
    said = StringIO()
    call_command(*map(str, command), stdout=said)
    return said.getvalue()


def ask(name: str, statement: str, organization: int | None = None) -> list[tuple[Any, ...]]:
    with psycopg2.connect(database.renamed(settings.DATABASE_OWNER_URL, name)) as connection, connection.cursor() as cursor:
        if organization is not None:
            cursor.execute("SELECT set_config('lpo.organization_id', %s, true)", [str(organization)])
        cursor.execute(statement)
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
    connection.close()
    return found


def tenant_tables(name: str) -> list[str]:
    return [table for (table,) in ask(name, "SELECT tablename FROM pg_policies WHERE policyname = 'tenant' ORDER BY 1")]


def grow(name: str, organization: int, events: int) -> None:
    """As many more events in the log."""
    columns = "organization_id, at, actor_kind, actor_label, action, object_type, object_reference, count, ids_hash, request_id"
    values = f"{organization}, now(), 'system', 'a script', 'trust.step', 'x', n::text, 1, '', ''"
    ask(name, f"INSERT INTO audit_event ({columns}) SELECT {values} FROM generate_series(1, {events}) n", organization)


def rows_in(name: str, organization: int) -> dict[str, int]:
    return {
        table: ask(name, OF_ONE.format(table=table, organization=organization), organization)[0][0]
        for table in (*tenant_tables(name), "accounts_membership", "accounts_invitation", "accounts_apitoken")
    }


@sizes("events", 100, 200_000)
def test_an_export_fills_an_empty_installation_with_equal_rows(
    world_of_two: tuple[str, World], empty: str, at: Any, tmp_path: Path, figure: Figure, events: int
) -> None:
    source, world = world_of_two
    own, other = world.alder.organization.id, world.birch.organization.id
    grow(source, own, events)
    exported = tmp_path / "alder.zip"
    at(source)
    run("export_organization", "alder", exported)
    at(empty)
    assert "each table equal to where it came from" in run("import_organization", exported)
    before, after = rows_in(source, own), rows_in(empty, own)
    opening = {"accounts_invitation", "accounts_apitoken"}  # they open the installation they were made in
    assert {table: n for table, n in after.items() if table not in opening} == {t: n for t, n in before.items() if t not in opening}
    assert sum(after.values()) > 500
    assert sum(rows_in(empty, other).values()) == 0
    for statement in (
        "SELECT id, encode(sha256(content), 'hex') = sha256, content FROM audit_document ORDER BY id",
        "SELECT sequence, hash FROM audit_seal ORDER BY sequence",
        "SELECT i::text FROM billing_invoice i ORDER BY id",
    ):
        assert [tuple(map(bytes_of, row)) for row in ask(source, statement, own)] == [
            tuple(map(bytes_of, row)) for row in ask(empty, statement, own)
        ]
    assert ask(empty, "SELECT count(*) FROM accounts_user WHERE password <> '!'") == [(0,)], "nobody's password travels"
    figure(
        f"export of an organization into an empty installation, {sum(after.values()):,} rows and {after['audit_document']} files",
        "every table has the same rows and hash, every file the same bytes",
        "export re-imports equal",
        met=True,
    )
    with pytest.raises(CommandError, match="has an organization already"):
        run("import_organization", exported)


def bytes_of(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def test_an_export_holds_nothing_of_another_organization(world_of_two: tuple[str, World], exported: Path) -> None:
    people = {member.user.email for member in world_of_two[1].birch.people.values()}
    passwords = {password.lower() for (password,) in ask(world_of_two[0], "SELECT password FROM accounts_user")}
    assert all(len(password) > 20 for password in passwords)
    with ZipFile(exported) as archive:
        for entry in archive.namelist():
            text = archive.read(entry).decode("utf-8", "replace").lower()
            assert "birch" not in text, entry
            assert not any(email in text for email in people), entry
            assert not any(password in text for password in passwords), entry


@pytest.mark.parametrize("changed", ["tables/engagements_client.csv", "accounts_membership.csv", "files"])
def test_a_changed_export_is_refused_and_leaves_nothing(empty: str, exported: Path, at: Any, tmp_path: Path, changed: str) -> None:
    forged = tmp_path / "forged.zip"
    with ZipFile(exported) as source, ZipFile(forged, "w") as target:
        first = next(name for name in source.namelist() if name.startswith("files/"))
        for name in source.namelist():
            content = source.read(name)
            if name == changed:
                content = content.replace(b"Vantic", b"Wantic", 1).replace(b"reviewer", b"owner", 1)
            if changed == "files" and name == first:
                content += b" "
            target.writestr(name, content)
    at(empty)
    with pytest.raises(CommandError, match="was changed" if changed != "files" else "does not have the hash"):
        run("import_organization", forged)
    assert ask(empty, "SELECT count(*) FROM accounts_organization") == ask(empty, "SELECT count(*) FROM accounts_user") == [(0,)]


def test_what_is_no_export_and_what_is_there_already_is_refused(
    empty: str, exported: Path, at: Any, tmp_path: Path, world_of_two: tuple[str, World]
) -> None:
    at(empty)
    strange = tmp_path / "strange.zip"
    strange.write_bytes(b"no archive")
    with pytest.raises(CommandError, match="cannot be read as an export"):
        run("import_organization", strange)
    at(world_of_two[0])
    with pytest.raises(CommandError, match="is there already"):
        run("export_organization", "alder", exported)
    with pytest.raises(CommandError, match="There is no organization “elm”"):
        run("export_organization", "elm", tmp_path / "elm.zip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alder.zip", "strange.zip"]


@sizes("events", 100, 200_000)
def test_a_purge_waits_for_the_legal_hold_and_then_leaves_nothing(
    world_of_two: tuple[str, World], at: Any, tmp_path: Path, figure: Figure, events: int
) -> None:
    source, world = world_of_two
    own, other = world.alder.organization.id, world.birch.organization.id
    name = f"{source}_purged"
    database.clone(source, name)
    try:
        at(name)
        grow(name, own, events)
        certificate = tmp_path / "certificate.json"
        with pytest.raises(CommandError, match="names another organization"):
            run("purge_organization", "alder", "--certificate", certificate, "--confirm", "birch")
        before, kept_rows = rows_in(name, own), rows_in(name, other)
        held = ask(name, "SELECT count(*) FROM engagements_legalhold WHERE released_at IS NULL", own)[0][0]
        assert held, "the world has a hold in force"
        with pytest.raises(CommandError, match="A legal hold keeps"):
            run("purge_organization", "alder", "--certificate", certificate, "--confirm", "alder")
        assert rows_in(name, own) == before
        assert not certificate.exists()
        release = "released_at = now(), released_by_label = 'Sam', release_ordered_by = 'court', release_reason = 'over'"
        ask(name, f"UPDATE engagements_legalhold SET {release} WHERE released_at IS NULL", own)
        said = run("purge_organization", "alder", "--certificate", certificate, "--confirm", "alder")
        assert "are deleted" in said
        left = sum(rows_in(name, own).values())
        figure(
            f"deletion of an organization of {sum(before.values()):,} rows beside another",
            f"refused under a legal hold; after its release {left} rows and files left, the other's untouched",
            "after purge 0 rows and files; a legal hold blocks it",
            met=left == 0,
        )
        assert left == 0
        assert rows_in(name, other) == kept_rows
        assert ask(name, "SELECT slug FROM accounts_organization") == [("birch",)]
        emails = {email for (email,) in ask(name, "SELECT email FROM accounts_user")}
        assert emails == {member.user.email for member in world.birch.people.values()}
        told = json.loads(certificate.read_text())
        assert (told["organization"], told["rows"]["engagements_workitem"]) == ("alder", before["engagements_workitem"])
        assert told["files"] == before["audit_document"] > 0
        with pytest.raises(CommandError, match="cannot be written"):
            run("purge_organization", "birch", "--certificate", certificate, "--confirm", "birch")
        shutil.rmtree(tmp_path)
    finally:
        database.drop(name)
