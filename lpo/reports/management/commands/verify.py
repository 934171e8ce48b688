"""`manage.py verify sla|billing|all`: compares what was frozen with its hash and with what the records say. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lpo.accounts.models import Organization
from lpo.tenancy.context import in_organization
from sla.verify import verify as verify_sla


class Finding(Protocol):
    """What a room's check yields."""

    @property
    def subject(self) -> str: ...
    @property
    def identical(self) -> bool: ...
    @property
    def detail(self) -> str: ...


# A room registers its check here; each yields findings for the current organization.
PARTS: dict[str, Callable[[], Iterator[Finding]]] = {"sla": verify_sla}


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
                different += self._report(row.slug, list(PARTS) if part == "all" else [part])
        if different:
            raise CommandError(f"{different} {'difference' if different == 1 else 'differences'} found.")

    def _report(self, slug: str, parts: list[str]) -> int:
        different = 0
        for name in parts:
            for finding in PARTS[name]():
                different += not finding.identical
                verdict = "identical" if finding.identical else "DIFFERS"
                self.stdout.write(f"{slug}  {finding.subject}: {verdict}{f' ({finding.detail})' if finding.detail else ''}")
        return different
