"""How the demo's work is held together: milestones that slip, what is in the way, who is told, and what colleagues say to each other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse

from engagements import actions as work
from engagements.models import Engagement, WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership

NEW_YORK = ZoneInfo("America/New_York")


def coordinate(streams: Mapping[str, Workstream], people: Mapping[str, Membership], now: datetime) -> None:
    """Vantic's playbook slips and waits for its sign-off; the review's last batch is counted in documents; letters are on time."""
    by, today = Actor.member(people["asha"]), now.astimezone(NEW_YORK).date()
    vantic, review = streams["NDA"].matter, streams["REV"].matter

    def agreed(engagement: Engagement, name: str, days: int, owner: str, **fields: Any) -> Any:
        due = today + timedelta(days=days)
        return work.add_milestone(engagement=engagement, by=by, name=name, due_on=due, owner=people[owner], **fields)

    plan = agreed(vantic.engagement, "Renewal proposal agreed", -40, "asha")
    work.reach_milestone(milestone=plan, by=by, version=1, done_on=today - timedelta(days=38), note="Accepted by mail, J. Weber")
    signed = agreed(vantic.engagement, "Playbook signed off by counsel", -2, "asha", matter=vantic)
    late = "Counsel asked for two more fallback clauses"
    signed = work.redate_milestone(milestone=signed, by=by, version=1, due_on=today + timedelta(days=5), reason=late)
    rollout = agreed(vantic.engagement, "New playbook in use for every NDA", 3, "rita", workstream=streams["NDA"])
    work.need_milestones(milestone=rollout, by=by, needs=[signed])
    work.publish_milestone(milestone=signed, by=by, version=signed.version)
    work.publish_milestone(milestone=rollout, by=by, version=rollout.version)
    agreed(review.engagement, "Privilege log delivered", -3, "rashid", matter=review)
    agreed(review.engagement, "Supplemental production handed over", 21, "ren", matter=review)
    volume: dict[str, Any] = {"workstream": streams["NDA"], "volume": Decimal(110), "volume_from": today - timedelta(days=30)}
    agreed(vantic.engagement, "110 NDAs reviewed before the renewal", 24, "rita", **volume)
    _blocked(streams, people, by, now, signed)
    _paths(streams, people, by, now)
    _talk(streams, people)
    _views(people)


def _blocked(streams: Mapping[str, Workstream], people: Mapping[str, Membership], by: Actor, now: datetime, signed: Any) -> None:
    vantic, review = streams["NDA"].matter.engagement, streams["REV"].matter.engagement
    held = WorkItem.objects.filter(workstream=streams["NDA"], paused=True).order_by("id").first()
    words = "Counsel has not sent the fallback wording for governing law"
    work.raise_blocker(
        engagement=vantic, by=by, text=words, party="client", milestone=signed, owner=people["asha"], since=now - timedelta(days=4)
    )
    if held is not None:
        words = "The signature block of the counterparty is unclear"
        work.raise_blocker(
            engagement=vantic, by=by, text=words, party="third_party", item=held, owner=people["cora"], since=now - timedelta(days=1)
        )
    words = "Two reviewers have no access to the second volume"
    solved = work.raise_blocker(engagement=review, by=by, text=words, party="provider", since=now - timedelta(days=6))
    work.resolve_blocker(blocker=solved, by=by, resolution="Seats added on the platform")


def _paths(streams: Mapping[str, Workstream], people: Mapping[str, Membership], by: Actor, now: datetime) -> None:
    """Vantic's path: the manager first, the owner when it gets worse. The worker tells of what waits already."""
    vantic, review = streams["NDA"].matter.engagement, streams["REV"].matter.engagement
    for trigger, after in (("used_75", 0), ("due", 0), ("milestone", 1), ("blocker", 3), ("question", 5)):
        work.add_step(engagement=vantic, by=by, trigger=trigger, after=after, role="manager")
    work.add_step(engagement=vantic, by=by, trigger="breached", after=4, member=people["olga"])
    work.add_step(engagement=review, by=by, trigger="milestone", after=2, role="manager")
    work.escalate_due(by=Actor.system(by.organization_id), now=now)


def _talk(streams: Mapping[str, Workstream], people: Mapping[str, Membership]) -> None:
    """Asha and Rita about an item, and about the engagement."""
    item = WorkItem.objects.filter(workstream=streams["NDA"], finished=False, assignee=people["rita"]).order_by("received_at").first()
    matter, slug = streams["NDA"].matter, people["asha"].organization.slug
    said = [(people["asha"], "@Rita O'Brien, can this go out before noon? Vantic signs this afternoon.")]
    said.append((people["rita"], "Yes. Only the residuals clause is left; I ask counsel if it is not in the playbook."))
    if item is not None:
        url = reverse("engagements:item", args=[slug, item.reference])
        for who, words in said:
            work.add_comment(engagement=matter.engagement, matter=matter, item=item, by=Actor.member(who), text=words, url=url)
    url = reverse("engagements:engagement", args=[slug, matter.engagement.reference])
    note = work.Upload(b"Agenda\n\n1. Playbook\n2. Volume in the coming quarter\n3. Renewal\n", "Agenda for Vantic.txt", "text/plain")
    words = "Agenda of the monthly call is attached. @Cora Núñez, please send it to Vantic's coordinator."
    work.add_comment(engagement=matter.engagement, by=Actor.member(people["asha"]), text=words, url=url, files=[note])


def _views(people: Mapping[str, Membership]) -> None:
    asha = Actor.member(people["asha"])
    for name, query, shared in (
        ("Unassigned NDAs", {"workstream": "NDA", "assignee": "nobody"}, True),
        ("On hold, by client", {"paused": "yes", "group": "client"}, False),
        ("Questions and errors", {"kind": "enquiry", "columns": "client,state,assignee,received,kind"}, True),
    ):
        work.save_view(by=asha, owner=people["asha"], page="queue", name=name, query=query, shared=shared)
