"""A whole organization out of an installation: everything of it in one file, that file into another installation, and its deletion.

All three run as the owner role inside the organization: the policies of the tables say what belongs to it, the catalogue says which
tables there are, and neither is listed here. Nothing is left to memory: tables pass as CSV, files in slices.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

import psycopg2
from psycopg2 import sql

FORMAT = 1
FILES = "audit_document"
# Of what lies outside the tenants' tables, what is one organization's. A token or an invitation of one installation opens no other.
_ORGANIZATION = "accounts_organization"
_MEMBERS = "accounts_membership"
_TENANT_TABLES = "SELECT tablename FROM pg_policies WHERE schemaname = 'public' AND policyname = 'tenant' ORDER BY 1"
_KEYS = """
SELECT DISTINCT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conrelid <> confrelid
"""
_COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_PEOPLE = "people.csv"
_BESIDE = {
    f"{_ORGANIZATION}.csv": "SELECT * FROM accounts_organization WHERE id = {}",
    f"{_MEMBERS}.csv": "SELECT * FROM accounts_membership WHERE organization_id = {} ORDER BY id",
    _PEOPLE: "SELECT DISTINCT u.id, u.email, u.name, u.time_zone FROM accounts_user u JOIN accounts_membership m ON m.user_id = u.id"
    " WHERE m.organization_id = {} ORDER BY u.id",
}
_INSERT_TRIGGERS = """
SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal AND (tgtype & 4) > 0 AND tgrelid::regclass::text = ANY (%s)
"""
_HOLDS = """
SELECT COALESCE(m.reference, c.code) FROM engagements_legalhold h JOIN engagements_client c ON c.id = h.client_id
LEFT JOIN engagements_matter m ON m.id = h.matter_id WHERE h.released_at IS NULL ORDER BY 1
"""
_NOWHERE = """
SELECT u.id FROM accounts_user u
WHERE u.id = ANY (%s) AND NOT EXISTS (SELECT 1 FROM accounts_membership m WHERE m.user_id = u.id)
"""
_CONFIRMATIONS = """
DELETE FROM account_emailconfirmation WHERE email_address_id IN (SELECT id FROM account_emailaddress WHERE user_id = ANY (%s))
"""
_SLICE = 4 * 1024 * 1024


class CannotLeave(Exception):
    """A sentence for the console: why nothing was done."""


@dataclass(frozen=True)
class Told:
    """How many rows and files of an organization went out, came in or were deleted."""

    organization: str
    rows: Mapping[str, int]
    files: int

    @property
    def total(self) -> int:
        return sum(self.rows.values())


@contextmanager
def _owner(organization_id: int | None = None) -> Iterator[Any]:
    """A cursor of the owner in one transaction that sees one state of the data, inside an organization once it is known."""
    address = os.environ.get("DATABASE_OWNER_URL")
    if not address:
        raise CannotLeave("DATABASE_OWNER_URL is not set: this is done as the owner role.")
    with closing(psycopg2.connect(address)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ")
        with connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL TimeZone = 'UTC'")
            if organization_id is not None:
                _enter(cursor, organization_id)
            yield cursor


def _enter(cursor: Any, organization_id: int) -> None:
    cursor.execute("SELECT set_config('lpo.organization_id', %s, true)", [str(organization_id)])


def _find(cursor: Any, slug: str) -> int:
    cursor.execute("SELECT id FROM accounts_organization WHERE slug = %s", [slug])
    found = cursor.fetchone()
    if found is None:
        raise CannotLeave(f"There is no organization “{slug}”.")
    return int(found[0])


def _tables(cursor: Any) -> list[str]:
    """The tenants' tables and that of the members, each after those it refers to."""
    cursor.execute(_TENANT_TABLES)
    below: dict[str, set[str]] = {_MEMBERS: set(), **{table: set() for (table,) in cursor.fetchall()}}
    cursor.execute(_KEYS)
    for table, parent in cursor.fetchall():
        if table in below and parent in below:
            below[table].add(parent)
    return list(TopologicalSorter({table: sorted(parents) for table, parents in sorted(below.items())}).static_order())


def _columns(cursor: Any, table: str) -> list[str]:
    cursor.execute(_COLUMNS, [table])
    return [name for (name,) in cursor.fetchall() if (table, name) != (FILES, "content")]


def _identifiers(names: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _digest(cursor: Any, table: str, columns: Sequence[str]) -> tuple[int, str]:
    """(rows, hash over the rows in the order of their ids), the same wherever the same rows are."""
    text = "SELECT count(*), md5(COALESCE(string_agg(md5(ROW({columns})::text), '' ORDER BY id), '')) FROM {table}"
    cursor.execute(sql.SQL(text).format(columns=_identifiers(columns), table=sql.Identifier(table)))
    rows, digest = cursor.fetchone()
    return int(rows), str(digest)


# --- out ------------------------------------------------------------------------------------------------------------------


def export_organization(slug: str, target: Path) -> Told:
    """Write everything of an organization into a new ZIP file: a CSV for each table, each stored file, and a manifest with hashes.

    Passwords, second factors, sessions, tokens and invitations stay: they open this installation. Raises `CannotLeave`.
    """
    if target.exists():
        raise CannotLeave(f"{target} is there already.")
    draft = target.with_name(f"{target.name}.part")
    try:
        with _owner() as cursor:
            organization = _find(cursor, slug)
            _enter(cursor, organization)
            with ZipFile(draft, "w", ZIP_DEFLATED) as archive:
                manifest = {"format": FORMAT, "organization": slug, **_write(cursor, archive, organization)}
                archive.writestr("manifest.json", json.dumps(manifest, indent=1))
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)
    return _told(manifest)


def _told(manifest: Mapping[str, Any]) -> Told:
    return Told(manifest["organization"], {table: each["rows"] for table, each in manifest["tables"].items()}, manifest["files"])


def _write(cursor: Any, archive: ZipFile, organization: int) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for table in _tables(cursor):
        if table == _MEMBERS:
            continue
        columns = _columns(cursor, table)
        rows, digest = _digest(cursor, table, columns)
        tables[table] = {"columns": columns, "rows": rows, "digest": digest}
        selected = sql.SQL("SELECT {} FROM {} ORDER BY id").format(_identifiers(columns), sql.Identifier(table))
        _copy_out(cursor, archive, f"tables/{table}.csv", selected)
    beside = {name: _copy_out(cursor, archive, name, sql.SQL(text).format(sql.Literal(organization))) for name, text in _BESIDE.items()}
    cursor.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
    migrations = [".".join(row) for row in cursor.fetchall()]
    return {"tables": tables, "beside": beside, "files": _write_files(cursor, archive), "migrations": migrations}


def _copy_out(cursor: Any, archive: ZipFile, name: str, selected: sql.Composable) -> str:
    """Returns the SHA-256 of what was written."""
    digest = hashlib.sha256()
    with TemporaryFile() as spool:
        cursor.copy_expert(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(selected), spool)
        spool.seek(0)
        with archive.open(name, "w", force_zip64=True) as entry:
            while piece := spool.read(_SLICE):
                digest.update(piece)
                entry.write(piece)
    return digest.hexdigest()


def _write_files(cursor: Any, archive: ZipFile) -> int:
    cursor.execute(f"SELECT id, size, sha256, file_name FROM {FILES} ORDER BY id")  # noqa: S608 - a constant
    known = cursor.fetchall()
    for number, size, sha256, file_name in known:
        digest = hashlib.sha256()
        with archive.open(f"files/{number}", "w", force_zip64=True) as entry:
            for start in range(1, size + 1, _SLICE):
                cursor.execute(f"SELECT substring(content FROM %s FOR %s) FROM {FILES} WHERE id = %s", [start, _SLICE, number])  # noqa: S608
                piece = bytes(cursor.fetchone()[0])
                digest.update(piece)
                entry.write(piece)
        if digest.hexdigest() != sha256:
            raise CannotLeave(f"The stored file “{file_name}” does not have the hash under which it was stored.")
    return len(known)


# --- in -------------------------------------------------------------------------------------------------------------------


def import_organization(source: Path) -> Told:
    """Bring an exported organization into an installation that has no rows of any, with the ids it had. Raises `CannotLeave`, and
    leaves nothing behind, unless every table ends with the hash that it had where it came from.

    People are found by their e-mail address; whoever is new has no password and asks for one.
    """
    with ZipFile(source) as archive, _owner() as cursor:
        manifest = json.loads(archive.read("manifest.json"))
        _check_fits(cursor, manifest)
        for name, sha256 in manifest["beside"].items():
            if hashlib.sha256(archive.read(name)).hexdigest() != sha256:
                raise CannotLeave(f"{name} is not what was exported. The file was changed.")
        (organization,) = list(_rows(archive, f"{_ORGANIZATION}.csv"))
        people = _people(cursor, archive)
        _insert(cursor, _ORGANIZATION, organization)
        _enter(cursor, int(organization["id"]))
        order = _tables(cursor)
        stopped = _stop_insert_triggers(cursor, order)
        for table in order:
            if table != _MEMBERS:
                _fill(cursor, archive, table, manifest["tables"][table])
                continue
            for member in _rows(archive, f"{_MEMBERS}.csv"):
                _insert(cursor, _MEMBERS, {**member, "user_id": str(people[member["user_id"]])})
        for table, trigger in stopped:
            cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER {}").format(sql.Identifier(table), sql.Identifier(trigger)))
        for table in (*order, _ORGANIZATION):
            _move_sequence(cursor, table)
    return _told(manifest)


def _check_fits(cursor: Any, manifest: Mapping[str, Any]) -> None:
    if manifest.get("format") != FORMAT:
        raise CannotLeave("This file is no export of an organization, or one of a later version.")
    cursor.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
    if [".".join(row) for row in cursor.fetchall()] != manifest["migrations"]:
        raise CannotLeave("The export is from another version. Bring both installations to the same one and export again.")
    cursor.execute("SELECT count(*) FROM accounts_organization")
    if cursor.fetchone()[0]:
        raise CannotLeave("This installation has an organization already; an export keeps its ids and goes into an empty one.")


def _rows(archive: ZipFile, name: str) -> Iterator[dict[str, str]]:
    with archive.open(name) as entry:
        yield from csv.DictReader(io.TextIOWrapper(entry, encoding="utf-8", newline=""))


def _people(cursor: Any, archive: ZipFile) -> dict[str, int]:
    """Their id here, by their id there."""
    found = {}
    for person in _rows(archive, _PEOPLE):
        cursor.execute("SELECT id FROM accounts_user WHERE lower(email) = lower(%s)", [person["email"]])
        known = cursor.fetchone()
        if known is None:
            cursor.execute(
                "INSERT INTO accounts_user (password, email, name, time_zone, is_active, created_at, theme)"
                " VALUES ('!', %s, %s, %s, true, now(), 'system') RETURNING id",
                [person["email"], person["name"], person["time_zone"]],
            )
            known = cursor.fetchone()
        found[person["id"]] = int(known[0])
    return found


def _insert(cursor: Any, table: str, values: Mapping[str, str]) -> None:
    """A row as CSV had it: what is empty there is NULL where the column may be, else an empty text."""
    cursor.execute("SELECT attname, attnotnull FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0", [table])
    required = dict(cursor.fetchall())
    given = {name: value if value or required[name] else None for name, value in values.items()}
    text = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table), _identifiers(list(given)), sql.SQL(", ").join(sql.Placeholder() for _ in given)
    )
    cursor.execute(text, list(given.values()))


def _stop_insert_triggers(cursor: Any, tables: Sequence[str]) -> list[tuple[str, str]]:
    """A trigger that refuses new rows of what is closed would refuse the closed rows themselves. It is back before anybody else
    sees the tables."""
    cursor.execute(_INSERT_TRIGGERS, [list(tables)])
    found: list[tuple[str, str]] = cursor.fetchall()
    for table, trigger in found:
        cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(sql.Identifier(table), sql.Identifier(trigger)))
    return found


def _fill(cursor: Any, archive: ZipFile, table: str, said: Mapping[str, Any]) -> None:
    columns = said["columns"]
    names = {"table": sql.Identifier(table), "columns": _identifiers(columns)}
    # COPY itself is refused under row-level security.
    cursor.execute(sql.SQL("CREATE TEMP TABLE coming ON COMMIT DROP AS SELECT {columns} FROM {table} WITH NO DATA").format(**names))
    with archive.open(f"tables/{table}.csv") as entry:
        cursor.copy_expert(sql.SQL("COPY pg_temp.coming FROM STDIN (FORMAT csv, HEADER)"), entry)
    if table == FILES:
        _fill_files(cursor, archive, columns)
    else:
        cursor.execute(sql.SQL("INSERT INTO {table} ({columns}) SELECT {columns} FROM pg_temp.coming ORDER BY id").format(**names))
    cursor.execute("DROP TABLE pg_temp.coming")
    if list(_digest(cursor, table, columns)) != [said["rows"], said["digest"]]:
        raise CannotLeave(f"{table} does not hold the rows that were exported. The file was changed.")


def _fill_files(cursor: Any, archive: ZipFile, columns: Sequence[str]) -> None:
    cursor.execute("SELECT id, sha256, file_name FROM pg_temp.coming ORDER BY id")
    text = sql.SQL("INSERT INTO {} ({}, content) SELECT {}, %s FROM pg_temp.coming WHERE id = %s").format(
        sql.Identifier(FILES), _identifiers(columns), _identifiers(columns)
    )
    for number, sha256, file_name in cursor.fetchall():
        content = archive.read(f"files/{number}")
        if hashlib.sha256(content).hexdigest() != sha256:
            raise CannotLeave(f"The file “{file_name}” does not have the hash under which it was stored.")
        cursor.execute(text, [psycopg2.Binary(content), number])


def _move_sequence(cursor: Any, table: str) -> None:
    cursor.execute(
        sql.SQL(
            "SELECT setval(pg_get_serial_sequence({name}, 'id'), GREATEST((SELECT max(id) FROM {table}), 1))"
            " WHERE pg_get_serial_sequence({name}, 'id') IS NOT NULL"
        ).format(name=sql.Literal(table), table=sql.Identifier(table))
    )


# --- gone -----------------------------------------------------------------------------------------------------------------


def purge_organization(slug: str, certificate: Path, by: str) -> Told:
    """Delete every row and file of an organization, and whoever belonged to no other; write what was deleted into a new file.

    Raises `CannotLeave`, having deleted nothing, while a legal hold is in force or where the certificate cannot be written.
    """
    try:
        kept: IO[str] = certificate.open("x", encoding="utf-8")
    except OSError as error:
        raise CannotLeave(f"The certificate {certificate} cannot be written: {error.strerror}.") from error
    try:
        with kept, _owner() as cursor:
            organization = _find(cursor, slug)
            _enter(cursor, organization)
            _refuse_held(cursor)
            told = _delete(cursor, slug, organization)
            cursor.execute("SELECT now()")
            when = cursor.fetchone()[0].isoformat()
            said = {"organization": slug, "deleted_at": when, "by": by, "rows": dict(told.rows), "files": told.files}
            json.dump(said, kept, indent=1)
            kept.flush()
            os.fsync(kept.fileno())
    except BaseException:
        certificate.unlink(missing_ok=True)
        raise
    return told


def _refuse_held(cursor: Any) -> None:
    cursor.execute(_HOLDS)
    if held := [reference for (reference,) in cursor.fetchall()]:
        more = f" and {len(held) - 5} more" if len(held) > 5 else ""
        raise CannotLeave(f"A legal hold keeps {', '.join(held[:5])}{more}. Nothing was deleted.")


def _delete(cursor: Any, slug: str, organization: int) -> Told:
    cursor.execute("SELECT set_config('lpo.purge', 'on', true)")
    cursor.execute("SELECT user_id FROM accounts_membership WHERE organization_id = %s", [organization])
    people = [number for (number,) in cursor.fetchall()]
    cursor.execute(f"SELECT count(*) FROM {FILES}")  # noqa: S608 - a constant
    files = int(cursor.fetchone()[0])
    rows = {}
    # Where the policies do not say whose a row is, the row does.
    for table in ("accounts_apitoken", "accounts_invitation", *reversed(_tables(cursor))):
        cursor.execute(sql.SQL("DELETE FROM {} WHERE organization_id = %s").format(sql.Identifier(table)), [organization])
        rows[table] = cursor.rowcount
    cursor.execute("DELETE FROM accounts_organization WHERE id = %s", [organization])
    rows["accounts_user"] = _delete_people(cursor, people)
    return Told(slug, rows, files)


def _delete_people(cursor: Any, people: Sequence[int]) -> int:
    """Those who belong nowhere any more, with everything by which they signed in. Their sessions end with their memberships."""
    cursor.execute(_NOWHERE, [list(people)])
    gone = [number for (number,) in cursor.fetchall()]
    cursor.execute(_CONFIRMATIONS, [gone])
    for table in ("account_emailaddress", "mfa_authenticator", "usersessions_usersession"):
        cursor.execute(sql.SQL("DELETE FROM {} WHERE user_id = ANY (%s)").format(sql.Identifier(table)), [gone])
    cursor.execute("DELETE FROM accounts_user WHERE id = ANY (%s)", [gone])
    return len(gone)
