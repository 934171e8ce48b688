"""`/api/v1/`: the organization comes from the token alone."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from lpo.accounts.access import public
from lpo.api.views import agreed, care, confidential, coordination, measured, metered, people, placed, quality, work

app_name = "api"

_NOUN_LIST: Any = {"get": "list", "post": "create"}
_NOUN: Any = {"get": "retrieve", "patch": "partial_update"}
_POST: Any = {"post": "create"}

urlpatterns = [
    path("schema/", public(SpectacularAPIView.as_view()), name="schema"),
    path("docs/", public(SpectacularSwaggerSplitView.as_view(url_name="api:schema")), name="docs"),
    path("clients/", work.ClientView.as_view(_NOUN_LIST), name="clients"),
    path("clients/<str:code>/", work.ClientView.as_view(_NOUN), name="client"),
    path("engagements/", work.EngagementView.as_view(_NOUN_LIST), name="engagements"),
    path("engagements/<str:reference>/", work.EngagementView.as_view(_NOUN), name="engagement"),
    path("matters/", work.MatterView.as_view(_NOUN_LIST), name="matters"),
    path("matters/<str:reference>/", work.MatterView.as_view(_NOUN), name="matter"),
    path("matters/<str:reference>/parties/", confidential.PartyView.as_view({"get": "list", "put": "update"}), name="parties"),
    path("matters/<str:reference>/supervision/", confidential.SupervisionView.as_view({"get": "retrieve"}), name="supervision"),
    path("matters/<str:reference>/supervision/admission/", confidential.AdmissionView.as_view(_POST), name="supervision_admission"),
    path("matters/<str:reference>/supervision/samples/", confidential.SampleView.as_view(_POST), name="supervision_samples"),
    path("matters/<str:reference>/supervision/publication/", confidential.ReportView.as_view(_POST), name="supervision_publication"),
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
    path("credit-claims/", quality.ClaimView.as_view({"get": "list"}), name="credit_claims"),
    path("quality-plans/", quality.PlanView.as_view({"get": "list"}), name="quality_plans"),
    path("quality-plans/<str:item_prefix>/<int:number>/", quality.PlanView.as_view({"get": "retrieve"}), name="quality_plan"),
    path("quality-plans/<str:item_prefix>/<int:number>/items/", quality.PlanItemView.as_view({"get": "list"}), name="quality_plan_items"),
    path("quality-checks/", quality.CheckView.as_view(_NOUN_LIST), name="quality_checks"),
    path("replays/", quality.ScenarioView.as_view(_NOUN_LIST), name="replays"),
    path("replays/<str:item_prefix>/<int:number>/", quality.ScenarioView.as_view({"get": "retrieve"}), name="replay"),
    path("contracts/", agreed.ContractView.as_view({"get": "list"}), name="contracts"),
    path("purchase-orders/", agreed.OrderView.as_view({"get": "list"}), name="purchase_orders"),
    path("milestones/", coordination.MilestoneView.as_view(_NOUN_LIST), name="milestones"),
    path("milestones/<str:reference>/<int:number>/", coordination.MilestoneView.as_view(_NOUN), name="milestone"),
    path("milestones/<str:reference>/<int:number>/date/", coordination.MilestoneDateView.as_view(_POST), name="milestone_date"),
    path("milestones/<str:reference>/<int:number>/done/", coordination.MilestoneDoneView.as_view(_POST), name="milestone_done"),
    path(
        "milestones/<str:reference>/<int:number>/withdrawn/",
        coordination.MilestoneWithdrawnView.as_view(_POST),
        name="milestone_withdrawn",
    ),
    path(
        "milestones/<str:reference>/<int:number>/reopened/",
        coordination.MilestoneReopenedView.as_view(_POST),
        name="milestone_reopened",
    ),
    path(
        "milestones/<str:reference>/<int:number>/publication/",
        coordination.MilestonePublicationView.as_view(_POST),
        name="milestone_publication",
    ),
    path("blockers/", coordination.BlockerView.as_view(_NOUN_LIST), name="blockers"),
    path("blockers/<str:reference>/<int:number>/", coordination.BlockerView.as_view({"get": "retrieve"}), name="blocker"),
    path("blockers/<str:reference>/<int:number>/resolution/", coordination.ResolutionView.as_view(_POST), name="blocker_resolution"),
    path("conflict-checks/", confidential.CheckView.as_view(_NOUN_LIST), name="conflict_checks"),
    path("conflict-matches/", confidential.MatchView.as_view({"get": "list"}), name="conflict_matches"),
    path("legal-holds/", confidential.HoldView.as_view(_NOUN_LIST), name="legal_holds"),
    path("legal-holds/release/", confidential.ReleaseView.as_view(_POST), name="legal_hold_release"),
    path("charge-terms/", measured.TermView.as_view({"get": "list"}), name="terms"),
    path("usage/", metered.UsageView.as_view(_NOUN_LIST), name="usage"),
    path("invoices/", measured.InvoiceView.as_view({"get": "list"}), name="invoices"),
    path("invoices/<str:number>/", measured.InvoiceView.as_view({"get": "retrieve"}), name="invoice"),
    path("invoices/<str:number>/pdf/", measured.InvoicePDFView.as_view({"get": "retrieve"}), name="invoice_pdf"),
]
