"""`/api/v1/`: the organization comes from the token alone."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from lpo.accounts.access import public
from lpo.api.views import agreed, care, coordination, measured, people, placed, work

app_name = "api"

_NOUN_LIST: Any = {"get": "list", "post": "create"}
_NOUN: Any = {"get": "retrieve", "patch": "partial_update"}

urlpatterns = [
    path("schema/", public(SpectacularAPIView.as_view()), name="schema"),
    path("docs/", public(SpectacularSwaggerSplitView.as_view(url_name="api:schema")), name="docs"),
    path("clients/", work.ClientView.as_view(_NOUN_LIST), name="clients"),
    path("clients/<str:code>/", work.ClientView.as_view(_NOUN), name="client"),
    path("engagements/", work.EngagementView.as_view(_NOUN_LIST), name="engagements"),
    path("engagements/<str:reference>/", work.EngagementView.as_view(_NOUN), name="engagement"),
    path("matters/", work.MatterView.as_view(_NOUN_LIST), name="matters"),
    path("matters/<str:reference>/", work.MatterView.as_view(_NOUN), name="matter"),
    path("workstreams/", work.WorkstreamView.as_view(_NOUN_LIST), name="workstreams"),
    path("workstreams/<str:item_prefix>/", work.WorkstreamView.as_view(_NOUN), name="workstream"),
    path("items/", work.ItemView.as_view({"get": "list", "post": "create"}), name="items"),
    path("items/<str:reference>/", work.ItemView.as_view({"get": "retrieve"}), name="item"),
    path("items/<str:reference>/moves/", work.MoveView.as_view({"post": "create"}), name="item_moves"),
    path("items/<str:reference>/pauses/", work.PauseView.as_view({"post": "create"}), name="item_pauses"),
    path("items/<str:reference>/resume/", work.ResumeView.as_view({"post": "create"}), name="item_resume"),
    path("items/<str:reference>/assignment/", people.AssignmentView.as_view({"post": "create"}), name="item_assignment"),
    path("deliverables/", care.DeliverableView.as_view({"get": "list"}), name="deliverables"),
    path("time-entries/", people.TimeView.as_view({"get": "list", "post": "create"}), name="time_entries"),
    path("placements/", placed.PlacementView.as_view({"get": "list"}), name="placements"),
    path("timesheets/", placed.TimesheetView.as_view({"get": "list"}), name="timesheets"),
    path("service-levels/", measured.LevelView.as_view({"get": "list"}), name="levels"),
    path("attainments/", measured.AttainmentView.as_view({"get": "list"}), name="attainments"),
    path("attainments/rows/", measured.AttainmentRowView.as_view({"get": "list"}), name="attainment_rows"),
    path("contracts/", agreed.ContractView.as_view({"get": "list"}), name="contracts"),
    path("purchase-orders/", agreed.OrderView.as_view({"get": "list"}), name="purchase_orders"),
    path("milestones/", coordination.MilestoneView.as_view({"get": "list"}), name="milestones"),
    path("blockers/", coordination.BlockerView.as_view({"get": "list"}), name="blockers"),
    path("charge-terms/", measured.TermView.as_view({"get": "list"}), name="terms"),
    path("invoices/", measured.InvoiceView.as_view({"get": "list"}), name="invoices"),
    path("invoices/<str:number>/", measured.InvoiceView.as_view({"get": "retrieve"}), name="invoice"),
    path("invoices/<str:number>/pdf/", measured.InvoicePDFView.as_view({"get": "retrieve"}), name="invoice_pdf"),
]
