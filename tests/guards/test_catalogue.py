"""The database's own catalogue is asked for every rule of tenancy; a table that lacks one cannot merge."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models

from lpo.accounts.models import Organization
from lpo.tenancy.context import NoOrganization, Scope, in_organization, scoped
from lpo.tenancy.models import TenantForeignKey, TenantModel
from lpo.tenancy.operations import composite_keys
from tests import database

# Tables outside any organization, and why each must be.
GLOBAL = {
    "accounts_user": "signs in before an organization is known",
    "accounts_organization": "is the organization",
    "accounts_membership": "decides the organization",
    "accounts_invitation": "is opened before an organization is known",
    "accounts_apitoken": "decides the organization; holds only a digest",
    "account_emailaddress": "belongs to the user",
    "account_emailconfirmation": "belongs to the user",
    "mfa_authenticator": "belongs to the user",
    "usersessions_usersession": "belongs to the user",
    "django_session": "is read before an organization is known",
    "django_migrations": "Django's own",
    "django_content_type": "Django's own, constant",
    "auth_permission": "Django's own, unused",
    "auth_group": "Django's own, unused",
    "auth_group_permissions": "Django's own, unused",
    "jobs_beatslot": "names no tenant",
    "jobs_workerheartbeat": "names no tenant",
}
TENANT_MODELS = [m for m in apps.get_models() if issubclass(m, TenantModel)]


def rows(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


@pytest.mark.django_db
def test_every_table_is_a_tenants_or_listed_as_global() -> None:
    tables = {t for (t,) in rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    tenant = {m._meta.db_table for m in TENANT_MODELS}
    assert tables - tenant - GLOBAL.keys() == set()
    assert GLOBAL.keys() - tables == set(), "the list of global tables names tables that are gone"


@pytest.mark.django_db
@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda m: m._meta.db_table)
class TestTenantTable:
    def test_row_security_is_enabled_and_forced(self, model: type[models.Model]) -> None:
        found = rows("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", model._meta.db_table)
        assert found == [(True, True)]

    def test_one_permissive_policy_binds_everyone_to_the_organization(self, model: type[models.Model]) -> None:
        found = rows(
            "SELECT policyname, qual FROM pg_policies WHERE tablename = %s AND permissive = 'PERMISSIVE' AND roles = '{public}'",
            model._meta.db_table,
        )
        assert [name for name, _ in found] == ["tenant"]
        assert "SELECT" in found[0][1] and "lpo.organization_id" in found[0][1], "the setting is read once, in a sub-select"

    def test_other_permissive_policies_belong_to_roles_that_cannot_sign_in(self, model: type[models.Model]) -> None:
        found = rows(
            "SELECT p.policyname, r.rolname FROM pg_policies p, unnest(p.roles) role JOIN pg_roles r ON r.rolname = role"
            " WHERE p.tablename = %s AND p.permissive = 'PERMISSIVE' AND r.rolcanlogin",
            model._meta.db_table,
        )
        assert found == []

    def test_each_tenant_key_is_composite(self, model: type[models.Model]) -> None:
        for name, columns, parent, parent_columns in composite_keys(model):
            found = rows(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s AND conrelid = %s::regclass AND convalidated",
                name,
                model._meta.db_table,
            )
            assert found == [(f"FOREIGN KEY ({', '.join(columns)}) REFERENCES {parent}({', '.join(parent_columns)})",)]

    def test_no_plain_key_leads_to_a_tenant_table(self, model: type[models.Model]) -> None:
        plain = [
            f.name
            for f in model._meta.local_fields
            if isinstance(f, models.ForeignKey) and f.name != "organization" and not isinstance(f, TenantForeignKey)
        ]
        assert plain == []

    def test_the_organization_is_proven(self, model: type[models.Model]) -> None:
        """By a key of its own, or through a composite key that is never null."""
        own = rows(
            "SELECT 1 FROM pg_constraint WHERE conrelid = %s::regclass AND confrelid = 'accounts_organization'::regclass",
            model._meta.db_table,
        )
        through = any(isinstance(f, TenantForeignKey) and not f.null for f in model._meta.local_fields)
        assert own or through

    def test_uniqueness_is_per_organization(self, model: type[models.Model]) -> None:
        found = rows(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = %s::regclass AND indisunique AND NOT indisprimary",
            model._meta.db_table,
        )
        assert [name for name, definition in found if "(organization_id" not in definition] == []

    def test_rows_below_a_matter_stand_behind_walls(self, model: type[models.Model]) -> None:
        columns = {f.column for f in model._meta.local_fields}
        if "matter_id" not in columns or model._meta.model_name == "matterinsider":
            return
        found = rows(
            "SELECT permissive, roles::text, ltrim(qual, E'\\n ') LIKE 'CASE%%' FROM pg_policies"
            " WHERE tablename = %s AND policyname = 'wall'",
            model._meta.db_table,
        )
        assert found == [("RESTRICTIVE", "{lpo_app}", True)], "and the planner takes it for half of the rows"

    def test_what_the_portal_may_read_it_may_read_restrictively(self, model: type[models.Model]) -> None:
        table = model._meta.db_table
        # Asked by privilege: the information schema hides the grants of a role that the application does not inherit.
        asked = [f"has_any_column_privilege('lpo_portal', '{table}', '{kind}')" for kind in ("SELECT", "INSERT", "UPDATE", "REFERENCES")]
        asked += [f"has_table_privilege('lpo_portal', '{table}', '{kind}')" for kind in ("DELETE", "TRUNCATE", "TRIGGER")]
        ((granted, *writes),) = rows(f"SELECT {', '.join(asked)}")
        assert not any(writes)
        policy = rows("SELECT permissive, qual FROM pg_policies WHERE tablename = %s AND policyname = 'portal_client'", table)
        if granted:
            assert policy and policy[0][0] == "RESTRICTIVE" and "lpo.client_id" in policy[0][1]

    def test_the_manager_raises_outside_an_organization(self, model: type[models.Model]) -> None:
        with pytest.raises(NoOrganization):
            list(model._default_manager.all()[:1])


@pytest.mark.django_db
def test_no_key_is_broken() -> None:
    """A key added under FORCE is not checked against existing rows, so each is anti-joined here, as it would be after a restore."""
    named = (
        "ARRAY(SELECT attname FROM unnest({key}) WITH ORDINALITY k(n, o)"
        " JOIN pg_attribute a ON a.attrelid = {table} AND a.attnum = k.n ORDER BY o)"
    )
    keys = rows(
        "SELECT conrelid::regclass::text, confrelid::regclass::text,"
        f" {named.format(key='conkey', table='conrelid')}, {named.format(key='confkey', table='confrelid')}"
        " FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
    )
    assert len(keys) > 50
    for child, parent, columns, parent_columns in keys:
        on = " AND ".join(f"p.{p} = c.{c}" for c, p in zip(columns, parent_columns, strict=True))
        present = " AND ".join(f"c.{c} IS NOT NULL" for c in columns)
        assert rows(f"SELECT count(*) FROM {child} c WHERE {present} AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE {on})") == [(0,)]


@pytest.mark.django_db
def test_views_run_with_the_readers_rights_and_none_is_materialized() -> None:
    found = rows(
        "SELECT relname, relkind, reloptions::text FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace"
    )
    assert [name for name, kind, options in found if kind == "m" or "security_invoker=true" not in (options or "")] == []


@pytest.mark.django_db
def test_definer_functions_belong_to_roles_that_cannot_sign_in_and_pin_their_search_path() -> None:
    found = rows(
        "SELECT p.proname, r.rolcanlogin, r.rolbypassrls, p.proconfig::text, has_function_privilege('public', p.oid, 'EXECUTE')"
        " FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace"
    )
    assert {name for name, *_ in found} == {"due_jobs", "search_questions", "search_work_items"}
    for name, can_login, bypass, config, public in found:
        assert not can_login and not bypass and not public, name
        assert "search_path=public, pg_temp" in config, name


@pytest.mark.django_db
def test_the_application_role_has_no_power_over_row_security() -> None:
    assert rows("SELECT rolsuper, rolbypassrls, rolinherit FROM pg_roles WHERE rolname = current_user") == [(False, False, False)]
    assert rows("SELECT NOT pg_has_role('lpo_app', 'lpo_portal', 'USAGE'), pg_has_role('lpo_app', 'lpo_portal', 'MEMBER')") == [
        (True, True)
    ]
    assert rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner IN ('lpo_app', 'lpo_portal')") == [(0,)]
    assert rows("SELECT has_schema_privilege('lpo_app', 'public', 'CREATE')") == [(False,)]


@pytest.mark.django_db
def test_another_organizations_rows_can_neither_be_read_nor_written(alder: Organization, birch: Organization) -> None:
    from engagements.models import ImportMapping

    with in_organization(alder.id):
        ImportMapping.objects.create(purpose="items", name="NDA tracker", mapping={})
    with in_organization(birch.id):
        assert ImportMapping.objects.count() == 0
        assert rows("SELECT count(*) FROM engagements_importmapping") == [(0,)]
        with pytest.raises(Exception, match="row-level security"), in_organization(birch.id):
            ImportMapping.objects.create(organization_id=alder.id, purpose="items", name="x", mapping={})


@pytest.mark.django_db
def test_leaving_a_scope_restores_the_one_before_even_after_an_error(alder: Organization, birch: Organization) -> None:
    def setting() -> str:
        return str(rows("SELECT current_setting('lpo.organization_id', true)")[0][0])

    with in_organization(alder.id):
        with in_organization(birch.id):
            assert setting() == str(birch.id)
        assert setting() == str(alder.id)
        with pytest.raises(ZeroDivisionError), scoped(Scope(birch.id, client_id=1, portal=True)):
            assert rows("SELECT current_user") == [("lpo_portal",)]
            raise ZeroDivisionError
        assert setting() == str(alder.id)
        assert rows("SELECT current_user") == [("lpo_app",)]
    assert setting() == ""


def test_the_suite_runs_as_the_application(db: None) -> None:
    assert rows("SELECT current_user") == [("lpo_app",)]
    assert database.PREFIX in str(connection.settings_dict["NAME"])
