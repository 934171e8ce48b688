"""Migration operations that put a table under the rules of tenancy. Each is written once here and tried on PostgreSQL 15 and 18."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps.registry import Apps
from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from lpo.tenancy.models import TenantForeignKey

TENANT = "organization_id = (SELECT NULLIF(current_setting('lpo.organization_id', true), '')::bigint)"
OWN_CLIENT = "{column} = (SELECT NULLIF(current_setting('lpo.client_id', true), '')::bigint)"
# Arrays are read once by the sub-select. A hidden matter is invisible in every list; `only_matters` binds outside counsel.
# A CASE, because the planner takes one for half of the rows. A condition on arrays it does not know it takes for almost all or almost
# none of them, and then reads and sorts whole tables for a page (ADR 0021).
VISIBLE_MATTER = (
    "CASE WHEN {column} IS NULL THEN true"
    " WHEN {column} = ANY (COALESCE((SELECT NULLIF(current_setting('lpo.hidden_matters', true), '')::bigint[]), '{{}}'::bigint[]))"
    " THEN false"
    " ELSE (SELECT NULLIF(current_setting('lpo.only_matters', true), '') IS NULL)"
    " OR {column} = ANY (COALESCE((SELECT NULLIF(current_setting('lpo.only_matters', true), '')::bigint[]), '{{}}'::bigint[])) END"
)
APPEND_ONLY = ("SELECT", "INSERT")
READ_WRITE = ("SELECT", "INSERT", "UPDATE")
READ_WRITE_DELETE = ("SELECT", "INSERT", "UPDATE", "DELETE")


def composite_keys(model: type[models.Model]) -> Iterator[tuple[str, list[str], str, list[str]]]:
    """(constraint name, columns, parent table, parent columns) for each tenant key of a model."""
    for field in model._meta.local_fields:
        if isinstance(field, TenantForeignKey):
            parent = field.remote_field.model._meta
            via = list(field.via)
            name = f"{model._meta.db_table}_{field.column}_tenant_fk"
            yield name[:63], ["organization_id", *via, str(field.column)], parent.db_table, ["organization_id", *via, "id"]


class SecureTable(Operation):
    """Row-level security, composite keys and grants of one tenant table.

    `grants`: what `lpo_app` may do. `portal`: None when the client never reads this table; else an SQL condition (besides
    "own client") under which `lpo_portal` may, with `client_column` naming the column that holds the client. `matter_column`
    puts the table behind ethical walls. `root` adds the key to the organization itself (rows below prove it through parents).
    """

    reduces_to_sql = True
    reversible = True

    def __init__(
        self,
        model: str,
        *,
        grants: Sequence[str] = READ_WRITE,
        portal: str | None = None,
        client_column: str = "client_id",
        matter_column: str | None = None,
        root: bool = False,
    ) -> None:
        self.model = model
        self.grants = tuple(grants)
        self.portal = portal
        self.client_column = client_column
        self.matter_column = matter_column
        self.root = root

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        kwargs = {"grants": self.grants, "portal": self.portal, "client_column": self.client_column}
        return self.__class__.__name__, [self.model], {**kwargs, "matter_column": self.matter_column, "root": self.root}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def database_forwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        apps: Apps = to_state.apps
        for statement in self.statements(apps.get_model(app_label, self.model)):
            schema_editor.execute(statement)

    def database_backwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        table = from_state.apps.get_model(app_label, self.model)._meta.db_table
        for policy in ("tenant", "portal_client", "wall"):
            schema_editor.execute(f"DROP POLICY IF EXISTS {policy} ON {table}")
        schema_editor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")

    def statements(self, model: type[models.Model]) -> Iterator[str]:
        table = model._meta.db_table
        if self.root:
            yield (
                f"ALTER TABLE {table} ADD CONSTRAINT {table}_organization_fk FOREIGN KEY (organization_id)"
                " REFERENCES accounts_organization (id) DEFERRABLE INITIALLY IMMEDIATE"
            )
        for name, columns, parent, parent_columns in composite_keys(model):
            yield from add_composite_key(table, name, columns, parent, parent_columns)
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
        yield f"CREATE POLICY tenant ON {table} USING ({TENANT}) WITH CHECK ({TENANT})"
        yield f"GRANT {', '.join(self.grants)} ON {table} TO lpo_app"
        yield f"GRANT SELECT ON {table} TO lpo_backup"
        if self.matter_column:
            visible = VISIBLE_MATTER.format(column=self.matter_column)
            yield f"CREATE POLICY wall ON {table} AS RESTRICTIVE TO lpo_app USING ({visible})"
        if self.portal is not None:
            own = OWN_CLIENT.format(column=self.client_column)
            yield f"CREATE POLICY portal_client ON {table} AS RESTRICTIVE TO lpo_portal USING ({own} AND ({self.portal}))"
            yield f"GRANT SELECT ON {table} TO lpo_portal"

    def describe(self) -> str:
        return f"Put {self.model} under tenancy"


def add_composite_key(table: str, name: str, columns: list[str], parent: str, parent_columns: list[str]) -> Iterator[str]:
    """A key added by the owner under FORCE is not checked against existing rows, so FORCE is lifted around it."""
    yield (
        f"DO $$ DECLARE forced regclass[]; t regclass; BEGIN"  # noqa: S608 -- names of ours, from a migration
        f" SELECT array_agg(oid::regclass) INTO forced FROM pg_class"
        f" WHERE oid IN ('{table}'::regclass, '{parent}'::regclass) AND relforcerowsecurity;"
        f" FOREACH t IN ARRAY COALESCE(forced, '{{}}') LOOP EXECUTE 'ALTER TABLE ' || t || ' NO FORCE ROW LEVEL SECURITY'; END LOOP;"
        f" ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({', '.join(columns)})"
        f" REFERENCES {parent} ({', '.join(parent_columns)});"
        f" FOREACH t IN ARRAY COALESCE(forced, '{{}}') LOOP EXECUTE 'ALTER TABLE ' || t || ' FORCE ROW LEVEL SECURITY'; END LOOP;"
        f" END $$"
    )


class ReferencedBy(Operation):
    """The unique key over (organization_id, *via, id) that composite foreign keys of other tables refer to."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, model: str, via: Sequence[str] = ()) -> None:
        self.model = model
        self.via = tuple(via)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__name__, [self.model], {"via": self.via}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def _name(self, table: str) -> str:
        return f"{table}_{'_'.join([*(v.removesuffix('_id') for v in self.via), 'id'])}_key"[:63]

    def database_forwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        table = to_state.apps.get_model(app_label, self.model)._meta.db_table
        columns = ", ".join(["organization_id", *self.via, "id"])
        schema_editor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {self._name(table)} UNIQUE ({columns})")

    def database_backwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        table = from_state.apps.get_model(app_label, self.model)._meta.db_table
        schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {self._name(table)}")

    def describe(self) -> str:
        return f"Let composite keys refer to {self.model}"


class RefuseChange(Operation):
    """A trigger that refuses UPDATE, DELETE and TRUNCATE, save for the owner's one purge function.

    `unless`: an SQL condition over OLD under which an UPDATE or DELETE is still allowed (for example a row not yet frozen).
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, model: str, *, unless: str = "false", message: str = "is append-only") -> None:
        self.model = model
        self.unless = unless
        self.message = message

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__name__, [self.model], {"unless": self.unless, "message": self.message}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def database_forwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        table = to_state.apps.get_model(app_label, self.model)._meta.db_table
        schema_editor.execute(
            f"CREATE FUNCTION {table}_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF current_setting('lpo.purge', true) = 'on' AND pg_has_role(current_user, 'lpo_owner', 'USAGE') THEN"
            f"  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END IF;"
            f" IF TG_LEVEL = 'ROW' THEN IF ({self.unless}) THEN IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END IF; END IF;"
            f" RAISE EXCEPTION '{table} {self.message}' USING ERRCODE = 'restrict_violation'; END $$"
        )
        schema_editor.execute(
            f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_refuse_change()"
        )
        schema_editor.execute(
            f"CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse_change()"
        )

    def database_backwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        table = from_state.apps.get_model(app_label, self.model)._meta.db_table
        schema_editor.execute(f"DROP FUNCTION {table}_refuse_change() CASCADE")

    def describe(self) -> str:
        return f"Refuse changes of {self.model}"


class CompositeKey(Operation):
    """A composite key whose child lies in a room below its parent: `columns` (the last names the parent's id) of `table`."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, table: str, columns: Sequence[str], parent: str) -> None:
        self.table = table
        self.columns = tuple(columns)
        self.parent = parent

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__name__, [self.table, self.columns, self.parent], {}

    def _name(self) -> str:
        return f"{self.table}_{self.columns[-1]}_tenant_fk"

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def database_forwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        columns = ["organization_id", *self.columns]
        parent_columns = ["organization_id", *self.columns[:-1], "id"]
        for statement in add_composite_key(self.table, self._name(), columns, self.parent, parent_columns):
            schema_editor.execute(statement)

    def database_backwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        schema_editor.execute(f"ALTER TABLE {self.table} DROP CONSTRAINT {self._name()}")

    def describe(self) -> str:
        return f"Key {self.table} to {self.parent}"
