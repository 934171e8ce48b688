"""`manage.py once`: the main job without serving. Expects servers and a worker around it, as `bin/run --once` provides them."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from billing.actions.documents import pdf_of
from lpo.accounts.models import Organization
from lpo.audit.documents import content_of
from lpo.audit.models import Document
from lpo.core.errors import Refused
from lpo.core.templatetags.formats import money
from lpo.environment import text
from lpo.reports.month import Closed, JobFailed, Month, last_whole_month, run_month
from lpo.reports.verification import verify
from lpo.reports.waiting import TooLong, Waiter
from lpo.tenancy.context import in_organization
from sla import wording

DEMO = "alder"
HEADER = ("Client", "Level", "Target", "Actual", "Met / counted", "State", "Credit")


class Command(BaseCommand):
    help = "Load the demo's recorded work, measure the last month, issue its invoices, verify everything, and exit 0 if all is identical."

    def handle(self, *args: Any, **options: Any) -> None:
        organization = self._organization()
        month = last_whole_month(organization, int(time.time()))
        self.stdout.write(f"{organization.name}, {month:%B %Y}")
        try:
            done = run_month(organization, month, wait=Waiter(organization.pk, sys.stderr))
        except (Refused, JobFailed, TooLong) as error:
            raise CommandError(str(error)) from error
        self._windows(done)
        with in_organization(organization.pk):
            self._invoices(done)
        if done.left_out:
            self.stdout.write(f"\nLeft out, without charge terms: {', '.join(done.left_out)}.")
        different = self._verify(organization)
        for reason in done.refused:
            self.stdout.write(f"Not done: {reason}")
        if different or done.refused:
            raise CommandError(f"{different} of what was verified differ, {len(done.refused)} could not be done.")

    def _organization(self) -> Organization:
        """The demo's organization with its recorded work imported; loaded first where it is missing."""
        found = Organization.objects.filter(slug=DEMO).first()
        if found is None:
            call_command("demo", "--if-empty", "--leave-last-month", "--by-worker", stdout=self.stdout)
            found = Organization.objects.filter(slug=DEMO).first()
        else:
            self.stdout.write("The demo was loaded before.")
        if found is None:
            raise CommandError(f"The demo did not make an organization {DEMO}.")
        return found

    def _windows(self, done: Month) -> None:
        new = sum(not row.existed for row in done.closed)
        self.stdout.write(f"\nService levels: windows closed now {new}, before {len(done.closed) - new}.\n\n")
        if done.closed:
            self.stdout.write(table(HEADER, [_cells(row) for row in done.closed], right={3, 4}))

    def _invoices(self, done: Month) -> None:
        new = sum(row.number not in done.existed for row in done.invoices)
        self.stdout.write(f"\nInvoices: issued now {new}, before {len(done.invoices) - new}.\n\n")
        folder = Path(text("LPO_OUTPUT", str(Path(settings.BASE_DIR) / ".var" / "out")))
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for invoice in done.invoices:
            stored = pdf_of(invoice)
            if stored is None:
                done.refused.append(f"{invoice.number}: its PDF was not rendered")
                continue
            path = folder / stored.file_name
            path.write_bytes(content_of(Document.objects.get(pk=stored.pk)))
            rows.append((invoice.number, invoice.client.name, f"{money(invoice.gross, invoice.currency)} {invoice.currency}", str(path)))
        if rows:
            self.stdout.write(table(("Invoice", "Client", "Total", "File"), rows, right={2}))

    def _verify(self, organization: Organization) -> int:
        with in_organization(organization.pk):
            findings = list(verify())
        different = [finding for finding in findings if not finding.identical]
        self.stdout.write(f"\nVerified {len(findings):,} closed windows and issued invoices: ", ending="")
        self.stdout.write("identical." if not different else f"{len(different)} differ.")
        for finding in different:
            self.stdout.write(f"  {finding.line}")
        return len(different)


def _cells(row: Closed) -> tuple[str, ...]:
    figure = row.figure
    credit = "—" if row.claim is None else f"{wording.number(row.claim.percent)} %, {row.claim.get_state_display().lower()}"
    counted = f"{figure.numerator:,} / {figure.denominator:,}" + (" wrong" if figure.accuracy else "")
    return row.client, figure.level.name, figure.promised, figure.actual, counted, figure.state, credit


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: set[int]) -> str:
    """Columns as wide as their widest cell, numbers to the right."""
    cells = [[value.replace("\N{NO-BREAK SPACE}", " ") for value in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        padded = (v.rjust(w) if i in right else v.ljust(w) for i, (v, w) in enumerate(zip(row, widths, strict=True)))
        lines.append("  ".join(padded).rstrip())
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(lines)
