"""Background work of billing: a month's drafts, their issue, the PDF of an issued invoice, and the export of a month."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from django.db import transaction
from django.urls import reverse

from billing import actions, exports, overview
from billing.actions import documents
from billing.models import Invoice, InvoiceState
from billing.pdf import render_invoice
from billing.snapshot import Invoice as Snapshot
from engagements.models import Engagement
from lpo.accounts.models import Organization
from lpo.core.errors import Refused
from lpo.jobs.registry import Progress, Result, Run, handler

# One client's impossible figures are no reason to stop the others; anything else is a fault and ends the attempt.
PARKED = (Refused, ValueError, ArithmeticError)


@handler("billing.render")
def render(run: Run) -> Result:
    """Render an issued invoice's PDF from its snapshot and store it under its hash; a second run finds it stored."""
    invoice = Invoice.objects.get(pk=run.payload["invoice"])
    stored = documents.pdf_of(invoice)
    if stored is None:
        files = documents.attached(invoice)
        content = render_invoice(Snapshot.from_json(invoice.snapshot), files=files)
        stored = documents.store_pdf(invoice, content, run.actor)
    return Result(data={"sha256": stored.sha256, "file": stored.file_name})


# --- a month ------------------------------------------------------------------------------------------------------------------


@handler("billing.draft_month", chunked=True)
def draft_month(run: Run) -> Generator[Progress, None, Result]:
    """Draft every period that ended in the month; drafts are refreshed, what is in review or further stays as it is.

    An engagement that cannot be drafted is parked with its reason and the others go on; one without charge terms has nothing to
    draft and is left out. Running it again repeats nothing.
    """
    month = date.fromisoformat(run.payload["month"])
    billed = sorted(overview.billed_in(month), key=lambda row: row[0].id)
    tally = _Tally.resumed(run)
    yield tally.progress(len(billed), "Drafting")
    for engagement, period in billed:
        if engagement.id > tally.after:
            if overview.priced(engagement):
                tally.count(engagement.id, engagement.reference, _draft(engagement, period.index, run))
            else:
                tally.leave_out(engagement.id, engagement.reference)
            yield tally.progress(len(billed), engagement.reference)
    return tally.result(_run_url(run, month), "drafted")


def _draft(engagement: Engagement, index: int, run: Run) -> str:
    """Why the engagement was parked, or nothing."""
    live = Invoice.objects.filter(engagement=engagement, period__index=index).exclude(state=InvoiceState.DISCARDED).first()
    if live is not None and live.state != InvoiceState.DRAFT:
        return ""
    try:
        with transaction.atomic():
            actions.draft_invoice(engagement=engagement, index=index, by=run.actor)
    except PARKED as error:
        return _reason(error)
    return ""


@handler("billing.issue_month", chunked=True)
def issue_month(run: Run) -> Generator[Progress, None, Result]:
    """Issue the invoices that were confirmed, one by one in order; one that is refused is parked and keeps its state."""
    month, chosen = date.fromisoformat(run.payload["month"]), sorted(int(key) for key in run.payload["invoices"])
    tally = _Tally.resumed(run)
    yield tally.progress(len(chosen), "Issuing")
    for key in chosen:
        if key > tally.after:
            invoice = Invoice.objects.select_related("engagement").get(pk=key)
            tally.count(key, invoice.engagement.reference, _issue(invoice, run))
            yield tally.progress(len(chosen), invoice.engagement.reference)
    return tally.result(_run_url(run, month), "issued")


def _issue(invoice: Invoice, run: Run) -> str:
    """Why the invoice was parked, or nothing."""
    try:
        with transaction.atomic():
            actions.issue_invoice(invoice=invoice, by=run.actor)
    except PARKED as error:
        return _reason(error)
    return ""


@dataclass
class _Tally:
    """How far a month's job is, kept in the cursor so that a second worker goes on where the first ended."""

    after: int = 0
    done: int = 0
    succeeded: int = 0
    parked: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)  # without charge terms: nothing to do, and nothing wrong

    @classmethod
    def resumed(cls, run: Run) -> _Tally:
        return cls(**run.cursor)

    def count(self, key: int, reference: str, reason: str) -> None:
        self.after, self.done = key, self.done + 1
        if reason:
            self.parked[reference] = reason
        else:
            self.succeeded += 1

    def leave_out(self, key: int, reference: str) -> None:
        self.after, self.done = key, self.done + 1
        self.left_out.append(reference)

    def progress(self, total: int, message: str) -> Progress:
        return Progress(self.done, total, message, asdict(self))

    def result(self, url: str, verb: str) -> Result:
        message = f"{self.succeeded} {verb}" + (f", {len(self.parked)} not" if self.parked else "")
        message += f", {len(self.left_out)} without charge terms" if self.left_out else ""
        return Result(url=url, data={verb: self.succeeded, "parked": self.parked, "left_out": self.left_out}, message=message)


def _reason(error: Exception) -> str:
    text = error.message if isinstance(error, Refused) else str(error)
    return f"{text[:1].upper()}{text[1:]}" or type(error).__name__


def _slug(run: Run) -> str:
    return Organization.objects.get(pk=run.organization_id).slug


def _run_url(run: Run, month: date) -> str:
    return f"{reverse('billing:run', args=[_slug(run)])}?month={month:%Y-%m}"


# --- exports ------------------------------------------------------------------------------------------------------------------


@handler("billing.export", chunked=True)
def export(run: Run) -> Generator[Progress, None, Result]:
    """Issued invoices as a ZIP of their PDFs with a CSV of their lines: of the periods that ended in `month`, or issued from
    `first` to `last`. Invoices with lines behind a wall that the person asking stands outside of are left out, and counted."""
    chosen, name = _chosen(run.payload)
    invoices, left_out = exports.readable_by(run.actor, chosen)
    yield Progress(0, len(invoices), "Collecting invoices")
    for position, invoice in enumerate(invoices):
        if documents.pdf_of(invoice) is None:
            content = render_invoice(Snapshot.from_json(invoice.snapshot), files=documents.attached(invoice))
            documents.store_pdf(invoice, content, run.actor)
            yield Progress(position, len(invoices), f"Rendering {invoice.number}")
    document = documents.store_export(name, exports.archive(invoices), run.actor)
    return Result(
        url=reverse("billing:export_file", args=[_slug(run), document.sha256]),
        data={"invoices": len(invoices), "file": name, "left_out": left_out},
        message=f"{len(invoices)} invoices" + (f", {left_out} behind a wall left out" if left_out else ""),
    )


def _chosen(payload: dict[str, Any]) -> tuple[Sequence[Invoice], str]:
    if "month" in payload:
        first, last = overview.month_bounds(date.fromisoformat(payload["month"]))
        return list(exports.invoices_of(first, last)), f"invoices-{first:%Y-%m}.zip"
    first, last = date.fromisoformat(payload["first"]), date.fromisoformat(payload["last"])
    return list(exports.invoices(first, last)), f"invoices-{first:%Y-%m}.zip"
