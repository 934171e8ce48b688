"""The client's pages, under `/<organization>/portal/`."""

from __future__ import annotations

from django.urls import path

from lpo.portal.views import deliverables, invoices, ledger, levels, matters, overview, scorecard, staff

app_name = "portal"

_CLIENT = "portal/<slug:client>/"
_LEVEL = _CLIENT + "levels/<slug:level>/"
_WINDOW = _LEVEL + "<slug:window>/"
_INVOICE = _CLIENT + "invoices/<str:number>/"
_LINE = _INVOICE + "lines/<int:position>/"
_PERSON = _CLIENT + "staff/<str:matter>/<int:number>/"

urlpatterns = [
    path("portal/", overview.home, name="home"),
    path(_CLIENT, overview.overview, name="overview"),
    path(_CLIENT + "matters/", matters.matters, name="matters"),
    path(_CLIENT + "matters/<str:reference>/", matters.matter, name="matter"),
    path(_CLIENT + "deliverables/", deliverables.deliverables, name="deliverables"),
    path(_CLIENT + "deliverables/<str:reference>/<int:number>/file/", deliverables.file, name="deliverable"),
    path(_CLIENT + "matters/<str:reference>/supervision/", matters.supervision, name="supervision"),
    path(_CLIENT + "matters/<str:reference>/supervision/record.csv", matters.supervision_csv, name="supervision_csv"),
    path(_CLIENT + "levels/", levels.levels, name="levels"),
    path(_CLIENT + "contest-ledger/", ledger.ledger, name="ledger"),
    path(_CLIENT + "contest-ledger/entries.csv", ledger.ledger_csv, name="ledger_csv"),
    path(_CLIENT + "scorecard/", scorecard.scorecard, name="scorecard"),
    path(_CLIENT + "scorecard.pdf", scorecard.scorecard_pdf, name="scorecard_pdf"),
    path(_LEVEL, levels.level, name="level"),
    path(_LEVEL + "windows.csv", levels.level_csv, name="level_csv"),
    path(_WINDOW, levels.window, name="window"),
    path(_WINDOW + "rows.csv", levels.window_csv, name="window_csv"),
    path(_CLIENT + "staff/", staff.people, name="staff"),
    path(_PERSON, staff.person, name="person"),
    path(_PERSON + "<str:day>/", staff.timesheet, name="timesheet"),
    path(_PERSON + "<str:day>/timesheet.csv", staff.timesheet_csv, name="timesheet_csv"),
    path(_CLIENT + "invoices/", invoices.invoices, name="invoices"),
    path(_INVOICE, invoices.invoice, name="invoice"),
    path(_INVOICE + "invoice.pdf", invoices.pdf, name="pdf"),
    path(_INVOICE + "lines.csv", invoices.invoice_csv, name="invoice_csv"),
    path(_LINE, invoices.line, name="line"),
    path(_LINE + "rows.csv", invoices.line_csv, name="line_csv"),
]
