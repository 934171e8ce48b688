"""Types of a workstream's items: added, renamed, retired. None goes: items and agreed terms name it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from engagements.actions.checks import Duplicate, build, change, locked
from engagements.imports.items import no_type
from engagements.models import ItemType, Workstream
from engagements.models.clients import Status
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused

MOST_TYPES = 100


@transaction.atomic
def add_type(*, workstream: Workstream, by: Actor, code: str, name: str) -> ItemType:
    """Raises `Refused` naming the field, `Duplicate` when the workstream has this type."""
    by.need(Permission.EDIT_WORK)
    workstream = locked(workstream)
    if workstream.status != Status.OPEN:
        raise Refused("This workstream is closed. Reopen it first.")
    code, name = code.strip().lower(), " ".join(name.split())
    known = list(ItemType.objects.filter(workstream=workstream))
    _refuse_twin(known, name, code)
    if len(known) >= MOST_TYPES:
        raise Refused(f"A workstream has at most {MOST_TYPES} types.")
    scope = {"client_id": workstream.client_id, "matter_id": workstream.matter_id, "workstream": workstream}
    row = build(ItemType, {**scope, "code": code, "name": name})
    row.save()
    record(by=by, action="item_type.add", target=row, after={"code": code, "name": name}, reference=_named(workstream, row))
    return row


@transaction.atomic
def update_type(*, item_type: ItemType, by: Actor, version: int, **fields: Any) -> ItemType:
    """Rename it, retire it, or offer it again: `name`, `active`. The code stays. Raises `StaleVersion`."""
    by.need(Permission.EDIT_WORK)
    workstream = locked(Workstream.objects.get(pk=item_type.workstream_id))
    if "name" in fields:
        fields["name"] = " ".join(fields["name"].split())
        _refuse_twin(ItemType.objects.filter(workstream=workstream).exclude(pk=item_type.pk), fields["name"])
    item_type, before, after = change(item_type, version, fields)
    if after:
        record(by=by, action="item_type.update", target=item_type, before=before, after=after, reference=_named(workstream, item_type))
    return item_type


def _refuse_twin(known: Iterable[ItemType], name: str, code: str = "") -> None:
    for row in known:
        if (row.code, row.name) == (code, name):
            raise Duplicate(f"The workstream has a type {code} already.", row, "code")
        if row.code == code:
            raise Refused(f"The workstream has a type {code} already: {row.name}.", "code")
        if row.name.casefold() == name.casefold():
            raise Refused(f"The workstream has a type of this name already: {row.code}.", "name")


def check_type(workstream_id: int, code: str) -> None:
    """Raise `Refused` unless items of the workstream may be given this type, naming those they may."""
    offered = list(ItemType.objects.filter(workstream_id=workstream_id, active=True).order_by("code").values_list("code", flat=True))
    if code not in offered:
        raise Refused(no_type(code, offered), "type")


def named_types(workstream_id: int, codes: Iterable[str]) -> dict[str, str]:
    """These types of a workstream with their names, as agreed terms keep them. Raises `Refused` for what is none of its types."""
    wanted = set(codes)
    if not wanted:
        return {}
    known = dict(ItemType.objects.filter(workstream_id=workstream_id).order_by("code").values_list("code", "name"))
    if strange := sorted(wanted - known.keys()):
        raise Refused(no_type(strange[0], known), "item_types")
    return {code: name for code, name in known.items() if code in wanted}


def _named(workstream: Workstream, row: ItemType) -> str:
    return f"{workstream.item_prefix}, {row.code}"
