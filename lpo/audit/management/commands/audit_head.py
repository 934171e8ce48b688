"""`manage.py audit_head > heads.jsonl`: the signed end of each organization's audit chain, to be kept elsewhere."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from lpo.accounts.models import Organization
from lpo.audit.seal import head_of
from lpo.tenancy.context import in_organization


class Command(BaseCommand):
    help = "Write the signed head of each audit chain, one JSON object a line. Keep it where the database's owner cannot reach it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="only this organization")

    def handle(self, *args: Any, **options: Any) -> None:
        organizations = Organization.objects.order_by("slug")
        if options["organization"]:
            organizations = organizations.filter(slug=options["organization"])
        for organization in organizations:
            with in_organization(organization.id):
                self.stdout.write(json.dumps(head_of(organization.slug), sort_keys=True))
