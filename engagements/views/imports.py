"""A file's way through the browser: upload, say what its columns mean, look, confirm."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from django.http import Http404, HttpResponse
from django.shortcuts import render

from engagements import actions
from engagements.actions.imports import HISTORY, ITEMS, LOAD_FILE, Words, need_for, saved_mapping, words_in
from engagements.forms import PARTIES, REASONS, ZONES, HistoryUploadForm, LoadFileMapping, UploadForm
from engagements.imports import history as history_format
from engagements.imports import items as items_format
from engagements.imports import load_file as load_file_format
from engagements.imports import several
from engagements.imports.reader import DATE_FORMATS
from engagements.models import ImportBatch, ImportMapping, ImportRow, Workstream
from engagements.models.imports import ImportState
from engagements.queries import staff, types_of
from engagements.views.edges import acting, attempt, posted, refused_too_large, says_too_large, to, workstream_crumbs, workstream_or_404
from engagements.views.import_rows import groups_of, label_of
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused
from lpo.core.exports import Cell, write_csv
from lpo.jobs.models import Job

_STEPS = "Upload|Map|Check|Load"
# Past the last step every one of them is done.
_STEP = {str(ImportState.CHECKING): 3, str(ImportState.PREVIEW): 3, str(ImportState.LOADING): 4, str(ImportState.LOADED): 5}
_REJECTED = ("rejected row", "rejected field", "rejected because")
_TITLES = {ITEMS: "Import items", HISTORY: "Import history", LOAD_FILE: "Import a load file"}


def _number_of(batch: ImportBatch) -> int:
    return int(ImportBatch.objects.filter(workstream_id=batch.workstream_id, id__lte=batch.id).count())


def batch_or_404(reference: str, prefix: str, number: int) -> ImportBatch:
    """The workstream's nth import, oldest first."""
    workstream = workstream_or_404(reference, prefix)
    rows = ImportBatch.objects.filter(workstream=workstream).order_by("id")
    found: list[ImportBatch] = list(rows[number - 1 : number]) if number > 0 else []
    if not found:
        raise Http404("No such page.")
    found[0].workstream = workstream
    return found[0]


def to_batch(request: TenantRequest, batch: ImportBatch) -> HttpResponse:
    workstream = batch.workstream
    return to("import", request, workstream.matter.reference, workstream.item_prefix, _number_of(batch))


@requires(P.TRACK_ITEMS, POST=P.TRACK_ITEMS)
@acting
@says_too_large
def upload(request: TenantRequest, organization: str, reference: str, prefix: str, purpose: str) -> HttpResponse:
    if purpose not in {ITEMS, HISTORY}:
        raise Http404("No such page.")
    need_for(request.actor, purpose)
    workstream = workstream_or_404(reference, prefix)
    form = (HistoryUploadForm if purpose == HISTORY else UploadForm)(posted(request), request.FILES or None)
    if not refused_too_large(request, form, "Split it, or export fewer columns."):
        batch = attempt(form, lambda: _upload(request, workstream, purpose, form))
        if batch is not None:
            return to_batch(request, cast(ImportBatch, batch))
    context = {
        "form": form,
        "title": _TITLES[purpose],
        "purpose": purpose,
        "steps": _STEPS,
        "crumbs": [*workstream_crumbs(organization, workstream), (_TITLES[purpose], "")],
    }
    return render(request, "engagements/import_upload.html", context, status=422 if form.is_bound else 200)


def _upload(request: TenantRequest, workstream: Workstream, purpose: str, form: UploadForm) -> ImportBatch:
    data = form.cleaned_data
    given = {name: data[name] for name in ("source", "encoding", "sheet")} | {"workstream": workstream, "by": request.actor}
    if purpose == HISTORY:
        return actions.upload_history(**given, files=[(file.name, file.read()) for file in data["file"]])
    return actions.upload_file(**given, purpose=purpose, content=data["file"].read(), file_name=data["file"].name)


@requires(P.TRACK_ITEMS)
@acting
def batch(request: TenantRequest, organization: str, reference: str, prefix: str, number: int) -> HttpResponse:
    return batch_page(request, batch_or_404(reference, prefix, number), number)


def batch_page(
    request: TenantRequest, batch: ImportBatch, number: int, refusal: Refused | None = None, mapping: Any = None
) -> HttpResponse:
    title = _TITLES[batch.purpose]
    editing = (
        batch.state in {ImportState.UPLOADED, ImportState.REFUSED}
        or refusal is not None
        or mapping is not None
        or (batch.state == ImportState.PREVIEW and "mapping" in request.GET)
    )
    context = {
        "batch": batch,
        "number": number,
        "workstream": batch.workstream,
        "title": title,
        "crumbs": [*workstream_crumbs(request.organization.slug, batch.workstream), (f"{title} {number}", "")],
        "editing": editing,
        "refusal": refusal,
        "failed": refusal.field if refusal else "",
        "steps": _STEPS,
        "step": 2 if editing else _STEP.get(batch.state, 1),
        "job": Job.objects.filter(pk=batch.job_id).first() if batch.job_id else None,
        "history": batch.purpose == HISTORY,
        "load_file": batch.purpose == LOAD_FILE,
        "counts": {name: batch.counts.get(name, 0) for name in _COUNTS},
    }
    context |= {"saved": [], "unguessed": []}
    if batch.purpose == LOAD_FILE:
        context |= _load_file_context(batch, mapping)
    elif editing:
        context |= _mapping_context(request, batch, mapping or batch.mapping)
    context["groups"] = groups_of(batch) if batch.counts or batch.state == ImportState.REFUSED else []
    return render(request, "engagements/import.html", context, status=422 if refusal else 200)


_COUNTS = ("rows", "new", "changed", "unchanged", "rejected", "ignored", "items_new", "items_changed", "items_unchanged", "moves", "waits")


def _load_file_context(batch: ImportBatch, given: Any) -> dict[str, Any]:
    """What the page of a load file shows besides its rows: what is kept, what was dropped, and the two questions."""
    initial = {"unit": batch.mapping["unit"], "received": datetime.fromisoformat(batch.mapping["received"])}
    columns = batch.mapping["columns"]
    kept = [(each.label, columns[each.name]) for each in load_file_format.FIELDS if each.name in columns]
    form = LoadFileMapping(given, initial={**initial, "type": batch.mapping.get("type", "")}, types=types_of(batch.workstream_id))
    return {"mapping_form": form, "kept": kept, "dropped": batch.mapping["dropped"]}


def _mapping_context(request: TenantRequest, batch: ImportBatch, mapping: Mapping[str, Any]) -> dict[str, Any]:
    wanted = request.GET.get("saved", "")
    if wanted and (found := saved_mapping(purpose=batch.purpose, name=wanted)) is not None:
        # A saved mapping serves as far as this file has its columns.
        usable = {name: column for name, column in found["columns"].items() if column in batch.columns}
        mapping = {**mapping, **found, "columns": usable}
    fields = items_format.FIELDS if batch.purpose == ITEMS else history_format.FIELDS
    columns = mapping.get("columns", {})
    unguessed = [each.label for each in fields if each.required and not columns.get(each.name)]
    words = words_in(batch, columns) if batch.purpose == HISTORY else Words({}, {})
    meanings = {status: history_format.meaning_of(value) for status, value in mapping.get("statuses", {}).items() if value}
    return {
        "fields": [(each, columns.get(each.name, "")) for each in fields],
        "unguessed": unguessed,
        "columns": batch.columns,
        "zones": ZONES,
        "zone": mapping.get("zone", "UTC"),
        "dates": [(key, example) for key, (example, _) in DATE_FORMATS.items()],
        "date_form": mapping.get("dates", "iso"),
        "statuses": [
            (place, status, n, meanings.get(status) or _likely(status)) for place, (status, n) in enumerate(words.statuses.items())
        ],
        **_people_context(words.people, mapping),
        "meanings": history_format.MEANINGS,
        "parties": PARTIES,
        "reasons": REASONS,
        "saved": list(ImportMapping.objects.filter(purpose=batch.purpose).order_by("name").values_list("name", flat=True)[:50]),
        "saved_chosen": wanted,
    }


_NAMES = 20  # of a log that are shown at once; the others are opened


def _people_context(people: Mapping[str, int], mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Who the names of the log are, who did most first: as mapped, else whoever has that address or that name."""
    if not people:
        return {"people": [], "more_people": [], "members": []}
    members = [(member.user.email, member.display_name) for member in staff()]
    known = {email.lower(): email for email, _ in members} | {name.casefold(): email for email, name in members}
    chosen = {name.lower(): address for name, address in mapping.get("people", {}).items()}
    rows = []
    for place, (name, n) in enumerate(sorted(people.items(), key=lambda row: -row[1])):
        address = chosen.get(name.lower(), known.get(name.casefold(), ""))
        rows.append((place, name, n, address))
    return {"people": rows[:_NAMES], "more_people": rows[_NAMES:], "members": members}


_WORDS = [
    ("cancel", "cancelled"),
    # Waiting for one of us is not waiting for the client: the clock runs.
    ("awaiting assignment", "received"),
    ("unassigned", "received"),
    ("wait", "paused"),
    ("hold", "paused"),
    ("pending", "paused"),
    ("accept", "in_review"),
    ("progress", "in_review"),
    ("review", "in_review"),
    ("assigned", "assigned"),
    ("queue", "received"),
    ("new", "received"),
    ("received", "received"),
    ("open", "received"),
    ("quality", "quality_check"),
    ("return", "returned"),
    ("complete", "delivered"),
    ("closed", "delivered"),
    ("deliver", "delivered"),
    ("done", "delivered"),
    ("resolved", "delivered"),
]


def _likely(status: str) -> history_format.Meaning:
    """A first guess from the last part of a status, for a person to look over; nothing where nothing fits."""
    for part in (status.rpartition("/")[2].lower(), status.lower()):
        for word, becomes in _WORDS:
            if word in part:
                return history_format.meaning_of(becomes)
    return history_format.Meaning("")


def _posted_mapping(request: TenantRequest, batch: ImportBatch) -> dict[str, Any]:
    fields = items_format.FIELDS if batch.purpose == ITEMS else history_format.FIELDS
    post = request.POST
    statuses: dict[str, Any] = {}
    for place in range(len(post.getlist("status"))):
        status, becomes = post.getlist("status")[place], post.get(f"becomes-{place}", "")
        if becomes == history_format.PAUSED:
            statuses[status] = {
                "becomes": becomes,
                "party": post.get(f"party-{place}", "client"),
                "reason": post.get(f"reason-{place}", "other"),
            }
        elif becomes:
            statuses[status] = becomes
    columns = {each.name: post[f"column-{each.name}"] for each in fields if post.get(f"column-{each.name}")}
    # An empty answer is kept too: somebody who is deliberately nobody is not guessed again.
    people = {name: post.get(f"member-{place}", "") for place, name in enumerate(post.getlist("person"))}
    return {"columns": columns, "statuses": statuses, "people": people, "zone": post.get("zone", "UTC"), "dates": post.get("dates", "iso")}


@requires(POST=P.TRACK_ITEMS)
@acting
def mapping(request: TenantRequest, organization: str, reference: str, prefix: str, number: int) -> HttpResponse:
    batch = batch_or_404(reference, prefix, number)
    if batch.purpose == LOAD_FILE:
        raise Http404("No such page.")  # its columns were chosen before it was stored
    chosen = _posted_mapping(request, batch)
    need_for(request.actor, batch.purpose)
    if batch.purpose == HISTORY and request.POST.get("do") != "check":
        # Another status column was chosen: show its values before anything is checked.
        return batch_page(request, batch, number, mapping=chosen)
    try:
        actions.map_columns(batch=batch, by=request.actor, mapping=chosen, save_as=request.POST.get("save_as", ""))
    except Refused as refusal:
        return batch_page(request, batch, number, refusal, chosen)
    return to_batch(request, batch)


@requires(POST=P.TRACK_ITEMS)
@acting
def confirm(request: TenantRequest, organization: str, reference: str, prefix: str, number: int) -> HttpResponse:
    return _step(request, batch_or_404(reference, prefix, number), number, actions.confirm_import)


@requires(POST=P.TRACK_ITEMS)
@acting
def discard(request: TenantRequest, organization: str, reference: str, prefix: str, number: int) -> HttpResponse:
    return _step(request, batch_or_404(reference, prefix, number), number, actions.discard_import)


def _step(request: TenantRequest, batch: ImportBatch, number: int, act: Any) -> HttpResponse:
    try:
        act(batch=batch, by=request.actor)
    except Refused as refusal:
        return batch_page(request, batch, number, refusal)
    return to_batch(request, batch)


@requires(P.TRACK_ITEMS)
@acting
def progress(request: TenantRequest, organization: str, reference: str, prefix: str, number: int) -> HttpResponse:
    """The progress bar alone; when the work is over, the page is asked to read itself anew."""
    batch = batch_or_404(reference, prefix, number)
    job = Job.objects.filter(pk=batch.job_id or 0).first()
    finished = batch.state not in {ImportState.CHECKING, ImportState.LOADING} or job is None or not job.live
    response = render(
        request,
        "engagements/_import_progress.html",
        {"batch": batch, "job": job, "number": number, "workstream": batch.workstream, "finished": finished},
    )
    if finished:
        response["HX-Refresh"] = "true"
    return response


@requires(P.TRACK_ITEMS)
@acting
def rejected(request: TenantRequest, organization: str, reference: str, prefix: str, number: int) -> HttpResponse:
    """The rejected rows as they were, with row, field and reason: correct them and upload this very file."""
    batch = batch_or_404(reference, prefix, number)
    columns = [
        name for name in batch.columns if name not in {*_REJECTED, "rejected file"}
    ]  # a corrected file may carry them from last time
    rows = ImportRow.objects.filter(batch=batch, verdict="rejected").order_by("number").values_list("number", "field", "reason", "data")
    lines: list[list[Cell]] = []
    for row, field, reason, data in rows.iterator():
        file, number = several.named(batch.parts, row)
        lines.append(
            [*(str(data.get(name, "")) for name in columns), *([file] if batch.parts else []), number, _column(batch, field), reason]
        )
    added = ["rejected file", *_REJECTED] if batch.parts else [*_REJECTED]
    content = write_csv([*columns, *added], lines, byte_order_mark=True)
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{prefix}-import-{number}-rejected.csv"'
    return response


def _column(batch: ImportBatch, field: str) -> str:
    """Where to correct it: the file's own column, else the field."""
    return str(batch.mapping.get("columns", {}).get(field) or label_of(batch, field))
