"""Create the database and its roles as a superuser. `python -m lpo.tenancy.roles` does it for an outside server.

Reads DATABASE_ADMIN_URL (a superuser's), and from DATABASE_URL and DATABASE_OWNER_URL the database's name and the two
passwords; DATABASE_BACKUP_PASSWORD lets the backup role sign in.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

ROLES_SQL = Path(__file__).with_name("roles.sql")


@dataclass(frozen=True)
class Passwords:
    """Empty leaves a role's password alone; embedded servers have none, their socket folder is private."""

    owner: str = ""
    app: str = ""
    backup: str = ""


def provision(admin_url: str, database: str, passwords: Passwords) -> None:
    """Create `database` if it is missing and apply roles.sql in it. `admin_url` is a superuser's, to any database."""
    with closing(psycopg2.connect(admin_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", [database])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    with closing(psycopg2.connect(_in_database(admin_url, database))) as connection, connection:
        apply_roles(connection, passwords)


def apply_roles(connection: Any, passwords: Passwords) -> None:
    """Run roles.sql in the connection's database and transaction; the caller commits."""
    with connection.cursor() as cursor:
        for role, password in (("owner", passwords.owner), ("app", passwords.app), ("backup", passwords.backup)):
            cursor.execute("SELECT set_config(%s, %s, true)", [f"lpo.setup_{role}_password", password])
        cursor.execute(ROLES_SQL.read_text())


def prepare_template(template_url: str) -> None:
    """Let databases that lpo_owner creates later (the tests') be migrated like the real one. For a cluster that is all ours."""
    with closing(psycopg2.connect(template_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("GRANT USAGE, CREATE ON SCHEMA public TO lpo_search, lpo_jobs")


def _in_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def main() -> int:
    urls = {name: os.environ.get(name, "").strip() for name in ("DATABASE_ADMIN_URL", "DATABASE_OWNER_URL", "DATABASE_URL")}
    missing = [name for name, value in urls.items() if not value]
    if missing:
        sys.stderr.write(f"{', '.join(missing)} not set. docs/operations.md says what each one is.\n")
        return 2
    app, owner = urlsplit(urls["DATABASE_URL"]), urlsplit(urls["DATABASE_OWNER_URL"])
    if app.username != "lpo_app" or owner.username != "lpo_owner" or app.path != owner.path:
        sys.stderr.write("DATABASE_URL signs in as lpo_app and DATABASE_OWNER_URL as lpo_owner, both to the same database.\n")
        return 2
    passwords = Passwords(unquote(owner.password or ""), unquote(app.password or ""), os.environ.get("DATABASE_BACKUP_PASSWORD", ""))
    provision(urls["DATABASE_ADMIN_URL"], unquote(owner.path.lstrip("/")), passwords)
    sys.stdout.write("Roles are in place.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
