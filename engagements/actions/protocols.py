"""Protocol versions: written by who runs the work, signed by the matter's supervising attorney."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from engagements.actions.checks import build, locked
from engagements.models import Matter, ProtocolVersion, Workstream
from engagements.models.clients import Status
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused


@transaction.atomic
def write_protocol(
    *, workstream: Workstream, by: Actor, title: str, effective_from: date, text: str = "", document: Document | None = None
) -> ProtocolVersion:
    """The next version, not in force until it is signed. Equal to the last unsigned one: that one. Raises `Refused`."""
    by.need(Permission.EDIT_WORK)
    workstream = locked(workstream)
    if workstream.status != Status.OPEN:
        raise Refused("This workstream is closed. Reopen it first.")
    values = {"workstream": workstream, "title": title, "text": text, "document": document, "effective_from": effective_from}
    twin: ProtocolVersion | None = ProtocolVersion.objects.filter(**values, signed_at__isnull=True).order_by("-number").first()
    if twin is not None:
        return twin
    last = ProtocolVersion.objects.filter(workstream=workstream).aggregate(last=Max("number"))["last"] or 0
    scope = {"client_id": workstream.client_id, "matter_id": workstream.matter_id}
    row = build(ProtocolVersion, {**scope, **values, "number": last + 1, "written_by_label": by.label})
    row.save()
    after = {"number": row.number, "title": title, "effective_from": effective_from}
    record(by=by, action="protocol.write", target=row, after=after, reference=_named(workstream, row))
    return row


@transaction.atomic
def sign_protocol(*, protocol: ProtocolVersion, by: Actor) -> ProtocolVersion:
    """The supervising attorney's own signature. Signed already by the same person: nothing happens.

    Raises `NotPermitted` for everybody else, whatever their role: a signature is given by a person signed in, never for one.
    """
    by.need(Permission.DECIDE_FOR_CLIENT)
    protocol = locked(protocol)
    attorney = Matter.objects.values_list("supervising_attorney_id", flat=True).get(pk=protocol.matter_id)
    if by.kind != "member" or by.member_id is None or by.member_id != attorney:
        raise NotPermitted("Only the supervising attorney of this matter signs its protocols.")
    if protocol.signed_at is not None:
        return protocol
    protocol.signed_at, protocol.signed_by_id, protocol.signed_by_label = timezone.now(), by.member_id, by.label
    protocol.save(update_fields=["signed_at", "signed_by", "signed_by_label"])
    workstream = Workstream.objects.get(pk=protocol.workstream_id)
    after = {"number": protocol.number, "signed_at": protocol.signed_at}
    record(by=by, action="protocol.sign", target=protocol, after=after, reference=_named(workstream, protocol))
    return protocol


def _named(workstream: Workstream, row: ProtocolVersion) -> str:
    return f"{workstream.item_prefix}, protocol {row.number}"
