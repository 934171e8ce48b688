"""`manage.py export_organization SLUG FILE.zip`: everything of one organization in one file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lpo.tenancy import leaving


class Command(BaseCommand):
    help = "Write every row and file of an organization into a new ZIP file. Needs DATABASE_OWNER_URL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization", metavar="SLUG")
        parser.add_argument("file", type=Path, help="a ZIP file that is not there yet")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            told = leaving.export_organization(options["organization"], options["file"])
        except leaving.CannotLeave as reason:
            raise CommandError(str(reason)) from None
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"{told.total:,} rows of {len(told.rows)} tables and {told.files:,} files written to {options['file']}.")
