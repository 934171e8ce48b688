"""`manage.py verify [sla|billing|all]`: one line for each closed window and issued invoice, "identical" or what differs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lpo.accounts.models import Organization
from lpo.reports.verification import PARTS, verify
from lpo.tenancy.context import in_organization


class Command(BaseCommand):
    help = "Compare closed windows and issued invoices with their hashes and with a recomputation; says identical, or what differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("part", choices=[*PARTS, "all"], nargs="?", default="all")
        parser.add_argument("--organization", help="The slug of one organization; all of them otherwise.")

    def handle(self, *args: Any, part: str, organization: str | None, **options: Any) -> None:
        found = Organization.objects.order_by("slug")
        if organization:
            found = found.filter(slug=organization)
            if not found.exists():
                raise CommandError(f"There is no organization {organization}.")
        different = 0
        for row in found:
            with in_organization(row.pk):
                for finding in verify(*([] if part == "all" else [part])):
                    different += len(finding.differences)
                    self.stdout.write(f"{row.slug}  {finding.line}")
        if different:
            raise CommandError(f"{different} {'difference' if different == 1 else 'differences'} found.")
