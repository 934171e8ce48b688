"""Notes and tags on an item."""

from __future__ import annotations

from django.db import transaction

from engagements.actions.checks import build, locked
from engagements.holds import refuse_deletion
from engagements.models import ItemNote, ItemTag, WorkItem
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused

MOST_TAGS = 20


def _about(item: WorkItem, by: Actor) -> dict[str, object]:
    return {"client_id": item.client_id, "matter_id": item.matter_id, "item": item, "by_label": by.label[:200]}


@transaction.atomic
def add_note(*, item: WorkItem, by: Actor, text: str) -> ItemNote:
    by.need(Permission.WORK_ITEMS)
    note = build(ItemNote, {**_about(item, by), "text": text.strip()})
    note.save()
    # The words stay with the item: they can be privileged, and the audit log is read by others.
    record(by=by, action="item.note", target=item, after={"characters": len(note.text)}, reference=item.reference)
    return note


@transaction.atomic
def add_tag(*, item: WorkItem, by: Actor, name: str) -> ItemTag:
    """The same tag twice is one."""
    by.need(Permission.WORK_ITEMS)
    name = " ".join(name.lower().split())
    item = locked(item)
    tags = ItemTag.objects.filter(item=item)
    if (known := tags.filter(name=name).first()) is not None:
        return known
    if tags.count() >= MOST_TAGS:
        raise Refused(f"An item has at most {MOST_TAGS} tags.", "name")
    tag = build(ItemTag, {**_about(item, by), "name": name})
    tag.save()
    record(by=by, action="item.tag", target=item, after={"tag": name}, reference=item.reference)
    return tag


@transaction.atomic
def remove_tag(*, item: WorkItem, by: Actor, name: str) -> None:
    by.need(Permission.WORK_ITEMS)
    refuse_deletion(item.client_id, item.matter_id)
    if ItemTag.objects.filter(item=item, name=name).delete()[0]:
        record(by=by, action="item.untag", target=item, before={"tag": name}, reference=item.reference)
