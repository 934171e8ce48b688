"""Keeping what a client wrote, and handing it out again."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from engagements import actions
from engagements.decision_forms import WithMessage
from engagements.models import Matter, WorkItem
from lpo.accounts.access import TenantRequest
from lpo.audit.documents import content_of, store
from lpo.audit.models import Document


def message_of(request: TenantRequest, form: WithMessage, item: WorkItem | None, matter: Matter) -> Document | None:
    """Keep what the client wrote, if the form brings it."""
    if (written := form.written()) is None:
        return None
    content, name, media_type = written
    return actions.keep_message(item=item, matter=matter, content=content, file_name=name, media_type=media_type, by=request.actor)


def evidence_of(request: TenantRequest, item: WorkItem, file: Any) -> Document | None:
    """Keep a file that shows why something of an item is as it is recorded, if the form brings one."""
    if file is None:
        return None
    return keep(request, file, "evidence", item.reference, client_id=item.client_id, matter_id=item.matter_id)


def keep(request: TenantRequest, file: Any, kind: str, reference: str, *, client_id: int, matter_id: int | None = None) -> Document:
    """An uploaded file under its hash."""
    return store(
        kind=kind,
        content=file.read(),
        file_name=file.name,
        media_type=file.content_type or "application/octet-stream",
        by=request.actor,
        client_id=client_id,
        matter_id=matter_id,
        reference=reference,
    )


def download(document: Document, name: str = "") -> HttpResponse:
    """Whatever was uploaded leaves as a download of no particular type: nothing of it is ever shown as a page of ours.

    `name`: what it is called here, where the same bytes were kept under another name before.
    """
    response = HttpResponse(content_of(document), content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(True, name or document.file_name)
    response["X-Content-Type-Options"] = "nosniff"
    return response
