"""Protocol versions of a workstream: write, read, sign."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions, queries
from engagements.contract_forms import ProtocolForm
from engagements.models import ProtocolVersion, Workstream
from engagements.views.edges import acting, attempt, posted, to, workstream_crumbs, workstream_or_404
from engagements.views.messages import download, keep
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P


def _protocol_or_404(workstream: Workstream, number: int) -> ProtocolVersion:
    rows = ProtocolVersion.objects.filter(workstream=workstream).select_related("document").defer("document__content")
    found: ProtocolVersion | None = rows.filter(number=number).first() if number < 2**15 else None
    if found is None:
        raise Http404("No such page.")
    return found


@requires(P.VIEW_WORK)
def protocol(request: TenantRequest, organization: str, reference: str, prefix: str, number: int) -> HttpResponse:
    workstream = workstream_or_404(reference, prefix)
    found = _protocol_or_404(workstream, number)
    in_force = queries.protocols_in_force([workstream.id], timezone.now()).get(workstream.id)
    attorney = workstream.matter.supervising_attorney_id
    context = {
        "workstream": workstream,
        "matter": workstream.matter,
        "protocol": found,
        "status": status_of(found, in_force),
        "versions": [(row, status_of(row, in_force)) for row in queries.protocols_of(workstream)],
        "may_read": request.membership.may(P.VIEW_WORK_PRODUCT),
        "may_sign": found.signed_at is None and request.membership.may(P.DECIDE_FOR_CLIENT) and request.membership.id == attorney,
        "may_edit": request.membership.may(P.EDIT_WORK) and workstream.status == "open",
        "events": queries.events_about(found),
        "crumbs": [*workstream_crumbs(organization, workstream), (f"Protocol {number}", "")],
    }
    return render(request, "engagements/protocol.html", context)


def status_of(row: ProtocolVersion, in_force: ProtocolVersion | None) -> tuple[str, str]:
    """Kind and text of a version's status."""
    if row.signed_at is None:
        return "risk", "Not signed"
    if row == in_force:
        return "met", "In force"
    return ("progressing", "Signed, not yet in force") if in_force is None or row.number > in_force.number else ("draft", "Superseded")


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def new_protocol(request: TenantRequest, organization: str, reference: str, prefix: str) -> HttpResponse:
    """The next version, beginning with what the last one says."""
    workstream = workstream_or_404(reference, prefix)
    last = ProtocolVersion.objects.filter(workstream=workstream).order_by("-number").first()
    begun = {"title": last.title, "text": last.text} if last is not None else {"title": f"Protocol of {workstream.title}"}
    form = ProtocolForm(posted(request), request.FILES or None, initial={**begun, "effective_from": timezone.localdate()})
    made = attempt(form, lambda: _write(request, workstream, form))
    if made is not None:
        return to("protocol", request, reference, prefix, made.number)
    crumbs = workstream_crumbs(organization, workstream)
    context = {"form": form, "cancel_url": crumbs[-1][1], "crumbs": [*crumbs, ("New protocol version", "")], "attorney": workstream.matter}
    return render(request, "engagements/protocol_form.html", context, status=422 if form.is_bound else 200)


def _write(request: TenantRequest, workstream: Workstream, form: ProtocolForm) -> ProtocolVersion:
    data = dict(form.cleaned_data)
    file, document = data.pop("file"), None
    if file is not None:
        name = f"{workstream.matter.reference}/{workstream.item_prefix}"
        document = keep(request, file, "protocol", name, client_id=workstream.client_id, matter_id=workstream.matter_id)
    return actions.write_protocol(workstream=workstream, by=request.actor, document=document, **data)


@requires(P.VIEW_WORK_PRODUCT)
def protocol_file(request: TenantRequest, organization: str, reference: str, prefix: str, number: int) -> HttpResponse:
    found = _protocol_or_404(workstream_or_404(reference, prefix), number)
    if found.document is None:
        raise Http404("No such page.")
    return download(found.document)


@requires(POST=P.DECIDE_FOR_CLIENT)
@acting
def sign_protocol(request: TenantRequest, organization: str, reference: str, prefix: str, number: int) -> HttpResponse:
    found = _protocol_or_404(workstream_or_404(reference, prefix), number)
    actions.sign_protocol(protocol=found, by=request.actor)
    return to("protocol", request, reference, prefix, number)
