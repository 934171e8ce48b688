"""What the client's database role may not read of the tables it may: names of staff, who prepared and approved, walls, counts.

The database refuses these columns (`billing/migrations/0006_portal_columns.py` and those after it), so a query of the portal never
asks for them.
"""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet

from billing.models import Invoice
from engagements.models import (
    Client,
    Deliverable,
    Engagement,
    Matter,
    Milestone,
    Pause,
    Placement,
    PlacementTerms,
    StatusUpdate,
    SupervisionReport,
    Timesheet,
)
from lpo.audit.models import Document
from sla.models import Attainment, Exclusion

M = TypeVar("M", bound=Model)

HIDDEN: dict[type[Model], tuple[str, ...]] = {
    # How many engagements and matters there are tells of those that were not published.
    Client: ("engagement_count", "matter_count"),
    Engagement: ("manager", "renewal", "renewal_months", "notice_days", "notice_given_on"),
    # The client's own numbers it knows; ours, and whom else the matter concerns, are the provider's notes.
    Matter: ("supervising_attorney", "walled", "own_matter_id", "end_client", "bill_to"),
    # The client reads the columns written for it when a milestone is published.
    Milestone: (
        *(
            "number",
            "name",
            "baseline_on",
            "due_on",
            "done_on",
            "workstream",
            "owner",
            "volume",
            "volume_from",
            "done_by_label",
            "done_note",
        ),
        *("evidence", "withdrawn_at", "withdrawn_note", "created_at", "by_label", "version"),
    ),
    StatusUpdate: ("published_by_label",),
    SupervisionReport: ("published_by_label",),
    Deliverable: ("document", "by_label", "published_by_label"),
    Attainment: ("closed_by_label",),
    # What was told and how it stands; not the item, the provider's notes, the evidence, or who wrote it down.
    Pause: ("item", "note", "evidence", "by_label", "batch"),
    Exclusion: ("item", "evidence", "by_label"),
    Invoice: ("prepared_by", "approved_by", "approved_at", "issued_by", "purchase_order"),
    Document: ("created_by_label",),
    # The person is known by the name they work under there; who of the staff they are, and our reasons, stay with the provider.
    Placement: ("member", "notice_given_on", "ended_reason"),
    PlacementTerms: ("by_label",),
    Timesheet: ("reason", "submitted_by_label", "decision"),
}


def readable(model: type[M], *beside: str) -> QuerySet[M]:
    """Rows without the columns that are refused. `beside`: related rows that are read along, by the name of their field."""
    rows: QuerySet[M] = model._default_manager.defer(*HIDDEN.get(model, ()))
    for name in beside:
        related = model._meta.get_field(name).related_model
        assert isinstance(related, type)  # noqa: S101 -- a key of the model
        rows = rows.select_related(name).defer(*(f"{name}__{column}" for column in HIDDEN.get(related, ())))
    return rows
