"""Saving, changing and dropping the views that people keep of their lists."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Max

from engagements.actions.checks import build, change, one_by_one
from engagements.models import DefaultView, SavedView
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused

MOST_VIEWS = 100


def may_change(view: SavedView, by: Actor) -> bool:
    """Its owner; a shared one also who edits work, so that it outlives its owner."""
    return view.owner_id == by.member_id or (view.shared and Permission.EDIT_WORK in by.permissions)


def _owned(view: SavedView, by: Actor) -> None:
    by.need(Permission.SAVE_VIEWS)
    if not may_change(view, by):
        raise NotPermitted(f"{by.label} may not change this view.")


@transaction.atomic
def save_view(*, by: Actor, owner: Membership, page: str, name: str, query: Mapping[str, str], shared: bool = False) -> SavedView:
    """Keep a list under a name; a form sent twice keeps one. Raises `Refused` where one's own view of this name differs."""
    by.need(Permission.SAVE_VIEWS)
    one_by_one("views")
    name = " ".join(name.split())
    own = SavedView.objects.filter(owner=owner)
    twin: SavedView | None = own.filter(page=page, name=name).first()
    if twin is not None:
        if twin.query == dict(query):
            return twin
        raise Refused("You have a view of this name.", "name")
    if own.count() >= MOST_VIEWS:
        raise Refused(f"One keeps at most {MOST_VIEWS} views. Delete one first.")
    number = (SavedView.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    values = {"number": number, "page": page, "name": name, "query": dict(query), "owner": owner, "shared": shared}
    view = build(SavedView, values)
    view.save()
    record(by=by, action="view.save", target=view, after={"page": page, "name": name, "query": dict(query), "shared": shared})
    return view


@transaction.atomic
def change_view(
    *, view: SavedView, by: Actor, version: int, name: str | None = None, shared: bool | None = None, query: Mapping[str, str] | None = None
) -> SavedView:
    """Rename, share or keep to oneself, or keep the list as it is now. Raises `StaleVersion`."""
    _owned(view, by)
    wanted = {"name": " ".join(name.split()) if name else None, "shared": shared, "query": dict(query) if query is not None else None}
    row, before, after = change(view, version, {key: value for key, value in wanted.items() if value is not None})
    if after:
        if shared is False:
            DefaultView.objects.filter(view=row).exclude(member_id=row.owner_id).delete()
        record(by=by, action="view.change", target=row, before=before, after=after)
    return row


@transaction.atomic
def delete_view(*, view: SavedView, by: Actor) -> None:
    """Gone, also as anybody's default."""
    _owned(view, by)
    DefaultView.objects.filter(view=view).delete()
    record(by=by, action="view.delete", target=view, before={"page": view.page, "name": view.name, "query": view.query})
    view.delete()


@transaction.atomic
def set_default_view(*, member: Membership, page: str, view: SavedView | None, by: Actor) -> None:
    """What the list opens with for this person; None: with everything."""
    by.need(Permission.SAVE_VIEWS)
    if view is not None and (view.page != page or not (view.shared or view.owner_id == member.pk)):
        raise Refused("This view is somebody else's.")
    known = DefaultView.objects.filter(member=member, page=page)
    before = known.values_list("view_id", flat=True).first()
    if before == (view.pk if view else None):
        return
    known.delete()
    if view is not None:
        build(DefaultView, {"member": member, "page": page, "view": view}).save()
    record(by=by, action="view.default", target=view, before={"view": before}, after={"page": page, "view": view.pk if view else None})
