"""`manage.py import_organization FILE.zip`: an exported organization into an empty installation."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from django.core.management.base import BaseCommand, CommandError

from lpo.tenancy import leaving


class Command(BaseCommand):
    help = "Bring an exported organization into an installation without one. Needs DATABASE_OWNER_URL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            told = leaving.import_organization(options["file"])
        except leaving.CannotLeave as reason:
            raise CommandError(str(reason)) from None
        except (OSError, BadZipFile, KeyError) as error:
            raise CommandError(f"{options['file']} cannot be read as an export: {error}") from None
        self.stdout.write(f"{told.organization}: {told.total:,} rows and {told.files:,} files, each table equal to where it came from.")
