"""The roles of roles.sql, asked of the catalogue and of the roles themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from lpo.embedded.places import Place
from lpo.embedded.postgres import SUPERUSER, Postgres
from lpo.tenancy.roles import Passwords, prepare_template, provision

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("embedded")]


@pytest.fixture(scope="module")
def postgres(quick_place: Place) -> Postgres:
    started = Postgres(quick_place)
    started.start()
    for _ in range(2):  # the second time changes nothing and fails at nothing
        provision(started.url(SUPERUSER, "postgres"), "lpo", Passwords(app="it's secret"))
    prepare_template(started.url(SUPERUSER, "template1"))
    return started


@pytest.fixture
def ask(postgres: Postgres) -> Iterator[Any]:
    def run(statement: str, *, role: str = SUPERUSER, database: str = "lpo") -> Any:
        with closing(psycopg2.connect(postgres.url(role, database))) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None

    yield run


def test_each_role_has_its_attributes_and_no_more(ask: Any) -> None:
    found = ask(
        "SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles"
        " WHERE rolname LIKE 'lpo%' ORDER BY 1"
    )
    assert found == [
        ("lpo_app", True, False, False, False, False, False),
        ("lpo_backup", True, False, True, False, False, False),
        ("lpo_jobs", False, False, False, False, False, False),
        ("lpo_owner", True, False, False, True, False, False),
        ("lpo_portal", False, False, False, False, False, False),
        ("lpo_search", False, False, False, False, False, False),
    ]


def test_the_application_may_become_the_portal_but_does_not_inherit_it(ask: Any) -> None:
    assert ask("SELECT pg_has_role('lpo_app', 'lpo_portal', 'USAGE'), pg_has_role('lpo_app', 'lpo_portal', 'MEMBER')") == [(False, True)]
    assert ask("SET ROLE lpo_portal; SELECT current_user", role="lpo_app") == [("lpo_portal",)]


def test_the_owner_owns_the_database_and_its_schema(ask: Any) -> None:
    assert ask("SELECT datdba::regrole::text FROM pg_database WHERE datname = 'lpo'") == [("lpo_owner",)]
    assert ask("SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'public'") == [("lpo_owner",)]


@pytest.mark.parametrize("role", ["lpo_app", "lpo_backup"])
def test_only_the_owner_creates_tables(ask: Any, role: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ask("CREATE TABLE mine (a int)", role=role)


def test_the_application_makes_temporary_tables_for_bulk_loads(ask: Any) -> None:
    assert ask("CREATE TEMPORARY TABLE load (a int); SELECT count(*) FROM load", role="lpo_app") == [(0,)]


def test_strangers_cannot_connect(ask: Any) -> None:
    ask("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN")
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        ask("SELECT 1", role="stranger")


@pytest.mark.parametrize("database", ["lpo", "made_by_owner"])
def test_the_owner_hands_functions_over_to_their_owners(ask: Any, postgres: Postgres, database: str) -> None:
    if database == "made_by_owner":
        with closing(psycopg2.connect(postgres.url("lpo_owner", "lpo"))) as connection:
            connection.autocommit = True
            connection.cursor().execute("CREATE DATABASE made_by_owner")
    ask(
        "CREATE FUNCTION due() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text';"
        "GRANT EXECUTE ON FUNCTION due() TO lpo_app; ALTER FUNCTION due() OWNER TO lpo_jobs",
        role="lpo_owner",
        database=database,
    )
    ask("GRANT USAGE ON SCHEMA public TO lpo_app", role="lpo_owner", database=database)
    assert ask("SELECT due()", role="lpo_app", database=database) == [("lpo_jobs",)]


def test_the_owner_does_not_take_on_the_policies_of_the_function_owners(ask: Any) -> None:
    assert ask("SELECT pg_has_role('lpo_owner', 'lpo_jobs', 'USAGE'), pg_has_role('lpo_owner', 'lpo_search', 'USAGE')") == [(False, False)]


def test_passwords_are_stored_salted_and_an_empty_one_changes_nothing(ask: Any) -> None:
    stored = dict(ask("SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE 'lpo%'"))
    assert stored["lpo_app"].startswith("SCRAM-SHA-256$")
    assert stored["lpo_owner"] is None
