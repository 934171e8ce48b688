"""`manage.py audit_verify --head heads.jsonl`: recompute every seal and say what does not fit. Exit code 1 if anything does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lpo.accounts.models import Organization
from lpo.audit.seal import signed_by_us
from lpo.audit.verify import walk_all
from lpo.tenancy.context import in_organization


class Command(BaseCommand):
    help = "Recompute every seal of the audit chains and compare them with the events, and with an exported head."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="only this organization")
        parser.add_argument("--head", metavar="FILE", type=Path, help="what audit_head wrote earlier; without it a cut tail cannot be seen")

    def handle(self, *args: Any, **options: Any) -> None:
        heads = read_heads(options["head"]) if options["head"] else {}
        organizations = {organization.slug: organization for organization in Organization.objects.order_by("slug")}
        wanted = [options["organization"]] if options["organization"] else sorted({*organizations, *heads})
        failed = 0
        for slug in wanted:
            if slug not in organizations:
                self.stdout.write(f"{slug}: there is no such organization.")
                failed += 1
                continue
            failed += not self.verify(organizations[slug], heads.get(slug))
        if failed:
            raise CommandError(f"{failed} of {len(wanted)} audit chains do not fit.", returncode=1)

    def verify(self, organization: Organization, head: dict[str, Any] | None) -> bool:
        # One transaction, so that a sealing run in between is seen whole or not at all.
        with in_organization(organization.id):
            check = walk_all(head)
        against = f", exported head {head['sequence']} included" if head else ""
        if not check.problem_count:
            self.stdout.write(
                f"{organization.slug}: identical. {check.events} events sealed{against}, {check.unsealed} waiting for the next seal."
            )
            return True
        self.stdout.write(f"{organization.slug}: {check.problem_count} differences in {check.events} sealed events.")
        for problem in check.problems:
            self.stdout.write(f"  {problem}")
        return False


def read_heads(path: Path) -> dict[str, dict[str, Any]]:
    """Heads by organization. Raises `CommandError` for a file that is not what audit_head wrote."""
    try:
        heads = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None
    for number, head in enumerate(heads, 1):
        if not isinstance(head, dict) or not signed_by_us(head):
            raise CommandError(f"{path}, line {number}: the signature does not fit. The head was changed, or SECRET_KEY was.")
    return {head["organization"]: head for head in heads}
