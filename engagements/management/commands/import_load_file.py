"""`manage.py import_load_file export.dat --workstream ACME-0003/DOC`: the way of the browser in one go, for a file of any size."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from engagements import actions
from engagements.imports import load_file
from engagements.imports.documents import DOCUMENTS, UNITS
from engagements.management.commands import import_history
from engagements.models import ImportBatch
from lpo.accounts.actor import Actor
from lpo.accounts.models import Organization
from lpo.core.errors import Refused
from lpo.tenancy.context import in_organization


class Command(import_history.Command):
    labels = {"rows": "rows read", "rejected": "rows rejected", "new": "items new", "changed": "items changed", "unchanged": "unchanged"}
    help = "Import an e-discovery load file: one item for each document or batch. Only five fields are kept; docs/imports.md names them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="Concordance .dat, CSV or .xlsx")
        parser.add_argument("--workstream", required=True, metavar="REFERENCE", help="matter and item prefix, as ACME-0003/DOC")
        parser.add_argument("--organization", metavar="SLUG", help="needed where there is more than one")
        parser.add_argument("--source", default="upload", help="the system the control numbers come from")
        parser.add_argument("--encoding", default="utf-8", choices=[name for name, _ in load_file.ENCODINGS])
        parser.add_argument("--unit", default=DOCUMENTS, choices=list(UNITS), help="what becomes an item")
        parser.add_argument("--received", metavar="INSTANT", help="when all of it was received, as 2026-03-31T17:45+02:00; now if left out")
        for each in load_file.FIELDS:
            parser.add_argument(
                f"--{each.name.replace('_', '-')}", default="", metavar="COLUMN", help=f"column of the {each.label.lower()}"
            )
        parser.add_argument("--strict", action="store_true", help="load nothing when any row is rejected")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = self._organization(options["organization"])
        by = Actor.system(organization.id, "manage.py import_load_file")
        try:
            batch = self._take_in(organization, by, options)
            self._report(organization, batch, strict=options["strict"])
            self._load(organization, by, batch)
        except Refused as refused:
            raise CommandError(refused.message) from None

    def _take_in(self, organization: Organization, by: Actor, options: Any) -> ImportBatch:
        received = self._received(options["received"])
        with in_organization(organization.id):
            workstream = self._workstream(options["workstream"])
            try:
                with options["file"].open("rb") as stream:
                    batch = actions.upload_load_file(
                        workstream=workstream,
                        by=by,
                        stream=stream,
                        file_name=options["file"].name,
                        source=options["source"],
                        encoding=options["encoding"],
                        columns={each.name: options[each.name] for each in load_file.FIELDS},
                    )
            except OSError as error:
                raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from None
            batch = actions.check_load_file(batch=batch, by=by, unit=options["unit"], received=received)
        return self._settled(organization, batch)

    def _received(self, text: str | None) -> datetime:
        try:
            found = datetime.fromisoformat(text) if text else timezone.now()
        except ValueError:
            raise CommandError(f"“{text}” is not a date and time written as 2026-03-31T17:45+02:00.") from None
        if found.tzinfo is None:
            raise CommandError("Give the time of receipt with its offset, as 2026-03-31T17:45+02:00.")
        return found
