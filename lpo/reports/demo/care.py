"""The demo's confidentiality and supervision: parties, conflict checks, versions, a hold, a wall, samples the attorney signs."""

from __future__ import annotations

from datetime import datetime, timedelta

from engagements import actions as work
from engagements.models import Client, ConflictMatch, Engagement, Matter, SampledItem, WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership

People = dict[str, Membership]
# Key of the stream → for whom the client acts, who else it concerns.
PARTIES = {
    "NDA": ("", ["Quill Robotics Inc.", "Pine Analytics", "Château Média, S.A.S."]),
    "REV": ("Harlan Estate", ["Osprey Holdings plc", "Osprey Marine Ltd"]),
    "DRF": ("", ["Everglade Mutual Insurance", "Vantic Health"]),
}
CHECKLIST = ["Second read by another reviewer", "Names of the parties checked against the signature blocks", "Metadata removed"]
ADMISSION = "New York 4410982"


def lay_out(streams: dict[str, Workstream], people: People, now: datetime) -> None:
    """What each page of confidentiality and supervision shows, made by those whose part it is."""
    walled(people)
    for key, (end_client, parties) in PARTIES.items():
        matter = _matter(streams[key])
        work.update_matter(matter=matter, by=_by(people, "asha"), version=matter.version, end_client=end_client, parties=parties)
        work.state_admission(matter=matter, by=_by(people, "asha"), admission=ADMISSION)
    checks(streams, people)
    versions(streams["NDA"], people)
    supervised(streams["NDA"], people, now)
    work.set_hold(
        client=streams["REV"].matter.client, matter=_matter(streams["REV"]), by=_by(people, "asha"),
        reason="Harlan v. Osprey, 2026-CV-0418: keep everything until judgment", ordered_by="Hale & Marsh LLP, litigation counsel",
    )  # fmt: skip


def _by(people: People, name: str) -> Actor:
    return Actor.member(people[name])


def _matter(stream: Workstream) -> Matter:
    matter: Matter = Matter.objects.select_related("client").get(pk=stream.matter_id)
    return matter


def checks(streams: dict[str, Workstream], people: People) -> None:
    """Run on onboarding; one match is another company, one waived with consent, one waits; a party came after the last check."""
    by = _by(people, "asha")
    for key in ("NDA", "REV", "DRF"):
        matter = _matter(streams[key])
        work.run_check(client=matter.client, matter=matter, by=by, note="Before the first work was given out")
    for client in Client.objects.order_by("code"):
        work.run_check(client=client, by=by)
    letters = _matter(streams["DRF"])
    for match in ConflictMatch.objects.filter(matter=letters, asked="Vantic Health").order_by("position")[:1]:
        content = b"We know of your work for Vantic Software and consent to it. Maya Ortiz, General Counsel, Meridian PIP Group"
        consent = work.keep_consent(match=match, content=content, file_name="consent.txt", media_type="text/plain", by=by)
        work.decide_match(
            match=match, by=by, verdict="waived", note="Same group; other business, other people", message=consent,
            consented_by="Maya Ortiz, General Counsel of Meridian", consent_scope="Demand letters against Vantic Health, through this year",
        )  # fmt: skip
    review = _matter(streams["REV"])
    parties = [*PARTIES["REV"][1], "Kestrel Reinsurance SE"]
    work.update_matter(matter=review, by=by, version=review.version, parties=parties)


def versions(stream: Workstream, people: People) -> None:
    """Delivered NDAs as files: accepted, returned and mended, published, and one whose checklist is half done."""
    by, counsel = _by(people, "asha"), _by(people, "sam")
    points = work.set_checklist(workstream=stream, by=by, required=CHECKLIST, optional=["House style"])
    items = list(
        WorkItem.objects.filter(workstream=stream, kind="work", state="delivered", batch__isnull=False).order_by(
            "-first_delivered_at", "-id"
        )[:4]
    )
    for number, item in enumerate(items):
        reviewer = _by(people, ("rita", "ren", "rashid")[number % 3])
        words = f"{item.title}\n\nReviewed against the NDA protocol. Comments stand in the margin.\n"
        row = work.keep_deliverable(item=item, by=reviewer, content=words.encode(), file_name=f"{item.reference}.txt", label=item.title)
        for point in points[: 2 if number == 0 else 3]:
            work.tick_point(deliverable=row, point=point, by=reviewer)
        if number:
            work.publish_deliverable(deliverable=row, by=by)
        if number == 1:
            work.move_item(item=item, to="accepted", by=counsel, reason="As we asked for.")
        if number == 2:
            work.move_item(item=item, to="returned", by=counsel, reason="Section 4 names the wrong affiliate.")
            mended = f"{words}Section 4 mended.\n".encode()
            work.keep_deliverable(item=item, by=reviewer, content=mended, file_name=f"{item.reference}.txt", label=item.title)


def supervised(stream: Workstream, people: People, now: datetime) -> None:
    """A protocol version that waits, an escalation answered, a sample mostly signed, and the record told to the client."""
    matter, by, counsel = _matter(stream), _by(people, "asha"), _by(people, "sam")
    question = "The Orrin counterparty will sign today only without our audit clause. May we let it go?"
    asked = work.ask_counsel(matter=matter, by=_by(people, "rita"), question=question, escalation=True)
    work.answer_question(question=asked, by=counsel, answer="No. Offer notice of fourteen days in its place.")
    sample = work.draw_sample(matter=matter, by=counsel, from_at=now - timedelta(days=60), to_at=now, size=5)
    rows = list(SampledItem.objects.filter(sample=sample).order_by("position"))
    for row in rows[:3]:
        work.sign_sampled(sampled=row, by=counsel, verdict="agreed")
    work.sign_sampled(sampled=rows[3], by=counsel, verdict="not_agreed", note="The survival clause should have been capped at five years.")
    work.publish_supervision(matter=matter, by=by)


def walled(people: People) -> None:
    """A matter of a client that few may know of; two of them bill, or the client's month could not be."""
    engagement = Engagement.objects.get(reference="VAN-E01")
    by = _by(people, "asha")
    matter = work.create_matter(engagement=engagement, by=by, title="Project Alder Wood", parties=["Osprey Holdings plc"])
    insiders = [people[name] for name in ("rita", "bill", "bella")]
    work.raise_wall(matter=matter, by=by, insiders=insiders, reason="Unannounced acquisition; the client named who may know")
