"""Notes and tags on an item, and its delivery with a file."""

from __future__ import annotations

from django.db import transaction

from engagements import states
from engagements.actions.checks import build, locked
from engagements.actions.items import move_item
from engagements.models import ItemNote, ItemTag, WorkItem
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.documents import store
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused

DELIVERABLE = "deliverable"
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
    if ItemTag.objects.filter(item=item, name=name).delete()[0]:
        record(by=by, action="item.untag", target=item, before={"tag": name}, reference=item.reference)


@transaction.atomic
def deliver_item(
    *, item: WorkItem, by: Actor, version: int | None = None, content: bytes = b"", file_name: str = "", media_type: str = ""
) -> WorkItem:
    """Deliver (answer, correct) an item, with its file if there is one; file and move are written together or not at all."""
    by.need(Permission.WORK_ITEMS)
    item = move_item(item=item, to=states.DELIVERY[item.kind], by=by, version=version)
    if content:
        keep_deliverable(item=item, by=by, content=content, file_name=file_name, media_type=media_type)
    return item


@transaction.atomic
def keep_deliverable(*, item: WorkItem, by: Actor, content: bytes, file_name: str, media_type: str = "") -> Document:
    """Keep a file with the item. The same bytes again are the same file; others are the next version."""
    by.need(Permission.WORK_ITEMS)
    document = store(
        kind=DELIVERABLE,
        content=content,
        file_name=file_name,
        media_type=media_type or "application/octet-stream",
        by=by,
        client_id=item.client_id,
        matter_id=item.matter_id,
        reference=item.reference,
    )
    record(by=by, action="item.deliver_file", target=item, after={"sha256": document.sha256}, reference=item.reference)
    return document


def deliverables_of(item: WorkItem) -> list[Document]:
    """Files delivered with the item, oldest first: each later one is the next version."""
    rows = Document.objects.filter(kind=DELIVERABLE, reference=item.reference, matter_id=item.matter_id)
    return list(rows.defer("content").order_by("id"))
