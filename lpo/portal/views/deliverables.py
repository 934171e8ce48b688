"""Deliverables: every version that was published, with its hash, what was decided of it, and the file."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404

from engagements import paging
from engagements.models import Client, Deliverable, Matter
from lpo.accounts.access import TenantRequest
from lpo.audit.documents import content_of
from lpo.audit.models import Document
from lpo.portal.access import download, page, portal
from lpo.portal.columns import readable

_STATUS = {"accepted": ("met", "Accepted"), "returned": ("breach", "Returned"), "": ("progressing", "Not decided")}


@portal
def deliverables(request: TenantRequest, client: Client) -> HttpResponse:
    """The latest first; those of one matter where its reference is given."""
    rows = readable(Deliverable).filter(client_id=client.pk, published_at__isnull=False)
    matters = {matter.pk: matter for matter in readable(Matter).filter(client=client, published_at__isnull=False)}
    wanted = request.GET.get("matter", "")[:20]
    if wanted:
        rows = rows.filter(matter_id__in=[pk for pk, matter in matters.items() if matter.reference == wanted])
    query = {name: request.GET[name] for name in ("after", "before", "matter") if name in request.GET}
    found = paging.page_of(rows, query, keys=("published_at", "id"), parsers=(paging.instant, int), descending=True)
    context = {
        "rows": [(row, matters.get(row.matter_id), _STATUS[row.decision]) for row in found.rows],
        "wanted": next((matter for matter in matters.values() if matter.reference == wanted), None),
        "previous_url": found.previous_url,
        "next_url": found.next_url,
    }
    return page(request, client, "deliverables.html", context)


@portal
def file(request: TenantRequest, client: Client, reference: str, number: int) -> HttpResponse:
    rows = readable(Deliverable).filter(client_id=client.pk, published_at__isnull=False)
    found = get_object_or_404(rows, reference=reference, number=min(number, 2**15 - 1))
    kept = readable(Document).filter(pk__in=[found.published_file_id], published=True).first()
    if kept is None:
        raise Http404
    return download(content_of(kept), found.file_name, "application/octet-stream")
