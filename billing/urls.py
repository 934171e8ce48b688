"""Addresses of money, below `/<organization>/`: an invoice is its engagement and the month its period begins in."""

from __future__ import annotations

from django.urls import path, register_converter

from billing.views import entities, invoice, invoices, moves, run, terms, usage


class Month:
    """The month a period begins in: 2026-10."""

    regex = "[0-9]{4}-[0-9]{2}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Month, "month")

app_name = "billing"
_INVOICE = "invoices/<str:reference>/<month:period>/"
_TERMS = "engagements/<str:reference>/terms/"

urlpatterns = [
    path("invoices/", invoices.invoices, name="invoices"),
    path("invoices/run/", run.run, name="run"),
    path("invoices/run/draft/", run.draft_all, name="run_draft"),
    path("invoices/run/bulk/", run.bulk, name="run_bulk"),
    path("invoices/run/issue/", run.issue_all, name="run_issue"),
    path("invoices/run/export/", run.export, name="run_export"),
    path("invoices/exports/<str:sha256>/", run.export_file, name="export_file"),
    path("invoices/entities/", entities.entities, name="entities"),
    path("invoices/entities/new/", entities.new_entity, name="new_entity"),
    path("invoices/entities/<str:prefix>/edit/", entities.edit_entity, name="edit_entity"),
    path("invoices/<str:number>/", invoices.by_number, name="by_number"),
    path(_INVOICE, invoice.invoice, name="invoice"),
    path(_INVOICE + "invoice.pdf", invoice.invoice_pdf, name="invoice_pdf"),
    path(_INVOICE + "preview.pdf", invoice.preview, name="preview"),
    path(_INVOICE + "lines.csv", invoice.invoice_lines, name="invoice_lines"),
    path(_INVOICE + "lines/<int:position>.csv", invoice.line_rows, name="line_rows"),
    path(_INVOICE + "compare/", invoice.compare, name="compare"),
    path(_INVOICE + "render/", invoice.render_again, name="render_again"),
    path(_INVOICE + "refresh/", moves.refresh, name="refresh"),
    path(_INVOICE + "submit/", moves.submit, name="submit"),
    path(_INVOICE + "approve/", moves.approve, name="approve"),
    path(_INVOICE + "return/", moves.send_back, name="send_back"),
    path(_INVOICE + "discard/", moves.discard, name="discard"),
    path(_INVOICE + "draft/", moves.draft_again, name="draft_again"),
    path(_INVOICE + "issue/", moves.issue, name="issue"),
    path(_TERMS, terms.terms, name="terms"),
    path(_TERMS + "new/", terms.new_term, name="new_term"),
    path(_TERMS + "<int:number>/", terms.term, name="term"),
    path(_TERMS + "<int:number>/revise/", terms.revise_term, name="revise_term"),
    path(_TERMS + "<int:number>/close/", terms.close_term, name="close_term"),
    path(_TERMS + "<int:number>/seats/<int:seat>/end/", terms.end_seat, name="end_seat"),
    path(_TERMS + "<int:number>/usage/import/", usage.usage_import, name="usage_import"),
    path(_TERMS + "<int:number>/usage/<int:record>/", usage.usage, name="usage"),
    path(_TERMS + "<int:number>/usage/<int:record>/approve/", usage.usage_approve, name="usage_approve"),
    path(_TERMS + "<int:number>/usage/<int:record>/receipt/", usage.usage_receipt, name="usage_receipt"),
]
