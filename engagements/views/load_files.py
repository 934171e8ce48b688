"""Load files in the browser: upload, say what becomes an item, look, confirm. The page of a batch is that of every import."""

from __future__ import annotations

from typing import cast

from django.http import Http404, HttpResponse
from django.shortcuts import render

from engagements import actions, queries
from engagements.actions.imports import LOAD_FILE
from engagements.forms import LoadFileForm, LoadFileMapping
from engagements.models import ImportBatch, Workstream
from engagements.views.edges import acting, attempt, posted, refused_too_large, says_too_large, workstream_crumbs, workstream_or_404
from engagements.views.imports import batch_or_404, batch_page, to_batch
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused

_TITLE = "Import a load file"


@requires(P.TRACK_ITEMS, POST=P.TRACK_ITEMS)
@acting
@says_too_large
def upload(request: TenantRequest, organization: str, reference: str, prefix: str) -> HttpResponse:
    workstream = workstream_or_404(reference, prefix)
    form = LoadFileForm(posted(request), request.FILES or None)
    if not refused_too_large(request, form, "Export the five columns that are kept, or have it loaded on the server."):
        batch = attempt(form, lambda: _upload(request, workstream, form))
        if batch is not None:
            return to_batch(request, cast(ImportBatch, batch))
    context = {"form": form, "title": _TITLE, "crumbs": [*workstream_crumbs(organization, workstream), (_TITLE, "")]}
    return render(request, "engagements/load_file_upload.html", context, status=422 if form.is_bound else 200)


def _upload(request: TenantRequest, workstream: Workstream, form: LoadFileForm) -> ImportBatch:
    data = form.cleaned_data
    return actions.upload_load_file(
        workstream=workstream,
        by=request.actor,
        stream=data["file"].file,
        file_name=data["file"].name,
        source=data["source"],
        encoding=data["encoding"],
        columns=form.columns,
    )


@requires(POST=P.TRACK_ITEMS)
@acting
def check(request: TenantRequest, organization: str, reference: str, prefix: str, number: int) -> HttpResponse:
    batch = batch_or_404(reference, prefix, number)
    if batch.purpose != LOAD_FILE:
        raise Http404("No such page.")
    form = LoadFileMapping(request.POST, types=queries.types_of(batch.workstream_id))
    if not form.is_valid():
        name, messages = next(iter(form.errors.items()))
        return batch_page(request, batch, number, Refused(str(messages[0]), name), request.POST)
    try:
        actions.check_load_file(batch=batch, by=request.actor, **form.cleaned_data)
    except Refused as refusal:
        return batch_page(request, batch, number, refusal, request.POST)
    return to_batch(request, batch)
