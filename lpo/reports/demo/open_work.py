"""Work that no log brings, and open work laid out around the present, so that Today always has something to show."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from engagements import actions as work
from engagements.models import WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.audit.models import Document
from lpo.reports.demo.records import company, seeded
from sla import actions as sla

People = dict[str, Membership]
RECORDED = "As recorded in the tracker."


def _at(month: date, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(month.year, month.month, day, hour, minute, tzinfo=UTC)


def enquiries(stream: Workstream, people: People, month: date) -> None:
    """Three questions a month; every third month one is acknowledged late, so that a year holds four misses above the minimum."""
    random = seeded("enquiries", month)
    by = _tracker(people)
    questions = ("Question on signature blocks", "Fallback wording for term", "May we accept New York law?", "Status of the Orrin NDA")
    for number, title in enumerate(random.sample(questions, 3)):
        received = _weekday(_at(month, 5 + 8 * number, 15, random.randrange(60)))
        item = work.create_item(workstream=stream, by=by, title=title, kind="enquiry", received_at=received)
        waited = timedelta(minutes=170 if number == 2 and month.month % 3 == 2 else random.randint(10, 95))
        work.move_item(item=item, to="acknowledged", by=by, at=received + waited, reason=RECORDED)
        work.move_item(item=item, to="answered", by=by, at=received + waited + timedelta(hours=3), reason=RECORDED)


def _weekday(at: datetime) -> datetime:
    return at + timedelta(days={5: 2, 6: 1}.get(at.weekday(), 0))


def error(stream: Workstream, people: People, month: date) -> None:
    """A client's report of a missed clause, corrected within the four hours."""
    by, counsel = _tracker(people), Actor.member(people["sam"])
    notified = _weekday(_at(month, 18, 14, 20))
    item = work.create_item(
        workstream=stream, by=by, title="Missed assignment clause", kind="error", severity="critical", received_at=notified
    )
    work.move_item(item=item, to="corrected", by=by, at=notified + timedelta(hours=2, minutes=40), reason=RECORDED)
    work.move_item(item=item, to="accepted", by=counsel, at=notified + timedelta(hours=20), reason="Corrected as asked.")


def _tracker(people: People) -> Actor:
    """What the house's own tracker brings of days gone by; people's late entries need a second person."""
    return Actor.system(people["asha"].organization_id, "Tracker")


def contested(stream: Workstream, people: People, now: datetime) -> None:
    """A delivered NDA whose wait the client's counsel disputes."""
    by = _tracker(people)
    item = _item(stream, by, "Mutual NDA, Everett Media", now - timedelta(days=3))
    began = now - timedelta(days=2, hours=20)
    pause = work.pause_item(item=item, by=by, party="client", reason="signature", note="Signature block missing.", at=began)
    work.resume_item(item=item, by=by, at=now - timedelta(days=2))
    item.refresh_from_db()
    work.move_item(item=item, to="delivered", by=by, at=now - timedelta(days=1, hours=20), reason=RECORDED)
    assert pause is not None  # noqa: S101 -- the tracker's entries wait for nobody
    counsel = Actor.member(people["sam"])
    work.contest_pause(pause=pause, by=counsel, note="The signature block had been sent the day before.")


def decided(stream: Workstream, people: People, now: datetime) -> None:
    """What clients decided and on whose word: by message, by silence to come, and an entry that waits for a second person."""
    manager, tracker = Actor.member(people["asha"]), _tracker(people)
    returned = _delivered(stream, tracker, "Mutual NDA, Quill Robotics", now - timedelta(days=2))
    words = "Please return the Quill NDA: section 4 still names the wrong affiliate. Jonas Weber, Vantic"
    work.move_item(item=returned, to="returned", by=manager, message=_message(returned, words, manager))
    silent = _delivered(stream, tracker, "Mutual NDA, Pine Analytics", now - timedelta(days=1))
    notice = _message(silent, "The Pine Analytics NDA is delivered. It counts as accepted unless you return it in time.", manager)
    work.record_notice(item=silent, by=manager, channel="email", recipient="legal@vantic.example", evidence=notice)
    late = _item(stream, manager, "One-way NDA, Marlow Freight", now - timedelta(hours=9))
    why = "Delivered by mail while the tracker was down."
    work.move_item(item=late, to="delivered", by=manager, at=now - timedelta(hours=3), reason=why)
    question = "The counterparty wants Delaware law. Our form says New York. May we accept?"
    asked = work.ask_counsel(matter=stream.matter, item=late, by=Actor.member(people["rita"]), question=question)
    answer = "Yes, for mutual NDAs without a non-solicit."
    work.answer_question(question=asked, by=Actor.member(people["sam"]), answer=answer, protocol="NDA protocol, from its next version")
    more = "Is a residuals clause acceptable where the counterparty is a university?"
    work.ask_counsel(matter=stream.matter, item=silent, by=Actor.member(people["rita"]), question=more)


def _delivered(stream: Workstream, by: Actor, title: str, delivered_at: datetime) -> WorkItem:
    item = _item(stream, by, title, delivered_at - timedelta(hours=5))
    return work.move_item(item=item, to="delivered", by=by, at=delivered_at, reason=RECORDED)


def _message(item: WorkItem, words: str, by: Actor) -> Document:
    matter, content = item.workstream.matter, words.encode()
    return work.keep_message(item=item, matter=matter, content=content, file_name="mail.txt", media_type="text/plain", by=by)


def check_review(stream: Workstream, people: People, month: date) -> None:
    """Second reads of each batch, twenty documents each, and the samples of the discard pile."""
    random = seeded("quality", month)
    items = WorkItem.objects.filter(workstream=stream).order_by("external_id")
    manager = Actor.member(people["asha"])
    for item in items:
        external = item.external_id or ""
        disposition = {"VOL": "machine_coded", "BAT": "human_reviewed", "ELU": "discarded"}[external[:3]]
        work.update_item(item=item, by=manager, version=item.version, disposition=disposition)
        if external.startswith("BAT") and item.first_delivered_at is not None:
            errors = sum(random.random() < 0.006 for _ in range(20))
            sla.record_quality_check(
                item=item, checked_at=item.first_delivered_at + timedelta(hours=2), units=20, errors=errors, by=manager, note="Second read"
            )


def lay_out(streams: dict[str, Workstream], people: People, now: datetime) -> None:
    """Open work: something breached, due soon, at risk, on hold and new, wherever the hands of the clock stand."""
    random = seeded("open", now.date().replace(day=1))
    manager = Actor.member(people["asha"])
    nda = streams["NDA"]
    hours: list[tuple[float, str | None]] = [
        (24.7, "rita"), (23.6, "ren"), (21.9, None), (19.4, "rashid"), (15.2, "rita"), (11.5, None), (7.8, "ren"),
        (4.1, None), (2.2, None), (0.6, None),
    ]  # fmt: skip
    for ago, reviewer in hours:
        item = _item(nda, manager, f"Mutual NDA, {company(random)}", now - timedelta(hours=ago))
        if reviewer is not None:
            work.assign_item(item=item, member=people[reviewer], by=manager)
            item.refresh_from_db()
            if ago > 15:
                work.move_item(item=item, to="in_review", by=Actor.member(people[reviewer]))
    held = _item(nda, manager, f"One-way NDA, {company(random)}", now - timedelta(hours=38))
    work.pause_item(
        item=held, by=_tracker(people), party="client", reason="signature", note="Signature block unclear.", at=now - timedelta(hours=27)
    )
    contested(nda, people, now)
    decided(nda, people, now)
    _others(streams, people, now, manager)


def _others(streams: dict[str, Workstream], people: People, now: datetime, manager: Actor) -> None:
    _item(streams["NDA"], manager, "Does our form allow e-signature?", now - timedelta(minutes=70), kind="enquiry")
    _item(
        streams["NDA"],
        manager,
        "Wrong governing law in the Lumen NDA",
        now - timedelta(hours=3, minutes=8),
        kind="error",
        severity="critical",
    )
    drafting = streams["DRF"]
    for number, days in enumerate((3, 2, 1, 1)):
        item = _item(drafting, manager, f"Demand letter, claim {now.year}-{410 + number}", now - timedelta(days=days, hours=2))
        work.assign_item(item=item, member=people["rashid"], by=manager)
    waiting = _item(drafting, manager, f"Demand letter, claim {now.year}-118", now - timedelta(days=4))
    asked, why = now - timedelta(days=3), "Medical records outstanding."
    work.pause_item(item=waiting, by=_tracker(people), party="client", reason="documents", note=why, at=asked)
    batch = _item(
        streams["REV"], manager, "Supplemental batch 0121, 500 documents", now - timedelta(hours=6), priority="batch", quantity=Decimal(500)
    )
    work.assign_item(item=batch, member=people["ren"], by=manager)


def _item(stream: Workstream, by: Actor, title: str, received_at: datetime, **fields: Any) -> WorkItem:
    return work.create_item(workstream=stream, by=by, title=title, received_at=received_at, **fields)
