"""What of the open clocks is asked for: by chip, by filter, and how it is grouped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat, NullIf

from engagements import states
from engagements.models import Client, Engagement, Matter, Workstream
from engagements.queries import staff
from sla.models import Clock, ServiceLevel

FILTERS = {
    "": "All open",
    "unassigned": "Unassigned",
    "mine": "Mine",
    "waiting": "Waiting on client",
    "questions": "Enquiries and errors",
}
GROUPINGS = {
    "": "Time left",
    "client": "Client",
    "engagement": "Engagement",
    "matter": "Matter",
    "workstream": "Workstream",
    "owner": "Owner",
    "threshold": "Threshold",
}
# Of how much of its time a running clock has used; each takes in those after it.
THRESHOLDS = {"75": "75 % used or more", "90": "90 % used or more", "due": "Due or breached"}
NAMES = {"client": "Client", "engagement": "Engagement", "workstream": "Workstream", "owner": "Owner", "threshold": "Time used"}
_OFFERED = 200


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of the open clocks is shown: the chip, and filters by the references that people say. Empty: everything."""

    show: str = ""
    client: str = ""
    engagement: str = ""
    workstream: str = ""
    owner: str = ""
    threshold: str = ""
    group: str = ""

    @property
    def exhaustive(self) -> bool:
        """Whether every open clock has to be looked at: what is grouped or narrowed by time used cannot stop at those due first."""
        return bool(self.threshold or self.group)


def open_clocks(chosen: Chosen, member_id: int) -> QuerySet[Any]:
    """Open clocks of what is shown, for paging by due instant (by the start of the hold where all are held)."""
    clocks = Clock.objects.filter(stopped_at__isnull=True, cancelled=False, excluded=False)
    clocks = clocks.filter(_chip(chosen.show, member_id), _narrowed(chosen))
    waiting = chosen.show == "waiting"
    if waiting and chosen.threshold:
        clocks = _used_while_held(clocks, chosen.threshold)
    return clocks.filter(held_since__isnull=not waiting)


def held_clocks(chosen: Chosen, member_id: int) -> QuerySet[Any]:
    """The held ones of what is shown, longest first."""
    clocks = Clock.objects.filter(stopped_at__isnull=True, cancelled=False, excluded=False, held_since__isnull=False)
    clocks = clocks.filter(_chip(chosen.show, member_id), _narrowed(chosen))
    if chosen.threshold:
        clocks = _used_while_held(clocks, chosen.threshold)
    return clocks.order_by("held_since", "id")


def _chip(show: str, member_id: int) -> Q:
    return {
        "unassigned": Q(item__assignee__isnull=True),
        "mine": Q(item__assignee_id=member_id),
        "questions": Q(item__kind__in=[states.ENQUIRY, states.ERROR]),
    }.get(show, Q())


def _narrowed(chosen: Chosen) -> Q:
    """The filters by reference; what nothing answers to finds nothing."""
    found = Q()
    if chosen.client:
        found &= Q(client_id__in=Client.objects.filter(code=chosen.client).values("id"))
    if chosen.engagement:
        found &= Q(matter_id__in=Matter.objects.filter(engagement__reference=chosen.engagement).values("id"))
    if chosen.workstream:
        found &= Q(level__in=ServiceLevel.objects.filter(workstream__item_prefix=chosen.workstream).values("id"))
    if chosen.owner == "nobody":
        found &= Q(item__assignee__isnull=True)
    elif chosen.owner:
        found &= Q(item__assignee_id=int(chosen.owner) if chosen.owner.isdecimal() else 0)
    return found


def _used_while_held(clocks: QuerySet[Any], threshold: str) -> QuerySet[Any]:
    """A clock on hold is not due; what it has used stands still and is stored."""
    if threshold == "due":
        return clocks.none()
    return clocks.filter(used_seconds__gte=F("target_seconds") * Value(int(threshold)) / Value(100))


def choices() -> dict[str, list[tuple[str, str]]]:
    """What the filters offer, in one statement but for the thresholds: open clients, engagements and workstreams, and people."""
    text = TextField()
    clients = Client.objects.filter(status="open").annotate(what=Value("client"), key=Cast("code", text), said=Cast("name", text))
    engagements = Engagement.objects.filter(status="open").annotate(
        what=Value("engagement"), key=Cast("reference", text), said=Concat("reference", Value(" "), "title", output_field=text)
    )
    streams = Workstream.objects.filter(status="open").annotate(
        what=Value("workstream"), key=Cast("item_prefix", text), said=Concat("item_prefix", Value(" "), "title", output_field=text)
    )
    named = Coalesce(NullIf("user__name", Value("")), "user__email", output_field=text)
    people = staff().order_by().select_related(None).annotate(what=Value("owner"), key=Cast("id", text), said=named)
    parts = [each.order_by("said").values_list("what", "key", "said")[:_OFFERED] for each in (clients, engagements, streams, people)]
    found: dict[str, list[tuple[str, str]]] = {name: [] for name in NAMES}
    for what, key, said in parts[0].union(*parts[1:], all=True):
        found[what].append((key, said))
    for rows in found.values():
        rows.sort(key=lambda row: row[1].lower())
    return {**found, "owner": [("nobody", "Nobody"), *found["owner"]], "threshold": list(THRESHOLDS.items())}
