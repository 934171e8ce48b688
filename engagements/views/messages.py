"""Keeping what a client wrote, and handing it out again."""

from __future__ import annotations

from django.http import HttpResponse

from engagements import actions
from engagements.decision_forms import WithMessage
from engagements.models import Matter, WorkItem
from lpo.accounts.access import TenantRequest
from lpo.audit.documents import content_of
from lpo.audit.models import Document


def message_of(request: TenantRequest, form: WithMessage, item: WorkItem | None, matter: Matter) -> Document | None:
    """Keep what the client wrote, if the form brings it."""
    if (written := form.written()) is None:
        return None
    content, name, media_type = written
    return actions.keep_message(item=item, matter=matter, content=content, file_name=name, media_type=media_type, by=request.actor)


def download(document: Document) -> HttpResponse:
    """Whatever was uploaded leaves as a download of no particular type: nothing of it is ever shown as a page of ours."""
    response = HttpResponse(content_of(document), content_type="application/octet-stream")
    name = document.file_name.replace('"', "").replace("\\", "")
    response["Content-Disposition"] = f'attachment; filename="{name.encode("ascii", "replace").decode()}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
