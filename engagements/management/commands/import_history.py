"""`manage.py import_history log.csv --mapping mapping.json --workstream ACME-0003/NDA`: the way of the browser, in one go."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from engagements import actions
from engagements.imports import several
from engagements.models import ImportBatch, ImportRow, Workstream
from engagements.models.imports import ImportState
from lpo.accounts.actor import Actor
from lpo.accounts.models import Organization
from lpo.core.errors import Refused
from lpo.jobs.models import Job
from lpo.jobs.runner import run_job
from lpo.tenancy.context import in_organization

_NAMED = 20
LABELS = {
    "rows": "rows read",
    "rejected": "rows rejected",
    "ignored": "rows ignored",
    "items_new": "items new",
    "items_changed": "items changed",
    "items_unchanged": "items unchanged",
    "moves": "transitions added",
    "waits": "pauses added",
}


def _place(batch: ImportBatch, number: int) -> str:
    file, row = several.named(batch.parts, number)
    return f"{file}, row {row}" if file else f"row {row}"


class Command(BaseCommand):
    labels = LABELS
    help = "Import an event log (item, time, status) as the history of a workstream. docs/imports.md describes the mapping."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="+", help="CSV file; several files of one log are read as one")
        parser.add_argument("--mapping", type=Path, required=True, help="JSON file: which column and which status mean what")
        parser.add_argument("--workstream", required=True, metavar="REFERENCE", help="matter and item prefix, as ACME-0003/NDA")
        parser.add_argument("--organization", metavar="SLUG", help="needed where there is more than one")
        parser.add_argument("--source", default="upload", help="the system the item IDs come from")
        parser.add_argument("--strict", action="store_true", help="load nothing when any row is rejected")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = self._organization(options["organization"])
        files = [(path.name, self._read(path)) for path in options["file"]]
        mapping = self._mapping(options["mapping"])
        by = Actor.system(organization.id, "manage.py import_history")
        try:
            batch = self._check(organization, by, options, files, mapping)
            self._report(organization, batch, strict=options["strict"])
            self._load(organization, by, batch)
        except Refused as refused:
            where = f"{refused.field}: " if refused.field and refused.field != "file" else ""
            raise CommandError(f"{where}{refused.message}") from None

    def _organization(self, slug: str | None) -> Organization:
        rows: QuerySet[Organization] = Organization.objects.filter(slug=slug) if slug else Organization.objects.all()
        found = list(rows[:2])
        if len(found) != 1:
            raise CommandError(f"There is no organization {slug}." if slug else "Name the organization: --organization SLUG.")
        return found[0]

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from None

    def _mapping(self, path: Path) -> dict[str, Any]:
        try:
            mapping = json.loads(self._read(path))
        except ValueError as error:
            raise CommandError(f"{path} is not JSON: {error}.") from None
        if not isinstance(mapping, dict) or not isinstance(mapping.get("columns"), dict):
            raise CommandError(f"{path} has no “columns”.")
        return mapping

    def _check(
        self, organization: Organization, by: Actor, options: Any, files: list[tuple[str, bytes]], mapping: dict[str, Any]
    ) -> ImportBatch:
        with in_organization(organization.id):
            workstream = self._workstream(options["workstream"])
            encoding = mapping.get("encoding", "utf-8")
            batch = actions.upload_history(workstream=workstream, by=by, files=files, source=options["source"], encoding=encoding)
            batch = actions.map_columns(batch=batch, by=by, mapping=mapping)
        return self._settled(organization, batch)

    def _workstream(self, named: str) -> Workstream:
        matter, _, prefix = named.rpartition("/")
        found: Workstream | None = Workstream.objects.filter(matter__reference=matter, item_prefix=prefix).first()
        if found is None:
            raise CommandError(f"There is no workstream {named}.")
        return found

    def _settled(self, organization: Organization, batch: ImportBatch) -> ImportBatch:
        """Do the batch's job here, or wait for the worker that took it first."""
        while True:
            run_job(organization.id, int(batch.job_id or 0))
            with in_organization(organization.id):
                job = Job.objects.get(pk=batch.job_id or 0)
                if not job.live:
                    batch.refresh_from_db()
                    break
            time.sleep(0.5)
        if job.state != "done":
            raise CommandError(f"The work stopped with an error: {job.error.splitlines()[0] if job.error else job.state}")
        return batch

    def _report(self, organization: Organization, batch: ImportBatch, *, strict: bool) -> None:
        for name, label in self.labels.items():
            if name in batch.counts:
                self.stdout.write(f"{batch.counts[name]:>10,}  {label}")
        with in_organization(organization.id):
            rejected = ImportRow.objects.filter(batch=batch, verdict="rejected").order_by("number")
            named = [f"{_place(batch, row.number)}, {row.field or 'whole row'}: {row.reason}" for row in rejected[:_NAMED]]
            more = rejected.count() - len(named)
        for line in named:
            self.stderr.write(line)
        if more > 0:
            self.stderr.write(f"and {more:,} more rejected rows")
        if batch.state == ImportState.REFUSED:
            raise CommandError(batch.problem)
        if strict and named:
            raise CommandError("Rows were rejected; nothing was loaded.")

    def _load(self, organization: Organization, by: Actor, batch: ImportBatch) -> None:
        with in_organization(organization.id):
            batch = actions.confirm_import(batch=batch, by=by)
        batch = self._settled(organization, batch)
        if batch.state != ImportState.LOADED:
            raise CommandError(batch.problem or f"The import is {batch.get_state_display().lower()}.")
        self.stdout.write(f"Loaded {batch.file_name}.")
