"""`manage.py purge_organization SLUG --certificate FILE.json`: every row and file of one organization, gone."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lpo.tenancy import leaving


class Command(BaseCommand):
    help = "Delete every row and file of an organization for good. Refused under a legal hold. Needs DATABASE_OWNER_URL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization", metavar="SLUG")
        parser.add_argument("--certificate", type=Path, required=True, help="a new file for what was deleted, when and by whom")
        parser.add_argument("--confirm", required=True, metavar="SLUG", help="the organization's short name once more")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["confirm"] != options["organization"]:
            raise CommandError("--confirm names another organization. Nothing was deleted.")
        try:
            told = leaving.purge_organization(options["organization"], options["certificate"], getpass.getuser())
        except leaving.CannotLeave as reason:
            raise CommandError(str(reason)) from None
        self.stdout.write(f"{told.total:,} rows and {told.files:,} files of {told.organization} are deleted: {options['certificate']}")
